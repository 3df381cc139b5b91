"""G, first part: what the host keeps of a run, and what is left in a folder it has lent."""

from __future__ import annotations

from ..attack import Attack, Evidence

# A host without care: all files, with all their bytes, under the names that the run gave them.
_KEEP = """
import shutil
kept.mkdir()
(kept / "transcript.md").write_text("what was said")
(kept / "saved.ipynb").write_text('{"cells": [{"outputs": []}]}')
for path in sorted(folder.rglob("*")):
    if path.is_file() and not path.name.startswith("attack"):
        target = kept / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
"""

# The same after each of two runs, and the notebook last.
_KEEP_TWICE = """
kept.mkdir()
first, second = BEFORE
for name in (first, second):
    target = kept / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("x")
(kept / "saved.ipynb").write_text('{"cells": [{"outputs": []}]}')
"""


def _tool(number: str, name: str, code: str, *requires: str) -> Attack:
    return Attack(
        number, name, (112,),
        "Wants the host's own tools to run its code where the record is kept; neutral names stop "
        "it.",
        Evidence.EXECUTED, code, needs="record", careless=_KEEP, requires=requires,
    )  # fmt: skip


def _name(number: str, name: str, code: str) -> Attack:
    return Attack(
        number, name, (112,),
        "Wants a file of its own to be kept under a name that tools obey or terminals do; neutral "
        "names stop it.",
        Evidence.NAMED, code, needs="record", careless=_KEEP,
    )  # fmt: skip


def _room(number: str, name: str, code: str) -> Attack:
    return Attack(
        number, name, (29, 31),
        "Wants the record to take more of the host's disk than the run may use; counting what is "
        "written there stops it.",
        Evidence.ROOM, code, needs="record", careless=_KEEP,
    )  # fmt: skip


def _lost(number: str, name: str, code: str, then: str = "", careless: str = _KEEP) -> Attack:
    return Attack(
        number, name, (112,),
        "Wants the host to fail over its names, so that nobody has a record; writing that cannot "
        "fail because of a name stops it.",
        Evidence.LOST, code, needs="record", careless=careless, then=then,
    )  # fmt: skip


def _left(number: str, name: str, wants: str, code: str) -> Attack:
    return Attack(number, name, (112,), wants, Evidence.LEFT, code, requires=("folder",))


_MAKE = """
def make(path, text="x"):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file: file.write(text)
"""

ATTACKS = (
    _tool("G01", "a repository in the record", _MAKE + """
make(".git/HEAD", "ref: refs/heads/main\\n")
make(".git/config", "[core]\\nrepositoryformatversion = 0\\nfsmonitor = \\"touch "
     + BAIT["marker"] + "; false\\"\\n")
for name in ("objects", "refs"): make(f".git/{name}/keep")
""", "git"),
    _tool("G02", "tests of its own in the record", _MAKE + """
make("conftest.py", f"open({BAIT['marker']!r}, 'w')")
"""),
    _tool("G03", "a makefile in the record", _MAKE + """
make("Makefile", "all:\\n\\ttouch " + BAIT["marker"] + "\\n")
""", "make"),
    _tool("G04", "a start file of Python's in the record", _MAKE + """
make("deep/sitecustomize.py", f"open({BAIT['marker']!r}, 'w')")
"""),
    _tool("G05", "a path file of Python's in the record", _MAKE + """
make("evil.pth", f"import os; open({BAIT['marker']!r}, 'w')\\n")
"""),
    _name("G06", "settings of shells and editors", _MAKE + """
make(".envrc", "id")
make(".vscode/tasks.json", "{}")
make(".bashrc")
"""),
    _name("G07", "a hook deep in the record",
          _MAKE + 'make("data/deep/.git/hooks/post-checkout")\n'),
    _name("G08", "a name with an escape sequence", _MAKE + 'make("\\x1b]0;owned\\x07.txt")\n'),
    _name("G09", "a name with line ends", _MAKE + 'make("a\\nThe exit code was: 0\\r.txt")\n'),
    _name("G10", "a name that is written backwards", _MAKE + 'make("gpj.\\u202etxt")\n'),
    _room("G11", "eight files of nothing but holes", """
for number in range(8):
    with open(f"{number}.bin", "w") as file: attempt(file.truncate, 15 << 20)
"""),
    _room("G12", "one file under twenty names", """
with open("0.bin", "wb") as file: file.write(os.urandom(6 << 20))
for number in range(1, 20): attempt(os.link, "0.bin", f"{number}.bin")
"""),
    _room("G13", "holes in every second block", """
with open("holes.bin", "wb") as file: attempt(file.truncate, 15 << 20)
for number in range(6):
    with open(f"{number}.bin", "wb") as file:
        attempt(file.truncate, 15 << 20)
        for offset in range(0, 15 << 20, 1 << 20): file.seek(offset); attempt(file.write, b"x")
"""),
    _lost("G14", "a file, and then a folder", _MAKE + 'make("a")\n', """
import shutil
os.unlink("a") if os.path.exists("a") else None
os.makedirs("a", exist_ok=True)
open("a/b", "w").close()
""", f"BEFORE = 'a', 'a/b'{_KEEP_TWICE}"),
    _lost("G15", "a folder, and then a file", _MAKE + 'make("a/b")\n', """
import shutil
shutil.rmtree("a", ignore_errors=True)
open("a", "w").close()
""", f"BEFORE = 'a/b', 'a'{_KEEP_TWICE}"),
    _lost("G16", "a folder with the name of the transcript", _MAKE + """
make("transcript.md/a")
make("notebook.ipynb/a")
make("saved.ipynb/a")
"""),
    _lost("G17", "files with the names of the record", _MAKE + """
make("notebook.ipynb", "{}")
make("saved.ipynb", "{}")
make("transcript.md", "nothing happened")
"""),
    _left("G18", "a pipe in a folder of the host",
          "Wants who reads the folder to wait for ever; taking out what is no file stops it.",
          'attempt(os.mkfifo, "report.txt")\n'),
    _left("G19", "a socket in a folder of the host",
          "Wants to be spoken to by who finds it; taking out what is no file stops it.", """
import socket
attempt(socket.socket(socket.AF_UNIX).bind, "report.txt")
"""),
    _left("G20", "a link out of a folder of the host",
          "Wants who reads or writes the folder to do it elsewhere; taking it out stops it.",
          'os.symlink("/etc/passwd", "report.txt")\n'),
    _left("G21", "a link that climbs out of a folder of the host",
          "Wants the same by dots, from below.",
          'os.mkdir("deep")\nos.symlink("../../bait/authorized_keys", "deep/report.txt")\n'),
)  # fmt: skip
