"""G, third part: what commands show, and what a run sees of the host that started it."""

from __future__ import annotations

from ..attack import Attack, Evidence

_TERMINAL = (
    "Wants to drive the terminal of who reads the output, the transcript or a pipe of it; taking "
    "out control characters stops it."
)

# A host without care: the first part of the output, and whether it could read all of it.
_FIRST = """
import subprocess
program = max(folder.glob("attack0.py"))
done = subprocess.run([sys.executable, program], capture_output=True)
print(done.stdout[:65536].decode())
sys.exit(1 if len(done.stdout) != len(done.stdout.decode().encode()) else 0)
"""


def _drives(number: str, name: str, code: str) -> Attack:
    return Attack(number, name, (34,), _TERMINAL, Evidence.TERMINAL, code, needs="command")


def _hangs(number: str, name: str, text: str) -> Attack:
    return Attack(
        number, name, (34, 35),
        "Wants the host to be busy for minutes with what it shows; cleaning it in linear time "
        "stops it.",
        Evidence.HOST_TIME, f"print({text})\n", needs="command", seconds=10,
        careless=f"""
import re
# What ends a string of a terminal, looked for from each place where one begins.
print(len(re.sub("\\x1b\\\\][^\\x07]*\\x07|\\x9d[^\\x9c]*\\x9c|x[^y]*y", "", {text})))
""",
    )  # fmt: skip


ATTACKS = (
    _drives("G50", "a title for the terminal", 'os.write(1, b"\\x1b]0;owned\\x07\\n")\n'),
    _drives("G51", "a clipboard for the terminal", 'os.write(2, b"\\x1b]52;c;aWQK\\x07\\n")\n'),
    _drives("G52", "controls of one character", 'os.write(1, "\\x9d0;owned\\x9c\\n".encode())\n'),
    _hangs("G53", "strings that never end", "'\\x9d' * 250_000"),
    _hangs("G54", "escapes that never end", "'\\x1b]' * 150_000"),
    Attack(
        "G55", "the end of a flood", (34,),
        "Wants the verdict at the end of its output to be dropped; keeping head and tail stops it.",
        Evidence.CUT, """
for _ in range(400): sys.stdout.write("x" * 8191 + chr(10))
print("the end of", BAIT["token"], flush=True)
sys.exit(7)
""",
        needs="status", careless=_FIRST,
    ),
    Attack(
        "G56", "the exit code of who has closed its streams", (36, 110),
        "Wants another exit code than its own to be told; taking it from the process stops it.",
        Evidence.CUT, """
print("the end of", BAIT["token"], flush=True)
os.write(1, bytes([255, 254, 10]))
os.close(1)
sys.stdout = sys.stderr = None
os._exit(7)
""",
        needs="status", careless=_FIRST,
    ),
    Attack(
        "G57", "the exit code of who breaks its streams", (36, 110),
        "Wants the same by streams that fail when they are flushed.",
        Evidence.CUT, """
print("the end of", BAIT["token"], flush=True)
os.write(1, bytes([255, 254, 10]))
class Broken:
    def write(self, text): raise OSError("broken")
    def flush(self): raise OSError("broken")
sys.stdout = sys.stderr = Broken()
sys.exit(7)
""",
        needs="status", careless=_FIRST,
    ),
    Attack(
        "G58", "where its folder lies on the host", (59,),
        "Wants the path that the caller gave, which names users and projects; a mount that shows "
        "none stops it.",
        Evidence.CLAIM, """
seen = os.getcwd().encode() + read("/proc/self/mountinfo", 1 << 20) + read("/proc/self/mounts")
if BAIT["folder"].encode() in seen or BAIT["folder"].rsplit("/", 2)[1].encode() in seen: reached()
""",
        requires=("folder",),
    ),
    Attack(
        "G59", "locks a file that all share", (33, 112),
        "Wants the host to wait for a lock on a file of the interpreter; a filter of flock(2) "
        "would stop it, and all that lock files of their own.",
        Evidence.LOCKED, """
import fcntl, time, wave
file = open(wave.__file__, "rb")
attempt(fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
time.sleep(1)
""",
        not_promised="files that can be read can be locked",
    ),
    Attack(
        "G60", "frames of the host's program", (47,),
        "Wants the paths of the host in what is still on the stack of who started it; an "
        "interpreter that lies nowhere would stop it.",
        Evidence.CLAIM, """
import gc
frame = sys._getframe()
while frame.f_back: frame = frame.f_back
kinds = type(frame), type(lambda: 0)
codes = {getattr(item, "f_code", None) or getattr(item, "__code__", None)
         for item in [frame, *gc.get_objects()] if isinstance(item, kinds)}
names = {code.co_filename for code in codes if code}
ours = BAIT["library"], BAIT["sources"]
mine = [name for name in names if name.startswith(ours)]
if not mine and __name__ == "__main__" and sys.argv[0].startswith(BAIT["folder"]):
    attempt(os.chdir, "/")
    try: import sandcrew.sandbox.policy as library; mine = [library.__file__]
    except ImportError: pass
if mine: reached(mine[0])
""",
        not_promised="the interpreter and its libraries lie at their own paths of the host",
    ),
)  # fmt: skip
