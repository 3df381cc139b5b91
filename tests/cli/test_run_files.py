"""What ``sandcrew run`` keeps of hostile code: nothing that a tool of the host obeys.

The same files under their own names are the control.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from ..agents.model_server import ModelServer
from .test_run import finished, record

if TYPE_CHECKING:
    from pathlib import Path

FOR_TOOLS = """
import os
def put(name, text):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    open(name, "w").write(text)
def run(tool):
    return f"import pathlib; pathlib.Path({MARKS!r}, {tool!r}).touch()\\n"
config = '[core]\\n\\trepositoryformatversion=0\\n\\tbare=false\\n\\tfsmonitor="touch %s #"\\n'
for folder, mark in ((".git", "git"), ("data", "bare")):
    more = "\\tworktree = .\\n" if folder == "data" else ""
    put(f"{folder}/HEAD", "ref: refs/heads/main\\n")
    put(f"{folder}/config", config % os.path.join(MARKS, mark) + more)
    put(f"{folder}/objects/x", "")
    put(f"{folder}/refs/x", "")
put("conftest.py", run("conftest"))
put("test_all.py", run("test"))
put("statistics.py", run("module"))
put("sitecustomize.py", run("site"))
put("matplotlibrc", "backend: module://evil")
put("Makefile", f"all:\\n\\ttouch {os.path.join(MARKS, 'make')}\\n")
put(".envrc", "touch envrc")
put("chart.csv", "1,2")
put("analysis.py", "print(1)")
put("a\\nb\\x1b[2J.txt", "")
"""


def use_tools(files: Path, home: Path) -> None:
    """What somebody does who looks at a folder."""
    home.mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CEILING_DIRECTORIES": "/"}
    commands = [
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        [sys.executable, "-c", "import statistics"],
        ["make"],
    ]
    folders = [files, *(path for path in files.rglob("*") if path.is_dir())]
    for command, cwd in [*((command, files) for command in commands),
                         *((["git", "status"], folder) for folder in folders)]:  # fmt: skip
        done = subprocess.run(
            command, cwd=cwd, env={**env, "PYTHONPATH": str(files)}, capture_output=True,
            timeout=50, check=False,
        )  # fmt: skip
        assert done.returncode != 127


async def test_no_tool_of_the_host_runs_what_the_code_left(tmp_path: Path) -> None:
    marks, control = tmp_path / "marks", tmp_path / "control" / "files"
    marks.mkdir()
    control.mkdir(parents=True)
    code = f"MARKS = {str(marks)!r}\n{FOR_TOOLS}"
    subprocess.run([sys.executable, "-c", code], cwd=control, check=True, timeout=50)
    use_tools(control, tmp_path / "home")
    ran = {"git", "bare", "conftest", "test", "module", "site", "make"}
    assert {mark.name for mark in marks.iterdir()} == ran
    for mark in marks.iterdir():
        mark.unlink()

    async with ModelServer([f"```python\n{code}```\n", "Done."]) as server:
        done = await finished(server, tmp_path, "x", "--model", "m")
    files = record(tmp_path) / "files"
    assert done.code == 0
    use_tools(files, tmp_path / "home")
    use_tools(record(tmp_path), tmp_path / "home")
    assert list(marks.iterdir()) == []

    names = {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()}
    assert {"chart.csv", "analysis.py", "conftest.py.inert", "_envrc.inert"} <= names
    assert all(name.isprintable() for name in names)
    assert not any(part.startswith(".") for name in names for part in name.split("/"))
    assert not any(path.stat().st_mode & 0o7111 for path in files.rglob("*") if path.is_file())
    text = (record(tmp_path) / "transcript.md").read_text()
    assert r"a\nb\x1b[2J.txt is kept as files/a_b_[2J.txt" in text
    assert "conftest.py is kept as files/conftest.py.inert" in text
    assert done.stderr.count("\n") == 1
    assert "transcript.md" in done.stderr
