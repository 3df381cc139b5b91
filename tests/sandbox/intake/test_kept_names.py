"""The names under which files of guests are kept: the user's files as they are, no tool's, and
never two in one."""

from __future__ import annotations

import os

import pytest

from sandcrew.sandbox.intake.kept_names import KeptNames
from sandcrew.sandbox.intake.tool_names import file_system_key, is_for_tools

ORDINARY = [
    "chart.png", "result.csv", "report.html", "analysis.py", "plots/2024 Größe.svg", "README.md",
    "data/train.parquet", "model.pkl", "requirements.txt", "notes.txt", "build/out.txt", "test.csv",
    "index.html", "style.css", "script.js", "config.yaml", "Sales (final).xlsx", "utils/helpers.py",
    "отчёт.csv", "图表.png", "my report (final).xlsx", "data/2024/result.csv", "head.csv",
    "org/chart.py", "test/data.csv", "random.csv", "test_results.csv", "profile.json", "main.tex",
    "environment.yml", "config.toml", "run.sh", "report.Rmd", "app.py", "utils.py", "output",
    "core.py",
]  # fmt: skip
FOR_TOOLS = [
    ".git", ".envrc", ".vscode", ".idea", ".github", ".bashrc", "conftest.py", "sitecustomize.py",
    "usercustomize.py", "x.pth", "Makefile", "GNUmakefile", "justfile", "Rakefile", "setup.py",
    "setup.cfg", "pyproject.toml", "tox.ini", "pytest.ini", "noxfile.py", "package.json", ".npmrc",
    "CMakeLists.txt", "Dockerfile", "x.desktop", "AGENTS.md", "CLAUDE.md", ".cursorrules",
    "mise.toml", "test_a.py", "a_test.py", "a.test.ts", "matplotlibrc", "jupyter_server_config.py",
    "HEAD", "random.py", "pandas.py", "json.pyc", "analysis.so", "__pycache__", "node_modules",
    "CON", "nul.txt", "COM1.csv", "GIT~1", "desktop.ini", "run.lnk", "pylintrc", "flake.nix",
    "WORKSPACE", "latexmkrc", "startup.m", "app.csproj", "app.sln", "main.tf", "_quarto.yaml",
    "_output.yml", "nextflow.config", "Makefile.toml", "cdk.json", "kustomization.yaml",
    "jest.config.json", "x.searchconnector-ms", "x.inetloc", "autorun.sh", "python3._pth",
    "_manylinux.py", "bottleneck.py", "PyQt6.py", "gi.py", "typing_extensions.py", "__main__.py",
]  # fmt: skip
TRICKS = [
    ".GIT", ".g\u200cit", "\uff0egit", ".git.", ".git ", " .git", "ConfTest.PY",
    "conftest.py\u200b", "conftest\ufe0f.py", "MAKEFILE", "makefile.", "\u017fetup.py", "CLAUDE.MD",
    "\uff23\uff2f\uff2e.txt",
]  # fmt: skip


@pytest.mark.parametrize("path", ORDINARY)
def test_files_of_a_user_keep_their_names(path: str) -> None:
    assert KeptNames().of(path) == path


@pytest.mark.parametrize("name", [*FOR_TOOLS, *TRICKS])
def test_no_tool_finds_a_file_or_folder_under_its_name(name: str) -> None:
    for path in (name, f"sub/{name}", f"{name}/config"):
        kept = KeptNames().of(path)
        assert not any(is_for_tools(part) for part in kept.split("/")), kept
        assert file_system_key(name) not in map(file_system_key, kept.split("/"))


def test_a_package_that_would_stand_for_a_library_is_none() -> None:
    names = KeptNames()
    assert names.of("pandas/__init__.py") == "pandas/__init__.py.inert"
    assert names.of("mine/__init__.py") == "mine/__init__.py"


@pytest.mark.parametrize(
    "path", ["org/python/core.py", "sub/ORG/Python/core.py", "test/a.js", "a/test/b/c.mjs"]
)
def test_what_tools_run_in_folders_of_a_name_is_not_there(path: str) -> None:
    # `import copy` of Python 3.11 imports org.python.core; `node --test` runs all below test/.
    assert KeptNames().of(path) == f"{path}.inert"


@pytest.mark.parametrize(
    "path", ["a\nb.txt", "\x1b]0;x\x07.txt", "\u202egnp.py", os.fsdecode(b"\xff.csv"), "a\ud800"]
)
def test_what_cannot_be_seen_is_not_in_a_name(path: str) -> None:
    kept = KeptNames().of(path)
    assert kept.isprintable()
    assert "_" in kept


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "a//b", "", ".", "./x"])
def test_no_name_leads_anywhere_else(path: str) -> None:
    parts = KeptNames().of(path).split("/")
    assert not {"", ".", ".."} & set(parts)


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a/b"],
        ["a/b", "a"],
        ["A.txt", "a.txt", "a.TXT"],
        ["é.txt", "e\u0301.txt"],
        ["x\ny", "x_y", "x\ry"],
        [".envrc", "_envrc.inert", "~envrc"],
        ["conftest.py", "conftest.py.inert", "CONFTEST.PY"],
        ["a", "a-2", "A"],
        ["b.txt", "b.txt ", "b.txt.", " b.txt"],
        ["f" * 300 + ".csv", "f" * 301 + ".csv"],
        ["/".join("d" * 50) + "/f", "/".join("d" * 51) + "/f"],
    ],
)
def test_two_names_never_meet(paths: list[str]) -> None:
    names = KeptNames()
    kept = [names.of(path) for path in paths]
    keys = ["/".join(map(file_system_key, path.split("/"))) for path in kept]
    assert len(set(keys)) == len(paths), kept
    for one in keys:
        assert not any(other.startswith(f"{one}/") for other in keys), kept
    assert [names.of(path) for path in paths] == kept


def test_names_are_of_a_length_that_file_systems_have() -> None:
    names = KeptNames()
    for path in ("x" * 100_000 + ".png", "\N{PILE OF POO}" * 9_000, "/".join(["y" * 90] * 900)):
        kept = names.of(path)
        assert all(len(part.encode()) <= 140 for part in kept.split("/"))
        assert len(kept.encode()) < 1024
    assert names.of("z" * 1_000 + ".png").endswith(".png")


def test_thousands_of_names_that_would_be_one_get_their_own() -> None:
    names = KeptNames()
    unseen = "\u200b"
    kept = {
        names.of("a" + chr(1 + number % 30) + unseen * (number // 30)) for number in range(3000)
    }
    assert len(kept) == 3000
