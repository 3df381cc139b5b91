"""A, first half: processes, threads, time."""

from __future__ import annotations

from ..attack import Attack, Evidence

_COUNT, _ALIVE, _TIME = Evidence.PROCESSES, Evidence.ALIVE, Evidence.TIME

ATTACKS = (
    Attack(
        "A01", "fork bomb", (1,),
        "Wants 300 processes at once; a process limit on the whole run stops it.",
        _COUNT, """
import time
for _ in range(300):
    if attempt(os.fork) == 0: time.sleep(1); os._exit(0)
time.sleep(0.7)
""",
    ),
    Attack(
        "A02", "chain of processes", (2,),
        "Wants 300 generations, each alive; a limit that counts all, not by parent, stops it.",
        _COUNT, """
import time
for _ in range(300):
    child = attempt(os.fork)
    if child != 0: break
time.sleep(1.2)
""",
    ),
    Attack(
        "A03", "thread bomb", (3,),
        "Wants 300 threads; threads must count as processes do.",
        _COUNT, """
import threading, time
threading.stack_size(64 << 10)
try:
    for _ in range(300): threading.Thread(target=time.sleep, args=(0.8,), daemon=True).start()
except RuntimeError: pass
time.sleep(0.7)
""",
    ),
    Attack(
        "A04", "fork bomb of other programs", (1,),
        "Wants 300 copies of sleep(1); a limit that follows exec stops it.",
        _COUNT, """
import time
def start(): return os.posix_spawn("/bin/sleep", [BAIT["token"], "1.2"], os.environ)
for _ in range(300): attempt(start)
time.sleep(0.8)
""",
    ),
    Attack(
        "A05", "fork bomb of a shell", (1,),
        "Wants 300 background jobs of bash; a process limit stops it.",
        _COUNT, """
for n in $(seq 300); do (exec -a $BAIT_TOKEN sleep 1.2) & done 2>/dev/null
sleep 0.7
""",
        language="bash", requires=("bash",),
    ),
    Attack(
        "A06", "fork bomb in sessions of their own", (1, 17),
        "Wants 300 processes, each the leader of a session; a limit by group would miss them.",
        _COUNT, """
import time
for _ in range(300):
    if attempt(os.fork) == 0: os.setsid(); time.sleep(1.5); os._exit(0)
time.sleep(0.7)
""",
    ),
    Attack(
        "A07", "zombies", (18,),
        "Wants 300 dead children that nobody buries; they count until they are.",
        _COUNT, """
import time
for _ in range(300):
    if attempt(os.fork) == 0: os._exit(0)
time.sleep(0.7)
""",
    ),
    Attack(
        "A08", "clone bomb", (1, 19),
        "Wants 300 processes by clone(2), past the C library; a limit of the kernel stops it.",
        _COUNT, """
import time
for _ in range(300):
    child = call(56, 17, 0, 0, 0, 0)
    if child == 0: time.sleep(1); os._exit(0)
time.sleep(0.7)
""",
        requires=("x86_64",),
    ),
    Attack(
        "A09", "endless loop", (12,),
        "Wants a processor for ever; a limit of time stops it.",
        _TIME, "while True: pass\n", seconds=1.5,
    ),
    Attack(
        "A10", "sleeps for ever", (13,),
        "Uses no processor, so only a limit of wall time stops it.",
        _TIME, "import time\ntime.sleep(40)\n", seconds=1.5,
    ),
    Attack(
        "A11", "an endless call in C", (14,),
        "Holds the interpreter's lock, so that no timer inside fires; a kill from outside does it.",
        _TIME, "import re\nre.match('(a+)+$', 'a' * 64 + 'b')\n", seconds=1.5,
    ),
    Attack(
        "A12", "ignores every signal", (15,),
        "Wants to outlast a polite request to end; SIGKILL stops it.",
        _TIME, """
import signal
for number in signal.valid_signals(): attempt(signal.signal, number, signal.SIG_IGN)
while True: pass
""",
        seconds=1.5,
    ),
    Attack(
        "A13", "stops itself", (13, 15),
        "A stopped process takes no SIGTERM; SIGKILL to the tree stops it.",
        _TIME, "import signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", seconds=1.5,
    ),
    Attack(
        "A14", "a crowd that outlasts its limit", (12, 17),
        "Eight loops in sessions of their own; killing a process group misses them.",
        _TIME, """
for _ in range(8):
    if attempt(os.fork) == 0: os.setsid(); break
while True: pass
""",
        seconds=1.5,
    ),
    Attack(
        "A15", "daemon", (16,),
        "Forks twice to outlive the run; ending its pid namespace or cgroup stops it.",
        _ALIVE, """
import time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        time.sleep(20)
    os._exit(0)
""",
    ),
    Attack(
        "A16", "daemon that keeps the pipes", (16, 37),
        "Outlives the run with its output open, so that a reader waits for ever.",
        _ALIVE, """
import time
if os.fork() == 0:
    os.setsid()
    time.sleep(20)
    os._exit(0)
""",
    ),
    Attack(
        "A17", "daemon of a shell", (16, 17),
        "Wants nohup and setsid to carry it past the end of the run.",
        _ALIVE, "(exec -a $BAIT_TOKEN setsid -f nohup $(command -v sleep) 20) >/dev/null 2>&1\n"
        "setsid bash -c 'exec -a '$BAIT_TOKEN' sleep 20' >/dev/null 2>&1 &\nsleep 0.2\n",
        language="bash", requires=("bash",),
    ),
    Attack(
        "A18", "daemon deaf to signals", (15, 16, 91),
        "Clears its parent-death signal, blocks all others and outlives the run.",
        _ALIVE, """
import signal, time
if os.fork() == 0:
    os.setsid()
    libc.prctl(1, 0, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    if os.fork() == 0:
        os.closerange(0, 100)
        time.sleep(20)
    os._exit(0)
""",
    ),
    Attack(
        "A19", "kills its supervisor", (15, 90),
        "Kills its parent, which was to end it, and stays; the parent must not be in reach.",
        _ALIVE, """
import signal, time
if os.getppid() != BAIT["owner"]: attempt(os.kill, os.getppid(), signal.SIGKILL)
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 100)
    time.sleep(20)
""",
    ),
    Attack(
        "A20", "child of another parent", (19,),
        "By clone(CLONE_PARENT) its child becomes its supervisor's; a filter on the flag stops it.",
        Evidence.CLAIM, """
child = call(56, 0x8000 | 17, 0, 0, 0, 0)
if child == 0: os._exit(0)
reached(child) if child > 0 else print(os.strerror(-child))
""",
        requires=("x86_64",),
    ),
    Attack(
        "A21", "a daemon that forks on and on", (1, 16),
        "Each generation lives 50 ms, so that a sweep of process numbers misses it.",
        _ALIVE, """
import time
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 100)
    for _ in range(200):
        time.sleep(0.05)
        if os.fork(): os._exit(0)
""",
    ),
)  # fmt: skip
