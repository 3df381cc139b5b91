"""Importing a module has no effect but the module, and brings no more than it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sandcrew

PACKAGE = Path(sandcrew.__file__).parent

# Each module is imported in a fork of an interpreter that has imported nothing of ours (but what
# others wrote, which takes most of the time), with warnings as errors; the child prints what is
# different afterwards.
WATCHER = """
import asyncio, atexit, json, locale, logging, os, signal, sys, threading, warnings
import contextlib, importlib, io, pathlib, subprocess, tempfile

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for other in "markdown_it psutil pydantic rich typer".split():
        with contextlib.suppress(ImportError):
            importlib.import_module(other)


def state():
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "umask": [os.umask(0o22), os.umask(0o22)][1],
        "signals": [str(signal.getsignal(n)) for n in range(1, 65)],
        "threads": threading.active_count(),
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "hooks": [repr(h) for h in (sys.excepthook, sys.displayhook, threading.excepthook)],
        "handlers": repr(logging.getLogger().handlers),
        "log level": logging.getLogger().level,
        "warnings": repr(warnings.filters),
        "locale": locale.setlocale(locale.LC_ALL),
        "path": sys.path[:],
        "children": open("/proc/thread-self/children").read(),
    }


def difference(name):
    printed = io.StringIO()
    before, sys.stdout, sys.stderr = state(), printed, printed
    importlib.import_module(name)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    after = state()
    changes = {key: after[key] for key in after if after[key] != before[key]}
    return {**changes, "printed": printed.getvalue()} if printed.getvalue() else changes


for name in sys.stdin.read().split():
    sys.stdout.flush()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    try:
        print(json.dumps([name, difference(name)]))
    except BaseException as error:
        print(json.dumps([name, {"error": repr(error)}]))
    sys.stdout.flush()
    os._exit(0)
"""


def modules() -> list[str]:
    """All modules of sandcrew but the ones that are programs."""
    found: list[str] = []
    for folder, _, files in os.walk(PACKAGE, followlinks=True):
        for file in files:
            path = Path(folder, file).relative_to(PACKAGE).with_suffix("")
            if file.endswith(".py") and path.name != "__main__" and "__pycache__" not in folder:
                parts = [part for part in path.parts if part != "__init__"]
                found.append(".".join(["sandcrew", *parts]))
    return sorted(found)


def loaded_by(name: str) -> set[str]:
    """The top-level modules that importing ``name`` loads."""
    code = f"import sys, json, {name}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return {module.partition(".")[0] for module in json.loads(done.stdout)}


@pytest.mark.timeout(180)
def test_importing_any_module_changes_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    names = modules()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCHER],
        input="\n".join(names),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "TMPDIR": str(tmp_path),
            # What is compiled once need not be again, and is not left beside the sources.
            "PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("compiled")),
        },
        timeout=170,
        check=True,
    )
    answers = dict(json.loads(line) for line in done.stdout.splitlines())
    assert sorted(answers) == names
    assert {name: changes for name, changes in answers.items() if changes} == {}
    assert list(tmp_path.iterdir()) == []


HEAVY = {"docker", "jupyter_client", "matplotlib", "nbformat", "numpy", "openai", "pandas"}


@pytest.mark.parametrize(
    ("name", "unwanted"),
    [
        ("sandcrew", HEAVY | {"pydantic", "rich", "typer", "markdown_it", "asyncio"}),
        ("sandcrew.cli", HEAVY | {"pydantic", "rich", "typer", "markdown_it", "asyncio"}),
        ("sandcrew.sandbox", HEAVY | {"pydantic", "rich", "typer", "markdown_it"}),
        ("sandcrew.executors", HEAVY | {"pydantic", "rich", "typer", "markdown_it"}),
        ("sandcrew.agents", HEAVY | {"rich", "typer", "markdown_it"}),
    ],
)
def test_an_import_brings_no_more_than_it_needs(name: str, unwanted: set[str]) -> None:
    assert loaded_by(name) & unwanted == set()


def test_running_a_file_loads_neither_the_command_line_parser_nor_pydantic(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print(1)")
    code = (
        "import sys, atexit, json; atexit.register(lambda: print(json.dumps(sorted(sys.modules))))"
    )
    code += "; from sandcrew.cli import main; main(['exec', 'a.py'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path
    )
    printed, loaded = done.stdout.decode().splitlines()
    assert printed == "1"
    tops = {module.partition(".")[0] for module in json.loads(loaded)}
    assert tops & (HEAVY | {"pydantic", "rich", "typer", "markdown_it"}) == set()
