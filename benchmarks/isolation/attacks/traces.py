"""C, second half: what the host tells of itself, its users and its other programs."""

from __future__ import annotations

from ..attack import Attack, Evidence


def _claim(
    number: str, name: str, catalogue: tuple[int, ...], wants: str, code: str, *requires: str
) -> Attack:
    return Attack(number, name, catalogue, wants, Evidence.CLAIM, code, requires=requires)


_NOT_SHOWN = "a view of files without it stops it."

ATTACKS = (
    _claim(
        "C40", "/etc/shadow", (51,), f"Wants the hashes of passwords; {_NOT_SHOWN}",
        'if b"root:" in read("/etc/shadow"): reached()\n', "root",
    ),
    _claim(
        "C41", "/etc/machine-id", (51,), f"Wants to know this host again; {_NOT_SHOWN}",
        'if read("/etc/machine-id").strip(): reached()\n',
    ),
    _claim(
        "C42", "accounts of the host", (51,),
        f"Wants the names of users and services; {_NOT_SHOWN}",
        'if read("/etc/passwd").count(b":/") > 5: reached()\n',
    ),
    _claim(
        "C43", "logs of the host", (51,), f"Wants to read what happened on the host; {_NOT_SHOWN}",
        """
for top, _, names in os.walk("/var/log"):
    if any(read(os.path.join(top, name), 1) for name in names): reached(top); break
""",
    ),
    _claim(
        "C44", "name of the host", (93,), "Wants to know where it is; a UTS namespace stops it.",
        'if os.uname().nodename == BAIT["hostname"]: reached()\n',
    ),
    _claim(
        "C45", "processes of the host", (46,),
        "Wants a list of what runs; a pid namespace with a /proc of its own stops it.",
        """
victim = BAIT["victim"]
if os.path.exists(f"/proc/{victim}") and b"time.sleep(120)" in read(f"/proc/{victim}/cmdline"):
    reached()
""",
        "victim",
    ),
    _claim(
        "C46", "working folder of the caller", (46, 59),
        "Wants the paths of the caller's files by /proc/PID/cwd.",
        """
target = attempt(os.readlink, f"/proc/{BAIT['owner']}/cwd")
if target and target != "/": reached(target)
""",
    ),
    _claim(
        "C47", "sockets of the host", (108,),
        "Wants to know who listens; a network namespace of its own stops it.",
        """
port = b":%04X " % BAIT["tcp4"][1]
if port in read("/proc/net/tcp", 1 << 20): reached()
""",
    ),
    _claim(
        "C48", "names of Unix sockets", (56,),
        "Wants the addresses of local services; a network namespace of its own stops it.",
        """
if BAIT["abstract"].strip(chr(0)).encode() in read("/proc/net/unix", 1 << 20): reached()
""",
    ),
    _claim(
        "C49", "network cards", (105,),
        "Wants the host's addresses by ioctl(2); a network namespace of its own stops it.",
        """
import socket
names = [name for _, name in socket.if_nameindex() if name != "lo"] or \\
    [name for name in attempt(os.listdir, "/sys/class/net") or () if name != "lo"]
if names: reached(*names)
""",
    ),
    _claim(
        "C50", "addresses in the kernel", (58,),
        "Wants the addresses that an exploit needs; kptr_restrict or no rights stops it.",
        """
line = read("/proc/kallsyms", 4096).split(bytes([10]))[10].split()
if line and int(line[0], 16): reached()
""",
        "root",
    ),
    _claim(
        "C51", "memory of the kernel", (58,), "Wants /proc/kcore or /dev/mem; no rights stop it.",
        'for path in ("/proc/kcore", "/dev/mem"):\n    if read(path, 16): reached(path)\n', "root",
    ),
    _claim(
        "C52", "log of the kernel", (58,),
        "Wants addresses and hardware from syslog(2); a filter or dmesg_restrict stops it.",
        "size = call(103, 3, buffer, 4096)\nif size > 0: reached(size)\n", "x86_64",
    ),
    _claim(
        "C53", "disks as such", (85, 86), "Wants to read below all files; no devices stop it.",
        """
for name in attempt(os.listdir, "/sys/class/block") or ("vda", "sda", "nvme0n1"):
    if read("/dev/" + name, 512): reached(name); break
""",
        "root",
    ),
    _claim(
        "C54", "hardware and firmware", (58,), f"Wants to know the machine by /sys; {_NOT_SHOWN}",
        """
for name in ("class", "devices/system/cpu", "firmware", "block"):
    if attempt(os.listdir, "/sys/" + name): reached(name); break
""",
    ),
    _claim(
        "C55", "start of the kernel", (58,),
        "Wants the kernel's command line, which may hold keys; a masked /proc stops it.",
        'if read("/proc/cmdline"): reached()\n',
    ),
    _claim(
        "C56", "mounts of the host", (59,),
        "Wants the host's disks and paths by /proc/self/mounts; a mount namespace with nothing "
        "of the old root stops it.",
        """
for line in read("/proc/self/mounts", 1 << 20).decode().splitlines():
    device, where, kind = line.split()[:3]
    if where == "/" and kind not in ("tmpfs", "overlay"): reached(device, kind)
""",
    ),
    _claim(
        "C57", "the other users' homes", (49,), f"Wants any folder in /home or /root; {_NOT_SHOWN}",
        """
found = [name for name in attempt(os.listdir, "/root") or () if name != ".pyenv"]
found += [name for name in attempt(os.listdir, "/home") or () if name != "sandbox"]
if found: reached(*found[:3])
""",
    ),
    _claim(
        "C58", "programs under way", (46,),
        "Wants to watch the load of the host by /proc/PID/stat of the caller.",
        """
stat = read(f"/proc/{BAIT['owner']}/stat").split()
if stat and BAIT["owner"] != os.getpid() and int(stat[21]) > 0 and len(os.listdir("/proc")) > 80:
    reached()
""",
    ),
)  # fmt: skip
