"""What is built, by a real installer from a real index, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Literal

import psutil
import pytest

from sandcrew.sandbox import PolicyError, UsageError
from sandcrew.sandbox.interpreter import Interpreter, find_interpreter
from sandcrew.sandbox.packages import (
    BuildCommand,
    BuildOptions,
    PackageBuildFailed,
    PackageCache,
    package_environment,
)

from .index import Index, source, wheel

Installers = Literal["pip", "uv"]
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
"""The tools of a virtual environment are found also where it is not activated."""
NO_UV = pytest.mark.skipif(shutil.which("uv", path=PATH) is None, reason="uv is not installed here")
EITHER = pytest.mark.parametrize("installer", ["pip", pytest.param("uv", marks=NO_UV)])


def options(index: Index, installer: Installers = "pip", **more: str) -> BuildOptions:
    environ = {"PATH": PATH, **index.environ(**more)}
    return BuildOptions(installer=installer, environ=environ)


def left_in(cache: PackageCache) -> list[str]:
    return sorted(path.name for path in cache.folder.iterdir())


def run(python: Interpreter, site: Path, code: str) -> str:
    env = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [python.executable, "-B", "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


@EITHER
async def test_packages_and_what_they_need_can_be_imported(
    index: Index, cache: PackageCache, python: Interpreter, installer: Installers
) -> None:
    index.add(wheel("alpha", "1.2", requires=["beta>=2"]), wheel("beta", "2.0"), wheel("alpha"))
    path = await package_environment(
        ["Alpha==1.*"], python, cache=cache, options=options(index, installer)
    )
    code = "import alpha, beta; print(alpha.VERSION, beta.VERSION, alpha.__file__)"
    assert run(python, path, code) == f"1.2 2.0 {path}/alpha/__init__.py"
    (environment,) = cache.list()
    assert environment.packages == {"alpha": "1.2", "beta": "2.0"}
    assert environment.requirements == ("alpha==1.*",)
    assert environment.installer.startswith(installer)
    files = [file for file in path.rglob("*") if file.is_file()]
    assert environment.size == sum(file.stat().st_size for file in files)


@EITHER
async def test_scripts_run_under_the_real_interpreter(
    index: Index, cache: PackageCache, python: Interpreter, installer: Installers
) -> None:
    index.add(wheel("alpha"))
    path = await package_environment(
        ["alpha"], python, cache=cache, options=options(index, installer)
    )
    script = path / "bin" / "alpha-say"
    said = subprocess.check_output([script], env={"PYTHONPATH": str(path)}, text=True)
    assert said == "1.0\n"
    assert str(python.executable.resolve()) in script.read_text()


@EITHER
async def test_everybody_can_read_it_and_nobody_can_write_it(
    index: Index, cache: PackageCache, python: Interpreter, installer: Installers
) -> None:
    index.add(wheel("alpha"))
    path = await package_environment(
        ["alpha"], python, cache=cache, options=options(index, installer)
    )
    modes = {file: stat.S_IMODE(file.stat().st_mode) for file in [path, *path.rglob("*")]}
    assert {modes[file] for file in modes if file.is_dir()} == {0o555}
    assert {modes[file] for file in modes if file.is_file()} == {0o444, 0o555}
    assert modes[path / "bin" / "alpha-say"] == 0o555
    assert list(path.rglob("*.pyc")), "guests cannot write byte code, so it is there"
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


async def test_the_same_set_is_built_once(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"), wheel("beta"))
    first = await package_environment(
        ["alpha", "beta"], python, cache=cache, options=options(index)
    )
    again = await package_environment(
        ["Beta", "ALPHA", "alpha"], python, cache=cache, options=options(index)
    )
    other = await package_environment(["alpha"], python, cache=cache, options=options(index))
    assert first == again != other
    assert index.downloads("beta") == 1


def bare_environment(folder: Path) -> Interpreter:
    """A virtual environment of this installation, without pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return find_interpreter(folder / "bin" / "python")


async def test_virtual_environments_of_one_installation_share_packages(
    index: Index, cache: PackageCache, python: Interpreter, tmp_path: Path
) -> None:
    index.add(wheel("alpha"))
    path = await package_environment(["alpha"], python, cache=cache, options=options(index))
    other = bare_environment(tmp_path / "venv")
    assert await package_environment(["alpha"], other, cache=cache, options=options(index)) == path
    assert run(other, path, "import alpha; print(alpha.VERSION)") == "1.0"


async def test_an_interpreter_without_pip_is_served_by_the_pip_of_this_one(
    index: Index, cache: PackageCache, tmp_path: Path
) -> None:
    index.add(wheel("alpha"))
    bare = bare_environment(tmp_path / "venv")
    path = await package_environment(["alpha"], bare, cache=cache, options=options(index))
    assert run(bare, path, "import alpha; print(alpha.VERSION)") == "1.0"
    assert str(tmp_path / "venv") not in (path / "bin" / "alpha-say").read_text()


@NO_UV
async def test_uv_is_preferred_unless_only_pip_knows_the_index(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"), wheel("beta"))
    environ = {"PATH": PATH, **index.environ()}
    await package_environment(["alpha"], python, cache=cache, options=BuildOptions(environ=environ))
    del environ["UV_DEFAULT_INDEX"]
    await package_environment(["beta"], python, cache=cache, options=BuildOptions(environ=environ))
    assert [environment.installer.split()[0] for environment in cache.list()] == ["uv", "pip"]


@EITHER
async def test_a_package_that_is_not_there_fails_with_the_reason_and_leaves_nothing(
    index: Index, cache: PackageCache, python: Interpreter, installer: Installers
) -> None:
    index.add(wheel("alpha"))
    with pytest.raises(
        PackageBuildFailed, match=r"The packages alpha==7 cannot be had: .*alpha==7"
    ):
        await package_environment(
            ["alpha==7"], python, cache=cache, options=options(index, installer)
        )
    assert left_in(cache) == []


@EITHER
async def test_a_package_that_is_only_source_is_refused_and_its_script_does_not_run(
    index: Index, cache: PackageCache, python: Interpreter, installer: Installers, tmp_path: Path
) -> None:
    trace = tmp_path / "it-ran"
    index.add(source("gamma", setup=f"open({str(trace)!r}, 'w')"))
    with pytest.raises(PackageBuildFailed, match=r"gamma is published as source only.*Only wheels"):
        await package_environment(["gamma"], python, cache=cache, options=options(index, installer))
    assert not trace.exists()
    assert left_in(cache) == []


async def test_no_setting_of_pip_turns_source_on_or_leads_elsewhere(
    index: Index, cache: PackageCache, python: Interpreter, tmp_path: Path
) -> None:
    trace = tmp_path / "it-ran"
    index.add(source("gamma", setup=f"open({str(trace)!r}, 'w')"), wheel("alpha"))
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nno-binary = :all:\n[install]\nuser = true\n")
    chosen = options(
        index, PIP_CONFIG_FILE=str(settings), PIP_NO_BINARY=":all:", PIP_TARGET=str(tmp_path / "x")
    )
    with pytest.raises(PackageBuildFailed, match="source only"):
        await package_environment(["gamma"], python, cache=cache, options=chosen)
    path = await package_environment(["alpha"], python, cache=cache, options=chosen)
    assert (path / "alpha").is_dir()
    assert not trace.exists()
    assert not (tmp_path / "x").exists()


async def test_a_failure_is_not_remembered(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    with pytest.raises(PackageBuildFailed):
        await package_environment(["alpha"], python, cache=cache, options=options(index))
    index.add(wheel("alpha"))
    assert await package_environment(["alpha"], python, cache=cache, options=options(index))


async def test_a_hostile_requirement_reaches_neither_cache_nor_index(
    index: Index, cache: PackageCache, python: Interpreter, tmp_path: Path
) -> None:
    with pytest.raises(PolicyError):
        await package_environment(["-r x"], python, cache=cache, options=options(index))
    assert index.asked == []
    assert not (tmp_path / "packages").exists()


@EITHER
async def test_the_password_of_the_index_is_in_no_file_and_no_message(
    index: Index, cache: PackageCache, python: Interpreter, installer: Installers
) -> None:
    index.add(wheel("alpha"))
    url = f"http://somebody:hunter2@127.0.0.1:{index.port}/simple/"
    chosen = options(index, installer, PIP_INDEX_URL=url, UV_DEFAULT_INDEX=url)
    assert "hunter2" not in repr(chosen)
    await package_environment(["alpha"], python, cache=cache, options=chosen)
    for file in cache.folder.rglob("*"):
        assert file.is_dir() or b"hunter2" not in file.read_bytes()
    with pytest.raises(PackageBuildFailed) as error:
        await package_environment(["nothing"], python, cache=cache, options=chosen)
    assert "hunter2" not in str(error.value) + error.value.output


async def test_the_installer_gets_the_settings_of_the_index_and_no_secret(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    seen: list[BuildCommand] = []

    async def look(command: BuildCommand) -> int:
        seen.append(command)
        return 1

    environ = index.environ(
        HTTPS_PROXY="p", AWS_SECRET_ACCESS_KEY="s", PYTHONPATH="x", PIP_USER="1"
    )
    chosen = BuildOptions(installer="pip", environ=environ, run_confined=look)
    with pytest.raises(PackageBuildFailed, match="status 1: it printed nothing"):
        await package_environment(["alpha"], python, cache=cache, options=chosen)
    env = seen[0].env
    assert env["HTTPS_PROXY"] == "p"
    assert env["PIP_INDEX_URL"] == environ["PIP_INDEX_URL"]
    assert not {"AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "PIP_USER"} & set(env)
    assert seen[0].folder.parent == cache.folder
    assert env["PIP_INDEX_URL"] not in repr(seen[0])


@pytest.mark.parametrize("kind", ["link to a folder", "link to a file", "hard link", "pipe", "all"])
async def test_a_build_that_leaves_links_or_special_files_is_refused_and_nothing_is_followed(
    index: Index, cache: PackageCache, python: Interpreter, tmp_path: Path, kind: str
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    script = victim / "script"
    script.write_text(f"#!{python.executable}\n")
    script.chmod(0o600)

    async def hostile(command: BuildCommand) -> int:
        site = command.folder / "site"
        match kind:
            case "link to a folder":
                (site / "bin").symlink_to(victim)
            case "link to a file":
                (site / "alpha.py").symlink_to(script)
            case "hard link":
                (site / "alpha.py").hardlink_to(script)
            case "pipe":
                os.mkfifo(site / "alpha.py")
            case _:
                site.rmdir()
                site.symlink_to(victim)
        return 0

    chosen = BuildOptions(
        installer="pip", environ=index.environ(), run_confined=hostile, source=True
    )
    with pytest.raises(PackageBuildFailed, match="neither a folder nor a file of its own"):
        await package_environment(["alpha"], python, cache=cache, options=chosen)
    assert script.read_text() == f"#!{python.executable}\n"
    assert stat.S_IMODE(script.stat().st_mode) == 0o600
    assert left_in(cache) == []


async def test_what_a_package_prints_cannot_command_the_terminal(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    async def loud(command: BuildCommand) -> int:
        command.report("ERROR: \x1b]0;owned\x07 http://me:secret@host/ \x9b2J")
        return 2

    chosen = BuildOptions(installer="pip", environ=index.environ(), run_confined=loud)
    with pytest.raises(PackageBuildFailed) as error:
        await package_environment(["alpha"], python, cache=cache, options=chosen)
    assert str(error.value).isprintable()
    assert error.value.output.isprintable()
    assert "http://****@host/" in str(error.value)


async def test_code_of_packages_may_only_be_built_in_a_runner_that_confines_it() -> None:
    with pytest.raises(UsageError, match="run_confined"):
        BuildOptions(source=True)


async def test_a_build_that_takes_too_long_is_stopped_and_leaves_nothing(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    index.opened.clear()
    chosen = BuildOptions(installer="pip", environ=index.environ(), timeout=0.2)
    with pytest.raises(PackageBuildFailed, match=r"longer than 0\.2 s"):
        await package_environment(["alpha"], python, cache=cache, options=chosen)
    assert left_in(cache) == []


async def test_a_cancelled_build_leaves_neither_folder_nor_process(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    index.opened.clear()
    building = asyncio.create_task(
        package_environment(["alpha"], python, cache=cache, options=options(index))
    )
    assert await asyncio.to_thread(index.reached.wait, 30)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    assert left_in(cache) == []
    assert psutil.Process().children(recursive=True) == []


async def test_progress_tells_of_each_step(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    steps: list[str] = []
    chosen = BuildOptions(installer="pip", environ=index.environ(), progress=steps.append)
    await package_environment(["alpha"], python, cache=cache, options=chosen)
    assert [step.split()[0] for step in steps] == [
        "Collecting", "Downloading", "Installing", "Successfully",
    ]  # fmt: skip


@pytest.mark.parametrize("damage", ["no manifest", "half a manifest", "a package is gone", "empty"])
async def test_a_corrupt_environment_is_built_again(
    index: Index, cache: PackageCache, python: Interpreter, damage: str
) -> None:
    index.add(wheel("alpha"))
    path = await package_environment(["alpha"], python, cache=cache, options=options(index))
    folder = path.parent
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    manifest = folder / "manifest.json"
    match damage:
        case "no manifest":
            manifest.unlink()
        case "half a manifest":
            manifest.write_text(manifest.read_text()[:100])
        case "a package is gone":
            shutil.rmtree(path / "alpha")
        case _:
            shutil.rmtree(folder)
            folder.mkdir()
    again = await package_environment(["alpha"], python, cache=cache, options=options(index))
    assert again == path
    assert run(python, path, "import alpha; print(alpha.VERSION)") == "1.0"
    assert index.downloads("alpha") == 2
    assert left_in(cache) == [folder.name]


async def test_the_manifest_says_what_was_built(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    path = await package_environment(["alpha"], python, cache=cache, options=options(index))
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest["packages"] == {"alpha": "1.0"}
    assert manifest["interpreter"]["executable"] == str(python.executable.resolve())
    assert manifest["entries"] == sorted(entry.name for entry in path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_can_import_what_root_built(
    index: Index, cache: PackageCache, python: Interpreter
) -> None:
    index.add(wheel("alpha"))
    path = await package_environment(["alpha"], python, cache=cache, options=options(index))
    # The folders above are closed to others; a guest sees this one by a mount, as here by fd.
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        said = subprocess.check_output(
            ["/bin/cat", "alpha/__init__.py"],
            preexec_fn=lambda: os.fchdir(folder),
            user=12345,
            group=12345,
            extra_groups=[],
            text=True,
        )
    finally:
        os.close(folder)
    assert "VERSION = '1.0'" in said
