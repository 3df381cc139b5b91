"""The code of packages runs in guests, behind all layers, and never in the fork server."""

from __future__ import annotations

import ast
import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

from sandcrew.executors import CodeBlock, JupyterCodeExecutor
from sandcrew.sandbox import Policy, Sandbox
from sandcrew.sandbox.rootfs import GUEST_UID

from ..environments import an_interpreter_with
from .index import Index, wheel

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = """
import builtins, os
builtins.imported = [*getattr(builtins, "imported", ()), __name__]
STATUS = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines())
"""
"""A module that anybody who shares its interpreter, or was forked from it, can tell the import of.
"""
TELLS = """
import builtins
print([name for name in getattr(builtins, "imported", ()) if name in {names}])
import {module} as module
print({{name: module.STATUS[name] for name in ("Uid", "CapEff", "CapPrm", "CapBnd", "CapInh",
      "CapAmb", "NoNewPrivs", "Seccomp")}})
"""


def assert_confined(output: str) -> None:
    """What :data:`TELLS` prints is of a module that was not there and ran behind all layers."""
    before, status = map(ast.literal_eval, output.splitlines()[-2:])
    assert before == []
    none = "0" * 16
    assert status == {
        "Uid": "\t".join([str(GUEST_UID)] * 4),
        **dict.fromkeys(("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"), none),
        "NoNewPrivs": "1",
        "Seccomp": "2",
    }


def tells(module: str, *names: str) -> str:
    return TELLS.format(module=module, names=names or (module,))


@pytest.mark.parametrize("preload", [[], ["helpful"], ["json", "helpful", "helpful.more"]])
async def test_a_package_runs_in_guests_whatever_is_preloaded(
    default_index: Index, preload: list[str]
) -> None:
    default_index.add(wheel("helpful", body=RECORDS, more={"helpful/more.py": RECORDS}))
    async with Sandbox(Policy(packages=["helpful"], preload=preload)) as box:
        run = await box.run(tells("helpful.more", "helpful", "helpful.more"))
        async with box.session() as session:
            cell = await session.run(tells("helpful"))
    assert_confined(run.output)
    assert_confined(cell.output)


@pytest.mark.parametrize(
    ("shadowed", "preload"),
    [("numpy", "pandas"), ("PIL", "matplotlib"), ("pytz", "pandas"), ("comm", "ipykernel.comm")],
)
async def test_what_would_import_from_a_package_is_left_to_guests(
    default_index: Index, shadowed: str, preload: str
) -> None:
    """Also what is imported by the first use of a library, and what may be missing."""
    default_index.add(wheel("helpful", more={f"{shadowed}/__init__.py": RECORDS}))
    async with Sandbox(Policy(packages=["helpful"], preload=["json", preload])) as box:
        result = await box.run(tells(shadowed))
        warm = await box.run("import sys; print('json' in sys.modules)")
    assert_confined(result.output)
    assert warm.output == "True\n"


async def test_what_does_without_packages_stays_warm(default_index: Index) -> None:
    default_index.add(wheel("helpful", body=RECORDS))
    async with Sandbox(Policy(packages=["helpful"], preload=["pandas", "helpful"])) as box:
        result = await box.run("import sys; print('pandas' in sys.modules)\n" + tells("helpful"))
    assert result.output.startswith("True\n")
    assert_confined(result.output)


async def test_hooks_of_the_interpreter_in_a_wheel_run_in_guests_only(default_index: Index) -> None:
    hooks = {
        "hook.pth": "import hooked\n",
        "hooked.py": RECORDS,
        "sitecustomize.py": RECORDS + "print('hooked:', __name__)",
        "usercustomize.py": RECORDS,
    }
    default_index.add(wheel("helpful", more=hooks))
    names = ("hooked", "sitecustomize", "usercustomize")
    started = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])\n"
    async with Sandbox(Policy(packages=["helpful"], preload=["helpful"])) as box:
        result = await box.run(started + tells("hooked", *names))
    assert result.output.startswith("hooked: sitecustomize\n")  # in an interpreter of the guest's
    assert_confined(result.output)


# --- modules of the environment that use packages ---


MODULES = {
    "lazy": "def use():\n    import helpful\n    return helpful.VERSION\n",
    "eager": "import helpful\nVERSION = helpful.VERSION\n",
    "optional": "try: import helpful\nexcept ImportError: helpful = None\n",
}


@pytest.mark.parametrize(
    "code",
    [
        "import lazy; print(lazy.use())",
        "import eager; print(eager.VERSION)",
        "import optional; print(optional.helpful.VERSION)",
    ],
)
async def test_modules_of_the_environment_find_packages_in_guests(
    default_index: Index, tmp_path: Path, code: str
) -> None:
    default_index.add(wheel("helpful", "1.2", body=RECORDS))
    python = an_interpreter_with(tmp_path / "environment", MODULES)
    async with Sandbox(Policy(packages=["helpful"], preload=[*MODULES], python=python)) as box:
        result = await box.run(code)
        fresh = await box.run(tells("helpful"))
    assert result.output == "1.2\n"
    assert_confined(fresh.output)


# --- the other ways in ---


async def test_a_package_runs_confined_in_a_kernel(default_index: Index) -> None:
    default_index.add(wheel("helpful", body=RECORDS))
    policy = Policy(packages=["helpful"])
    async with JupyterCodeExecutor(policy=policy) as executor:
        result = await executor.execute_code_blocks([CodeBlock(tells("helpful"), "python")])
    assert_confined(result.output)


@pytest.mark.parametrize("shadowed", ["comm", "traitlets", "zmq", "debugpy"])
async def test_a_package_that_shadows_what_a_kernel_imports_runs_in_guests_only(
    default_index: Index, tmp_path: Path, shadowed: str
) -> None:
    """The kernel need not work then; what it was is in its workspace."""
    record = "open('/workspace/status', 'w').write(open('/proc/self/status').read())\n"
    default_index.add(wheel("helpful", more={f"{shadowed}/__init__.py": record}))
    folder = tmp_path / "workspace"
    folder.mkdir()
    policy = Policy(packages=["helpful"], workdir=folder)
    executor = JupyterCodeExecutor(policy=policy, timeout=20)
    try:
        await executor.execute_code_blocks([CodeBlock("1", "python")])
    except Exception:  # a kernel without its modules
        pass
    finally:
        await executor.stop()
    lines = (folder / "status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["NSpid"].split()[-1] != "1"  # the fork server is the first of its namespace


async def test_a_package_runs_confined_in_a_program_of_the_command_line(
    default_index: Index, tmp_path: Path
) -> None:
    default_index.add(wheel("helpful", body=RECORDS))
    (tmp_path / "policy.toml").write_text('packages = ["helpful"]\npreload = ["helpful"]\n')
    (tmp_path / "program.py").write_text(tells("helpful"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandcrew", "exec", "--policy", "policy.toml", "program.py"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert_confined(output.decode())
