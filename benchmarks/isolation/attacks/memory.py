"""A, second half: memory, descriptors and other things the kernel keeps."""

from __future__ import annotations

from ..attack import Attack, Evidence

_MEMORY, _CLAIM = Evidence.MEMORY, Evidence.CLAIM

ATTACKS = (
    Attack(
        "A30", "memory bomb", (4,),
        "Wants 300 MiB at once; a limit of memory stops it.",
        _MEMORY, "import time\nblock = bytearray(os.urandom(1)) * (300 << 20)\ntime.sleep(0.5)\n",
    ),
    Attack(
        "A31", "memory of many children", (5,),
        "Wants 6 times 50 MiB; a limit for each process is none for the run.",
        _MEMORY, """
import time
for _ in range(5):
    if attempt(os.fork) == 0: break
block = b"x" * (50 << 20)
time.sleep(1)
""",
    ),
    Attack(
        "A32", "shared anonymous memory", (5,),
        "Wants 300 MiB that are not on any heap; memory that is mapped shared must count.",
        _MEMORY, """
import mmap, time
block = mmap.mmap(-1, 300 << 20)
for offset in range(0, 300 << 20, 4096): block[offset] = 1
time.sleep(0.5)
""",
    ),
    Attack(
        "A33", "files in memory", (7,),
        "Wants 300 MiB in memfd files of 10 MiB; they are no data of the process.",
        _MEMORY, """
import mmap, time
kept = []
try:
    for _ in range(30):
        fd = os.memfd_create("x")
        os.ftruncate(fd, 10 << 20)
        kept.append(mmap.mmap(fd, 10 << 20))
        for offset in range(0, 10 << 20, 4096): kept[-1][offset] = 1
except (OSError, ValueError) as error: print(error)
time.sleep(0.5)
""",
    ),
    Attack(
        "A34", "System V shared memory", (7,),
        "Wants 300 MiB that outlive it; a namespace of its own or no shmget stops it.",
        _MEMORY, """
import time
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(0, ctypes.c_size_t(300 << 20), 0o1600)
address = libc.shmat(segment, None, 0) if segment >= 0 else None
if address not in (None, 2 ** 64 - 1):
    libc.shmctl(segment, 0, None)
    ctypes.memset(ctypes.c_void_p(address), 1, 300 << 20)
time.sleep(0.5)
""",
    ),
    Attack(
        "A35", "stack", (4, 11),
        "Wants 300 MiB of stack, which a limit on data does not count.",
        _MEMORY, """
#include <alloca.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_STACK, &limit);
    if (argc == 1) execl("/proc/self/exe", argv[0], "again", NULL);
    if (limit.rlim_max < (512 << 20)) return 1;
    volatile char *block = alloca(300 << 20);
    for (long n = (300 << 20) - 1; n > 0; n -= 4096) block[n] = 1;
    usleep(500000);
    return block[4095];
}
""",
        language="c",
    ),
    Attack(
        "A36", "page tables", (11,),
        "Reads one page in each of 80,000 tables, 300 MiB that only a cgroup counts.",
        _MEMORY, """
import mmap, time
block = mmap.mmap(-1, 160 << 30, flags=0x4022, prot=mmap.PROT_READ)
for offset in range(0, 160 << 30, 2 << 20): block[offset]
time.sleep(0.5)
""",
    ),
    Attack(
        "A37", "memory that a child keeps", (5, 16),
        "Hands 45 MiB on to each generation of children, six at a time.",
        _MEMORY, """
import time
for generation in range(6):
    block = bytearray(b"x") * (45 << 20)
    if attempt(os.fork) != 0: break
time.sleep(1.2)
""",
    ),
    Attack(
        "A38", "pipes full of data", (8,),
        "Wants more than the limit of memory in pipes of 1 MiB; the kernel's memory must count.",
        _CLAIM, """
import fcntl
parked, pipes = 0, []
def fill():
    global parked
    pipes.append(os.pipe())
    attempt(fcntl.fcntl, pipes[-1][1], 1031, 1 << 20)
    os.set_blocking(pipes[-1][1], False)
    while written := attempt(os.write, pipes[-1][1], bytes(1 << 20)): parked += written
for _ in range(200): attempt(fill)
reached(parked >> 20, "MiB") if parked > 140 << 20 else print(parked >> 20, "MiB")
""",
    ),
    Attack(
        "A39", "sockets full of data", (8,),
        "Wants more than the limit of memory in buffers of socket pairs.",
        _CLAIM, """
import resource, socket
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
parked, kept = 0, []
def fill():
    global parked
    kept.extend(socket.socketpair())
    kept[-1].setblocking(False)
    while written := attempt(kept[-1].send, bytes(1 << 16)): parked += written
for _ in range(1200): attempt(fill)
reached(parked >> 20, "MiB") if parked > 140 << 20 else print(parked >> 20, "MiB")
""",
    ),
    Attack(
        "A40", "locked memory", (10,),
        "Wants 4 MiB that can never be swapped; RLIMIT_MEMLOCK stops it.",
        _CLAIM, """
import mmap
block = mmap.mmap(-1, 4 << 20)
address = ctypes.addressof(ctypes.c_char.from_buffer(block))
reached() if libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(4 << 20)) == 0 else print("no")
""",
    ),
    Attack(
        "A41", "descriptors", (20,),
        "Wants 9,000 open files; RLIMIT_NOFILE stops it.",
        _CLAIM, """
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
count = 0
while count < 9000 and attempt(os.open, "/dev/null", 0): count += 1
reached(count) if count == 9000 else print(count)
""",
    ),
    Attack(
        "A42", "timers", (21, 23),
        "Wants 5,000 timers of the kernel; RLIMIT_SIGPENDING stops it.",
        _CLAIM, """
timer = ctypes.c_void_p()
count = 0
while count < 5000 and libc.timer_create(1, None, ctypes.byref(timer)) == 0: count += 1
reached(count) if count == 5000 else print(count)
""",
    ),
    Attack(
        "A43", "queued signals", (23,),
        "Wants 5,000 signals in its queue; RLIMIT_SIGPENDING stops it.",
        _CLAIM, """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
count = 0
while count < 5000 and libc.sigqueue(os.getpid(), 40, None) == 0: count += 1
reached(count) if count == 5000 else print(count)
""",
    ),
    Attack(
        "A44", "message queue of POSIX", (22,),
        "Wants kernel memory by name; RLIMIT_MSGQUEUE or a namespace of its own stops it.",
        _CLAIM, """
name = ("/" + BAIT["token"]).encode()
queue = libc.mq_open(name, 0o102, 0o600, None)
libc.mq_unlink(name)
reached() if queue >= 0 else print(os.strerror(ctypes.get_errno()))
""",
    ),
    Attack(
        "A45", "semaphores of System V", (22,),
        "Wants objects that outlive it; a filter or a namespace of its own stops it.",
        _CLAIM, """
key = libc.semget(0, 100, 0o1600)
if key >= 0 and libc.semctl(key, 0, 0) == 0: reached()
""",
    ),
    Attack(
        "A46", "message queue of System V", (22,),
        "Wants objects that outlive it; a filter or a namespace of its own stops it.",
        _CLAIM, """
key = libc.msgget(0, 0o1600)
if key >= 0 and libc.msgctl(key, 0, None) == 0: reached()
""",
    ),
    Attack(
        "A47", "keys", (24,),
        "Wants the kernel to keep data for it beside all files; a filter on add_key stops it.",
        _CLAIM, """
key = call(248, b"user", BAIT["token"].encode(), b"data", 4, -2)
reached(key) if key > 0 else print(os.strerror(-key))
""",
        requires=("x86_64",),
    ),
    Attack(
        "A48", "real-time priority", (26,),
        "Wants to run before everyone else on the host; RLIMIT_RTPRIO 0 without rights stops it.",
        _CLAIM, """
if attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)) is None:
    if os.sched_getscheduler(0) == os.SCHED_FIFO: reached()
""",
        requires=("root",),
    ),
    Attack(
        "A49", "higher priority", (26,),
        "Wants to be nicer to itself than to the host; RLIMIT_NICE 0 without rights stops it.",
        _CLAIM, "attempt(os.setpriority, os.PRIO_PROCESS, 0, -10)\n"
        "if os.getpriority(os.PRIO_PROCESS, 0) < 0: reached()\n",
        requires=("root",),
    ),
    Attack(
        "A50", "last in line to be killed", (4,),
        "Wants the host to kill others first when memory runs out; no right to lower its score "
        "stops it.",
        _CLAIM, """
def lower():
    with open("/proc/self/oom_score_adj", "w") as file: file.write("-900")
attempt(lower)
if read("/proc/self/oom_score_adj").startswith(b"-"): reached()
""",
        requires=("root",),
    ),
    Attack(
        "A51", "raises its own limits", (89,),
        "Wants the hard limits away that root can raise; an unprivileged uid stops it.",
        _CLAIM, """
for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_DATA):
    low = (1000, 1000) if kind != resource.RLIMIT_DATA else (1 << 40, 1 << 40)
    hard = resource.getrlimit(kind)[1]
    if hard == -1: attempt(resource.setrlimit, kind, low)
    hard = resource.getrlimit(kind)[1]
    attempt(resource.setrlimit, kind, (hard + 1, hard + 1))
    if resource.getrlimit(kind)[1] > hard: reached(kind)
""",
        requires=("root",),
    ),
)  # fmt: skip
