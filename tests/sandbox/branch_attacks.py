"""What a branch without namespaces tries on its parent, and how it is seen that it would work.

Each attack knows the ``pid`` of its victim, the ``address`` and ``size`` of a secret in its memory
(a fork has it at the same one), its ``folder`` and ``temporary`` folder, and prints ``REACHED``.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from sandcrew.sandbox import Sandbox

PRELUDE = """
import ctypes, os, signal, struct, sys, tempfile
libc = ctypes.CDLL(None, use_errno=True)
secret = ctypes.create_string_buffer(b"of the victim")
pid, address, size = os.getpid(), ctypes.addressof(secret), len(secret)
folder, temporary = os.getcwd(), tempfile.mkdtemp()
for place in (folder, temporary):
    open(place + "/kept", "w").write("of the victim")
    os.mkdir(place + "/kept.d")
"""
"""Run in the victim."""

TRY = """
def attempt(action):
    try: answer = action()
    except (OSError, ImportError) as error: return print("refused:", error)
    print("refused:" if answer is False or answer == -1 else "REACHED", answer)
"""
"""What a C function refuses is -1."""

_PTRACE, _VM_READ, _VM_WRITE, _GETFD = {
    "x86_64": (101, 310, 311, 438),
    "aarch64": (117, 270, 271, 438),
}[platform.machine()]

ATTACKS = {
    "signals it": """
attempt(lambda: os.kill(pid, 0) is None)
attempt(lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 0) is None)
attempt(lambda: libc.sigqueue(pid, 0, 0))
attempt(lambda: os.killpg(os.getpgid(pid), 0) is None)
""",
    "traces it": f"""
attempt(lambda: libc.syscall({_PTRACE}, 0x4206, pid, 0, 0))
""",
    "reads its memory": f"""
class Vector(ctypes.Structure): _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]
mine = ctypes.create_string_buffer(size)
here, there = Vector(ctypes.addressof(mine), size), Vector(address, size)
here, there = ctypes.byref(here), ctypes.byref(there)
attempt(lambda: libc.syscall({_VM_READ}, pid, here, 1, there, 1, ctypes.c_long(0)))
attempt(lambda: libc.syscall({_VM_WRITE}, pid, here, 1, there, 1, ctypes.c_long(0)))
""",
    "opens its memory": """
def read():
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)
attempt(read)
""",
    "looks into it": """
for name in ("environ", "maps", "smaps", "auxv", "io", "syscall"):
    attempt(lambda: open(f"/proc/{pid}/{name}", "rb").read(1))
for name in ("cwd", "root", "exe", "fd/0", "ns/net"):
    attempt(lambda: os.readlink(f"/proc/{pid}/{name}"))
attempt(lambda: os.listdir(f"/proc/{pid}/cwd"))
""",
    "counts its descriptors": """
attempt(lambda: os.listdir(f"/proc/{pid}/fd"))
""",
    "takes its descriptors": f"""
attempt(lambda: libc.syscall({_GETFD}, os.pidfd_open(pid), 0, 0))
attempt(lambda: open(f"/proc/{{pid}}/fd/0", "rb"))
""",
    "changes its limits and priority": """
import resource
attempt(lambda: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)))
attempt(lambda: os.setpriority(os.PRIO_PROCESS, pid, 19) is None)
attempt(lambda: os.sched_setaffinity(pid, os.sched_getaffinity(0)) is None)
attempt(lambda: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)) is None)
attempt(lambda: open(f"/proc/{pid}/oom_score_adj", "w").write("1000"))
attempt(lambda: open(f"/proc/{pid}/coredump_filter", "w").write("0"))
""",
    "reads its files": """
for place in (folder, temporary):
    attempt(lambda: open(place + "/kept").read())
    attempt(lambda: os.link(place + "/kept", "linked" + place.replace("/", "-")) is None)
""",
    "lists its files": """
for place in (folder, temporary): attempt(lambda: os.listdir(place))
attempt(lambda: os.listdir(os.path.dirname(folder)))
""",
    "writes its files": """
for place in (folder, temporary):
    attempt(lambda: open(place + "/kept", "a").write("more"))
    attempt(lambda: open(place + "/new", "w").write("new"))
    attempt(lambda: os.mkdir(place + "/new.d") is None)
    attempt(lambda: os.symlink("kept", place + "/new.l") is None)
    attempt(lambda: os.mkfifo(place + "/new.f") is None)
    attempt(lambda: os.truncate(place + "/kept", 1) is None)
    attempt(lambda: os.rename(place + "/kept", place + "/moved") is None)
    attempt(lambda: os.rmdir(place + "/kept.d") is None)
    attempt(lambda: os.unlink(place + "/moved") is None)
""",
    "shares memory by name": """
made = [libc.shmget(0, 4096, 0o600), libc.msgget(0, 0o600), libc.semget(0, 1, 0o600)]
attempt(lambda: libc.shmctl(made[0], 0, None))
attempt(lambda: libc.msgctl(made[1], 0, None))
attempt(lambda: libc.semctl(made[2], 0, 0, None))
attempt(lambda: open("/dev/shm/of-a-branch", "w").write("x") > 0)
attempt(lambda: os.unlink("/dev/shm/of-a-branch") is None)
""",
    "listens where others find it": """
import socket
def bound(kind, address):
    sock = socket.socket(*kind)
    sock.bind(address)
    return sock.getsockname()
attempt(lambda: bound((socket.AF_UNIX,), "\\0of-a-branch"))
attempt(lambda: bound((socket.AF_INET,), ("127.0.0.1", 0)))
attempt(lambda: bound((socket.AF_INET, socket.SOCK_DGRAM), ("127.0.0.1", 0)))
""",
    "watches its files": """
attempt(lambda: libc.inotify_add_watch(libc.inotify_init(), folder.encode(), 0xFFF))
""",
}

CHANGES_MODES = """
for action in (lambda: os.chmod(folder + "/kept", 0), lambda: os.utime(folder + "/kept", (1, 1))):
    try: action()
    except OSError: pass
"""
"""These may answer as if they worked."""


def unconfined(code: str, folder: Path) -> str:
    """The same on a process of the host: what would be reached."""
    fork = """
victim = os.fork()
if not victim: signal.pause()
pid = victim
try:
"""
    attack = "".join(f"    {line}\n" for line in (TRY + code).splitlines())
    text = f"{PRELUDE}{fork}{attack}finally: os.kill(victim, 9)\n"
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.stdout + done.stderr


async def from_a_branch(code: str, box: Sandbox) -> tuple[str, list[object], list[object]]:
    """What an attack prints, and how the victim's files were before and after."""
    state = "[(sorted(os.listdir(p)), open(p + '/kept').read(), os.stat(p + '/kept').st_mode, "
    state += "os.stat(p + '/kept').st_mtime) for p in (folder, temporary)]"
    async with box.session() as session:
        made = await session.run(PRELUDE)
        assert made.exit_code == 0, made.output
        before = (await session.run(state)).value
        async with session.branch() as branch:
            result = await branch.run(TRY + code)
            assert not result.state_lost, result.output
        after = await session.run(state)
        assert not after.state_lost, "the victim lives"
        return result.output, before, after.value
