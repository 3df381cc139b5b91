"""D, second half: rights, other processes, devices, and what the kernel can be told by files."""

from __future__ import annotations

from ..attack import Attack, Evidence

_CLAIM, _VICTIM = Evidence.CLAIM, Evidence.VICTIM
_OUT_OF_REACH = "a pid namespace of its own stops it."


def _on_victim(
    number: str, name: str, catalogue: tuple[int, ...], wants: str, code: str, *requires: str
) -> Attack:
    needs = ("victim", *requires)
    return Attack(number, name, catalogue, wants, _VICTIM, code, requires=needs)


def _socket(
    number: str, name: str, family: int, kind: int, *requires: str, protocol: int = 0
) -> Attack:
    wants = "Wants a rare family of sockets, where bugs are; an allow-list of families stops it."
    code = f"import socket\nif attempt(socket.socket, {family}, {kind}, {protocol}): reached()\n"
    return Attack(number, name, (74,), wants, _CLAIM, code, requires=requires)


def _writable(number: str, name: str, path: str, catalogue: tuple[int, ...]) -> Attack:
    wants = "Wants to tell the kernel by a file (opened, not written); a read-only view stops it."
    code = (
        f'import glob\nfor path in glob.glob("{path}"):\n'
        "    if attempt(os.open, path, os.O_WRONLY): reached(path)\n"
    )
    return Attack(number, name, catalogue, wants, _CLAIM, code, requires=("root",))


ATTACKS = (
    Attack(
        "D40", "set-uid programs", (64,),
        "Wants the rights of a program's owner; no_new_privs stops it.",
        _CLAIM, """
status = read("/proc/self/status").decode()
if libc.prctl(39, 0, 0, 0, 0) == 0: reached("no_new_privs is not set")
""",
    ),
    Attack(
        "D41", "capabilities", (66, 89), "Wants any right of root; giving all up stops it.",
        _CLAIM, """
fields = dict(line.split(":", 1) for line in read("/proc/self/status").decode().splitlines())
if int(fields["CapEff"], 16): reached(fields["CapEff"].strip())
""",
        requires=("root",),
    ),
    Attack(
        "D42", "to be root on the host", (89,),
        "Wants to be uid 0 outside, which limits do not bind; another uid stops it.",
        _CLAIM, """
maps = read("/proc/self/uid_map").split()
if os.getuid() == 0 and maps[1] == b"0": reached()
""",
        requires=("root",),
    ),
    Attack(
        "D43", "to get its rights back", (89,),
        "Wants to become root again by setuid(2); giving up all three uids stops it.",
        _CLAIM, """
maps = read("/proc/self/uid_map").split()
if attempt(os.setresuid, 0, 0, 0) is None and os.getuid() == 0 and maps[1] == b"0":
    reached()
""",
        requires=("root",),
    ),
    _on_victim(
        "D44", "kills a neighbour", (90,), f"Wants to end another process; {_OUT_OF_REACH}",
        'attempt(os.kill, BAIT["victim"], 9)\n',
    ),
    _on_victim(
        "D45", "stops a neighbour", (90,), f"Wants to halt another process; {_OUT_OF_REACH}",
        'attempt(os.kill, BAIT["victim"], 19)\n',
    ),
    _on_victim(
        "D46", "kills by descriptor", (90,),
        f"Wants the same by pidfd_send_signal(2); {_OUT_OF_REACH}",
        """
import signal
pidfd = attempt(os.pidfd_open, BAIT["victim"])
if pidfd: attempt(signal.pidfd_send_signal, pidfd, 9)
""",
    ),
    _on_victim(
        "D47", "slows a neighbour", (26,), f"Wants another to wait; {_OUT_OF_REACH}",
        'attempt(os.setpriority, os.PRIO_PROCESS, BAIT["victim"], 19)\n',
    ),
    _on_victim(
        "D49", "limits a neighbour", (91,),
        f"Wants to choke another by prlimit(2); {_OUT_OF_REACH}",
        """
attempt(resource.prlimit, BAIT["victim"], resource.RLIMIT_NOFILE, (8, 8))
""",
    ),
    _on_victim(
        "D50", "traces a neighbour", (65,), f"Wants to rule another by ptrace(2); {_OUT_OF_REACH}",
        'if call(101, 0x4206, BAIT["victim"], 0, 0) == 0:\n    import time; time.sleep(0.2)\n'
        '    os.kill(BAIT["victim"], 9)\n',
        "x86_64",
    ),
    _on_victim(
        "D51", "offers a neighbour to the killer", (4,),
        f"Wants the host to kill another first when memory runs out; {_OUT_OF_REACH}",
        """
def offer():
    with open(f"/proc/{BAIT['victim']}/oom_score_adj", "w") as file: file.write("900")
attempt(offer)
""",
    ),
    _on_victim(
        "D52", "crowds a neighbour", (26,), f"Wants another on one processor; {_OUT_OF_REACH}",
        'attempt(os.sched_setaffinity, BAIT["victim"], [min(os.sched_getaffinity(0))])\n',
    ),
    Attack(
        "D53", "a signal to the caller", (90,),
        f"Wants to reach the process that called (with signal 0); {_OUT_OF_REACH}",
        _CLAIM, """
def probe(): os.kill(BAIT["owner"], 0); return True
line = read(f"/proc/{BAIT['owner']}/cmdline")
if BAIT["owner"] != os.getpid() and attempt(probe) and b"/" in line: reached()
""",
    ),
    _socket("D54", "packet socket", 17, 3, "root"),
    _socket("D55", "netlink socket", 16, 3),
    _socket("D56", "socket of kernel crypto", 38, 5),
    _socket("D57", "socket to the hypervisor", 40, 1),
    _socket("D58", "XDP socket", 44, 3, "root"),
    _socket("D59", "raw IP socket", 2, 3, "root", protocol=255),
    _writable("D60", "core_pattern", "/proc/sys/kernel/core_pattern", (83,)),
    _writable("D61", "sysrq-trigger", "/proc/sysrq-trigger", (83,)),
    _writable("D62", "settings of the kernel", "/proc/sys/kernel/ns_last_pid", (83,)),
    _writable("D63", "control groups", "/sys/fs/cgroup/**/cgroup.procs", (84,)),
    _writable("D64", "helper of hot plug", "/sys/kernel/uevent_helper", (83,)),
    Attack(
        "D65", "makes a disk device", (85,),
        "Wants a node of the host's disk by mknod(2); no right or nodev stops it.",
        _CLAIM, """
import stat
name = "/tmp/" + BAIT["token"]
attempt(os.mknod, name, stat.S_IFBLK | 0o600, os.makedev(254, 0))
if os.path.exists(name): os.unlink(name); reached()
""",
        requires=("root",),
    ),
    Attack(
        "D66", "devices of the host", (85, 86),
        "Wants doors such as fuse, kvm, tun, loop; a /dev of its own stops it.",
        _CLAIM, """
for name in ("fuse", "kvm", "net/tun", "loop-control", "mapper/control", "kmsg", "vda", "ptmx"):
    if attempt(os.open, "/dev/" + name, os.O_RDWR | os.O_NONBLOCK): reached(name); break
""",
    ),
)  # fmt: skip
