"""D, first half: doors of the kernel that only attacks need."""

from __future__ import annotations

from ..attack import Attack, Evidence

_REFUSED = "a filter of system calls stops it."


def _call(
    number: str, name: str, catalogue: tuple[int, ...], wants: str, call: str, *requires: str
) -> Attack:
    """A system call whose success is the leak; tried in a child, for some change the process."""
    code = f"""
child = os.fork()
if child == 0:
    result = {call}
    if result >= 0: reached(result)
    else: print(os.strerror(-result), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    needs = ("x86_64", *requires)
    return Attack(number, name, catalogue, wants, Evidence.CLAIM, code, requires=needs)


def _cloned(flags: str) -> str:
    return f"call(56, {flags} | 17, 0, 0, 0, 0) or os._exit(0)"


def _mounted(flags: str) -> str:
    """In a namespace that tells the host's of nothing (MS_REC | MS_PRIVATE first)."""
    return (
        f'call(272, {flags}) or call(165, b"x", b"/", b"", 0x44000, 0) '
        'or call(165, b"x", b"/tmp", b"tmpfs", 0, 0)'
    )


_NAMESPACES = f"Wants to be root in a namespace, the way to most bugs of the kernel; {_REFUSED}"
_MOUNTS = f"Wants to change what lies where; {_REFUSED}"

ATTACKS = (
    _call("D01", "nested user namespace", (66,), _NAMESPACES, "call(272, 0x10000000)"),
    _call("D02", "nested user namespace by clone", (66,), _NAMESPACES, _cloned("0x10000000")),
    Attack(
        "D03", "nested user namespace by clone3", (66,),
        f"Wants the same by a call whose flags lie in memory, where no filter looks; {_REFUSED}",
        Evidence.CLAIM, """
flags = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
result = call(435, flags, 88)
if result == 0: os._exit(0)
reached(result) if result > 0 else print(os.strerror(-result))
""",
        requires=("x86_64",),
    ),
    _call("D04", "nested mount namespace", (66, 67), _NAMESPACES, "call(272, 0x10020000)"),
    _call("D05", "nested network namespace", (25, 75), _NAMESPACES, "call(272, 0x50000000)"),
    _call(
        "D06", "another's namespaces", (82,),
        "Wants into the network or files of a neighbour by setns(2); a pid namespace stops it.",
        'call(308, attempt(os.open, f"/proc/{BAIT[\'victim\']}/ns/net", 0) or -1, 0)',
        "victim", "root",
    ),
    _call("D07", "mount", (67,), _MOUNTS, _mounted("0x20000"), "root"),
    _call("D08", "the new mount calls: open_tree", (67,), _MOUNTS, 'call(428, -100, b"/", 0)'),
    _call("D09", "the new mount calls: fsopen", (67,), _MOUNTS, 'call(430, b"tmpfs", 0)', "root"),
    _call("D10", "a mount in its own namespace", (66, 67), _MOUNTS, _mounted("0x10020000")),
    _call(
        "D11", "chroot", (68,), f"Wants a root from which to break out; {_REFUSED}",
        'call(161, b"/tmp")', "root",
    ),
    _call(
        "D12", "io_uring", (69,),
        f"Wants operations that no filter of system calls sees; {_REFUSED}",
        "call(425, 8, buffer)",
    ),
    _call(
        "D13", "bpf", (70,), f"Wants programs in the kernel; {_REFUSED}",
        "call(321, 0, (ctypes.c_uint32 * 16)(2, 4, 8, 1), 64)",
    ),
    _call(
        "D14", "perf_event_open", (71,), f"Wants to watch the processor; {_REFUSED}",
        "call(298, (ctypes.c_uint64 * 16)(1 | (112 << 32), 0, 0, 0, 0, 0x61), 0, -1, -1, 0)",
    ),
    _call(
        "D15", "userfaultfd", (72,),
        f"Wants to hold the kernel in the middle of a copy, as exploits do; {_REFUSED}",
        "call(323, 1)",
    ),
    _call(
        "D16", "keyctl", (76,), f"Wants the keyring, where bugs and others' keys are; {_REFUSED}",
        "call(250, 0, -3, 1)",
    ),
    _call(
        "D17", "ptrace of a child", (65,), f"Wants to rule another process; {_REFUSED}",
        "call(101, 0, 0, 0, 0)",
    ),
    _call(
        "D18", "memory of a process of its own", (65,),
        f"Wants process_vm_readv(2) at all; {_REFUSED}",
        "call(310, os.getpid(), (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8), 1, "
        "(ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8), 1, 0)",
    ),
    _call(
        "D19", "handles of files", (66, 87),
        f"Wants numbers by which files can be opened past all paths; {_REFUSED}",
        'call(303, -100, b"/usr", ctypes.create_string_buffer(bytes([120]), 200), buffer, 0)',
    ),
    _call(
        "D20", "personality", (80,), f"Wants its addresses not to be random; {_REFUSED}",
        "call(135, 0x0040000)",
    ),
    _call(
        "D21", "modify_ldt", (81,), f"Wants segments of its own, an old source of bugs; {_REFUSED}",
        "call(154, 0, buffer, 64)",
    ),
    _call("D22", "iopl", (81,), f"Wants the ports of the hardware; {_REFUSED}",
          "call(172, 3)", "root"),
    Attack(
        "D23", "acct", (73,),
        f"Wants the accounting of processes in a file of its own (of none, here); {_REFUSED}",
        Evidence.CLAIM, """
result = call(163, b"/nowhere/at/all")
print(os.strerror(-result))
if -result == 2: reached("only the file was missing")
""",
        requires=("root", "x86_64"),
    ),
    _call(
        "D24", "settimeofday", (92,), f"Wants to set the clock (here to nothing); {_REFUSED}",
        "call(164, 0, 0)", "root",
    ),
    _call(
        "D25", "sethostname", (93,),
        f"Wants to name the host (here as it is called already); {_REFUSED}",
        "call(170, os.uname().nodename.encode(), len(os.uname().nodename))", "root",
    ),
    Attack(
        "D26", "loads a module", (73,), f"Wants its own code in the kernel; {_REFUSED}",
        Evidence.CLAIM, """
result = call(175, buffer, 16, b"")  # sixteen zeros are no module: a kernel that reads them says so
print(os.strerror(-result))
if -result in (8, 22): reached("the kernel read the module")
""",
        requires=("root", "x86_64"),
    ),
    Attack(
        "D27", "reboot", (73,), f"Wants the host to stop (asked with wrong magic); {_REFUSED}",
        Evidence.CLAIM, """
result = call(169, 1, 2, 3, 0)
if -result == 22: reached("only the magic was wrong")
""",
        requires=("root", "x86_64"),
    ),
    Attack(
        "D28", "types into the terminal", (77,),
        "Wants to push characters into a terminal (TIOCSTI); a filter of ioctl(2) stops it.",
        Evidence.CLAIM, """
import fcntl, pty
os.setsid() if os.getsid(0) != os.getpid() and os.getpgid(0) != os.getpid() else None
pair = attempt(pty.openpty)
if pair:
    attempt(fcntl.ioctl, pair[1], 0x540E, 0)  # TIOCSCTTY
    if attempt(fcntl.ioctl, pair[1], 0x5412, b"x") is not None: reached()
""",
    ),
    Attack(
        "D29", "the other table of system calls", (78,),
        f"Wants int 0x80, whose numbers mean other calls; {_REFUSED}",
        Evidence.CLAIM, """
import mmap
if os.fork() == 0:
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid(): reached()
    os._exit(0)
os.wait()
""",
        requires=("x86_64",),
    ),
    _call(
        "D30", "system calls of x32", (78,),
        f"Wants the third table, whose numbers have a high bit; {_REFUSED}",
        "call(0x40000000 | 39)",
    ),
    _call(
        "D31", "a vmsplice of its memory", (67,),
        f"Wants pages in a pipe as Dirty Pipe did; {_REFUSED}",
        "call(278, os.pipe()[1], (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 4096), 1, 0)",
    ),
    _call(
        "D32", "quotactl", (73,), f"Wants the quotas of the host's disks; {_REFUSED}",
        "call(179, 0x800001 << 8, 0, 0, buffer)", "root",
    ),
)  # fmt: skip
