"""B: disk and output."""

from __future__ import annotations

from ..attack import Attack, Evidence

_CLAIM, _OUTPUT = Evidence.CLAIM, Evidence.OUTPUT

# Counts the blocks that the file system gave, and takes the files away again.
_FILL = """
import shutil, tempfile
LIMIT = 16 << 20
def measure(folder):
    size = 0
    for top, _, names in os.walk(folder):
        size += sum(os.lstat(os.path.join(top, name)).st_blocks * 512 for name in names)
    return size
def fill(where, write):
    folder = attempt(tempfile.mkdtemp, "", "attack-", where)
    if folder is None: return print("cannot write to", where)
    attempt(write, folder)
    size = measure(folder)
    shutil.rmtree(folder, ignore_errors=True)
    reached(size >> 20, "MiB") if size > 2 * LIMIT else print(size >> 20, "MiB")
def many(folder):
    for number in range(12):
        with open(f"{folder}/{number}", "wb") as file:
            for _ in range(4): file.write(os.urandom(1 << 20))
"""

_WANTS = "Wants 48 MiB where 16 are allowed; a file system of limited size stops it."


def _filling(number: str, name: str, where: str) -> Attack:
    code = f"{_FILL}fill({where}, many)\n"
    return Attack(number, name, (29,), _WANTS, _CLAIM, code)


ATTACKS = (
    _filling("B01", "fills its folder", '"."'),
    _filling("B02", "fills /tmp", '"/tmp"'),
    _filling("B03", "fills /dev/shm", '"/dev/shm"'),
    _filling("B04", "fills the home", 'os.path.expanduser("~")'),
    _filling("B05", "fills /var/tmp", '"/var/tmp"'),
    Attack(
        "B06", "one big file", (29,), _WANTS, _CLAIM, _FILL + """
def one(folder):
    with open(f"{folder}/x", "wb") as file:
        for _ in range(48): file.write(os.urandom(1 << 20)); file.flush()
fill(".", one)
""",
    ),
    Attack(
        "B07", "reserves room without writing", (29,), _WANTS, _CLAIM, _FILL + """
def reserve(folder):
    for number in range(12):
        fd = os.open(f"{folder}/{number}", os.O_CREAT | os.O_RDWR)
        os.posix_fallocate(fd, 0, 4 << 20)
fill(".", reserve)
""",
    ),
    Attack(
        "B08", "fills through a mapping", (29, 31),
        "Wants 48 MiB in a sparse file that is only written by memory; limits on write(2) miss it.",
        _CLAIM, _FILL + """
import mmap
def mapped(folder):
    fd = os.open(f"{folder}/x", os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, 48 << 20)
    with mmap.mmap(fd, 48 << 20) as block:
        for offset in range(0, 48 << 20, 4096): block[offset] = 1
        block.flush()
fill(".", mapped)
""",
    ),
    Attack(
        "B09", "files without a name", (29,),
        "Wants 48 MiB in files that no listing shows; a quota of the file system counts them.",
        _CLAIM, """
kept = []
def one(number):
    fd = os.open(BAIT["token"] + str(number), os.O_CREAT | os.O_RDWR)
    os.unlink(BAIT["token"] + str(number))
    kept.append(fd)
    for _ in range(4): os.write(fd, os.urandom(1 << 20))
for number in range(12): attempt(one, number)
size = sum(os.fstat(fd).st_blocks * 512 for fd in kept)
reached(size >> 20, "MiB") if size > 32 << 20 else print(size >> 20, "MiB")
""",
    ),
    Attack(
        "B10", "a million small files", (30,),
        "Wants 5,000 inodes; a limit on their number stops it.",
        _CLAIM, _FILL + """
def touch(folder):
    for number in range(5_000): os.close(os.open(f"{folder}/{number}", os.O_CREAT))
folder = tempfile.mkdtemp(dir=".")
attempt(touch, folder)
count = len(os.listdir(folder))
shutil.rmtree(folder, ignore_errors=True)
reached(count) if count == 5_000 else print(count)
""",
    ),
    Attack(
        "B11", "a file that seems to be huge", (31,),
        "Wants a size of 1 TiB for whoever copies it; RLIMIT_FSIZE or the file system stops it.",
        _CLAIM, """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
fd = os.open("sparse", os.O_CREAT | os.O_RDWR)
attempt(os.ftruncate, fd, 1 << 40)
size = os.fstat(fd).st_size
os.unlink("sparse")
reached(size) if size >= 1 << 40 else print(size)
""",
    ),
    Attack(
        "B12", "many folders", (30, 32),
        "Wants 5,000 folders, which are inodes too; a limit on their number stops it.",
        _CLAIM, _FILL + """
folder = tempfile.mkdtemp(dir=".")
count = 0
while count < 5_000 and not attempt(os.mkdir, f"{folder}/{count}"):
    count += 1
    if not os.path.isdir(f"{folder}/{count - 1}"): break
shutil.rmtree(folder, ignore_errors=True)
reached(count) if count == 5_000 else print(count)
""",
    ),
    Attack(
        "B13", "unpacks a bomb", (42,),
        "Wants 48 MiB out of 48 KiB; a file system of limited size stops it.",
        _CLAIM, _FILL + """
import gzip
bomb = gzip.compress(bytes(4 << 20))
def unpack(folder):
    for number in range(12):
        with open(f"{folder}/{number}", "wb") as file: file.write(gzip.decompress(bomb))
fill(".", unpack)
""",
    ),
    Attack(
        "B14", "floods its output", (34,),
        "Wants 32 MiB of lines with the caller; a limit in the reader stops it.",
        _OUTPUT, "for _ in range(4096): print('x' * 8191)\n",
    ),
    Attack(
        "B15", "one endless line", (35,),
        "Wants 32 MiB without a line end, which readers of lines keep whole.",
        _OUTPUT, "for _ in range(4096): sys.stdout.write('x' * 8192)\n",
    ),
    Attack(
        "B16", "floods its error output", (34, 36),
        "Wants 32 MiB on the other stream; each must have its limit.",
        _OUTPUT, "for _ in range(4096): sys.stderr.write('x' * 8191 + chr(10))\n",
    ),
    Attack(
        "B17", "a crowd floods the output", (34,),
        "Four processes write 8 MiB each; the limit is one for all.",
        _OUTPUT, """
for _ in range(3):
    if attempt(os.fork) == 0: break
for _ in range(1024): os.write(1, b"x" * 8191 + bytes([10]))
if attempt(os.wait): pass
""",
    ),
    Attack(
        "B18", "dumps its memory", (43,),
        "Wants a core file, with all that was in memory; RLIMIT_CORE 0 as a hard limit stops it.",
        _CLAIM, """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
libc.prctl(4, 1, 0, 0, 0)
child = os.fork()
if child == 0: os.abort()
status = os.waitpid(child, 0)[1]
reached() if os.WCOREDUMP(status) else print("no core")
""",
    ),
    Attack(
        "B19", "leaves a file in /tmp", (44,),
        "Wants to leave something for later on the host; a private /tmp stops it.",
        Evidence.CHANGED, 'attempt(open, "/tmp/" + BAIT["token"], "w")\n',
    ),
    Attack(
        "B20", "leaves a file in /dev/shm", (44, 95),
        "Wants to leave something in memory that all share; a private /dev/shm stops it.",
        Evidence.CHANGED, 'attempt(open, "/dev/shm/" + BAIT["token"], "w")\n',
    ),
    Attack(
        "B21", "finds what an earlier run left", (44, 50),
        "Wants to read in /tmp what the run before it wrote; a fresh /tmp stops it.",
        _CLAIM, 'attempt(open, "/tmp/" + BAIT["token"], "w")\n',
        then='if os.path.exists("/tmp/" + BAIT["token"]): reached()\n',
    ),
    Attack(
        "B22", "finds what an earlier run shared", (44, 95),
        "Wants to read in /dev/shm what the run before it wrote; a fresh one stops it.",
        _CLAIM, 'attempt(open, "/dev/shm/" + BAIT["token"], "w")\n',
        then='if os.path.exists("/dev/shm/" + BAIT["token"]): reached()\n',
    ),
)  # fmt: skip
