"""Packages that a policy names are there for the guest, and only to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandcrew.sandbox import Policy, Sandbox
from sandcrew.sandbox.packages import PackageCache

from .index import Index, wheel

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_a_policys_packages_are_imported_run_and_not_changed(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(wheel("alpha", "1.2"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, value in index.environ().items():
        monkeypatch.setenv(name, value)
    code = """
import alpha, subprocess, sys
print(alpha.VERSION)
print(subprocess.run([sys.executable, "-c", "import alpha; alpha.main()"], text=True,
                     capture_output=True).stdout, end="")
print(subprocess.run(["alpha-say"], text=True, capture_output=True).stdout, end="")
try: open(alpha.__file__, "a")
except OSError as error: print(error.strerror)
"""
    async with Sandbox(Policy(packages=["alpha==1.*"], preload=["alpha"])) as box:
        result = await box.run(code)
    assert result.output == "1.2\n1.2\n1.2\nPermission denied\n"
    async with Sandbox() as box:
        assert (await box.run("import alpha")).exit_code == 1
    for environment in PackageCache().list():
        PackageCache().remove(environment.key)
