"""The wheel, as a stranger gets it: built, installed into a fresh environment, imported."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("agents", "benchmarks", "executors", "images", "sandbox")

IMPORT_EVERYTHING = """
import importlib, pathlib, sys
root = pathlib.Path(importlib.import_module("sandcrew").__file__).parent
print(root)
for path in sorted(root.rglob("__init__.py")):
    package = importlib.import_module(".".join(("sandcrew", *path.parent.relative_to(root).parts)))
    for name in getattr(package, "__all__", ()):
        getattr(package, name)
        print(package.__name__, name)
"""


@dataclass(frozen=True)
class Installed:
    """A fresh environment with the wheel in it."""

    folder: Path
    wheel: Path

    def run(self, program: str, *arguments: str) -> str:
        """What a program of the environment prints."""
        done = subprocess.run(
            [self.folder / "bin" / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            timeout=50,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


def build(source: Path, target: str, into: Path) -> Path:
    """Build as pip does, but with the hatchling that is here, so that no network is needed."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", into],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=50,
    )
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    wheel = build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = f"-m pip --python {python} install --no-deps --no-index".split()
    subprocess.run([sys.executable, *pip, wheel], check=True, capture_output=True, timeout=50)
    # The dependencies are those of this environment. A path in a .pth file does not bring that
    # folder's own .pth files with it, among them the one of an editable sandcrew.
    (site,) = (folder / "lib").glob("python*/site-packages")
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("\n".join(sorted(here)))
    return Installed(folder, wheel)


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_public_name_of_every_package_is_there(installed: Installed) -> None:
    root, *imported = installed.run("python", "-W", "error", "-c", IMPORT_EVERYTHING).splitlines()
    assert Path(root).is_relative_to(installed.folder)
    for name in (
        "sandcrew.sandbox Sandbox",
        "sandcrew.executors CodeExecutor",
        "sandcrew.agents AssistantAgent",
        "sandcrew.agents.ui Console",
        "sandcrew.cli main",
    ):
        assert name in imported


def test_the_command_is_installed_and_runs_code(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print(6 * 7)")
    assert installed.run("sandcrew", "exec", str(tmp_path / "a.py")) == "42\n"
    assert installed.run("python", "-m", "sandcrew", "--version").startswith("sandcrew ")


def test_every_module_of_the_repository_is_in_the_wheel(installed: Installed) -> None:
    packed = names(installed.wheel)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            assert f"sandcrew/{path.relative_to(ROOT)}" in packed


def test_the_wheel_has_types_and_the_data_of_the_demo(installed: Installed) -> None:
    packed = names(installed.wheel)
    demo = {path.name for path in (ROOT / "src" / "sandcrew" / "demo").iterdir()}
    assert {"co2.csv", "SOURCE.md", "task.md"} <= demo
    assert {"sandcrew/py.typed", *(f"sandcrew/demo/{name}" for name in demo)} <= packed


def test_the_wheel_holds_nothing_but_the_package(installed: Installed) -> None:
    packed = names(installed.wheel)
    assert {name.partition("/")[0].partition("-")[0] for name in packed} == {"sandcrew"}
    assert not any("__pycache__" in name or "/tests/" in name for name in packed)


def test_a_wheel_from_the_source_distribution_is_the_same(
    installed: Installed, tmp_path: Path
) -> None:
    archive = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as sources:
        assert not any(member.issym() or member.islnk() for member in sources)
    subprocess.run(["tar", "-xf", archive, "-C", tmp_path], check=True)
    (unpacked,) = tmp_path.glob("sandcrew-*")
    assert names(build(unpacked, "wheel", tmp_path / "wheel")) == names(installed.wheel)


def test_no_address_of_a_registry_is_in_the_configuration() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for word in ("index-url", "find-links", "[[tool.uv.index]]", "/simple"):
        assert word not in text


def test_the_extra_all_has_every_extra_for_users() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    (everything,) = extras["all"]
    assert everything == f"sandcrew[{','.join(sorted(set(extras) - {'all', 'dev'}))}]"
