"""The program that installs: which one, its arguments, its environment.

Of the caller's environment it gets only what it takes to reach the user's index
(:func:`installer_environment`); nothing of that is written into what is built.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .options import BuildOptions

_PASSED = frozenset(
    # Where the files of settings, the netrc file and the caches of pip and uv are.
    "HOME NETRC XDG_CACHE_HOME XDG_CONFIG_DIRS XDG_CONFIG_HOME XDG_DATA_HOME "
    "ALL_PROXY FTP_PROXY HTTPS_PROXY HTTP_PROXY NO_PROXY "
    "all_proxy ftp_proxy https_proxy http_proxy no_proxy "
    "CURL_CA_BUNDLE REQUESTS_CA_BUNDLE SSL_CERT_DIR SSL_CERT_FILE SSL_CLIENT_CERT "
    "PIP_CACHE_DIR PIP_CERT PIP_CLIENT_CERT PIP_CONFIG_FILE PIP_DEFAULT_TIMEOUT "
    "PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_INDEX_URL PIP_NO_CACHE_DIR PIP_NO_INDEX "
    "PIP_PRE PIP_PREFER_BINARY PIP_PROXY PIP_RETRIES PIP_TIMEOUT PIP_TRUSTED_HOST "
    "UV_CACHE_DIR UV_CONFIG_FILE UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS "
    "UV_HTTP_RETRIES UV_HTTP_TIMEOUT UV_INDEX UV_INDEX_STRATEGY UV_INDEX_URL "
    "UV_INSECURE_HOST UV_NATIVE_TLS UV_NO_CACHE UV_NO_INDEX UV_OFFLINE UV_PRERELEASE "
    "UV_SYSTEM_CERTS".split()
)
_INDEX_PASSWORD = re.compile(r"UV_INDEX_[A-Z0-9_]+_(?:USERNAME|PASSWORD)")
_UV_INDEX = ("UV_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS",
             "UV_INDEX", "UV_INDEX_URL", "UV_NO_INDEX")  # fmt: skip
_PIP_INDEX = re.compile(r"^[^=]*\b(?:index-url|find-links|no-index)=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Installer:
    """A program, and what it says it is (``"pip 23.2"``)."""

    name: str
    version: str
    argv: tuple[str, ...]

    def command(
        self, requirements: tuple[str, ...], python: Path, site: Path, *, source: bool
    ) -> tuple[str, ...]:
        """The arguments that install into ``site`` for ``python``."""
        wheels = () if source else ("--only-binary", ":all:")
        if self.name == "uv":
            # Copies: a hard link into uv's own cache would be made read-only with the copy.
            return (
                *self.argv, "pip", "install", "--target", str(site), "--python", str(python),
                "--link-mode", "copy", "--compile-bytecode", "--no-python-downloads",
                "--no-progress", "--color", "never", *wheels, "--", *requirements,
            )  # fmt: skip
        # Twice verbose: only then does pip say that it left out a source distribution.
        return (
            *self.argv, "install", "-vv", "--target", str(site), "--no-user",
            "--progress-bar", "off", *wheels, "--", *requirements,
        )  # fmt: skip


def installer_environment(environ: Mapping[str, str], tmp: Path) -> dict[str, str]:
    """The whole environment of an installer.

    From ``environ`` it has the names in ``_PASSED`` and uv's user names and passwords of named
    indexes: proxies, certificates, index settings, and where their files lie. Of ``PIP_*`` and
    ``UV_*`` no others, so that none can change what is installed or where to.
    """
    passed = {
        name: value
        for name, value in environ.items()
        if name in _PASSED or _INDEX_PASSWORD.fullmatch(name)
    }
    return {
        **passed,
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TMPDIR": str(tmp),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COLOR": "1",
        "PIP_NO_INPUT": "1",
        "PIP_REQUIRE_VIRTUALENV": "0",  # a user's setting that has no meaning for --target
        "PIP_ROOT_USER_ACTION": "ignore",
    }


async def choose_installer(python: Path, options: BuildOptions, env: dict[str, str]) -> Installer:
    """uv or pip, as ``options`` say and this host has.

    Raises
    ------
    BackendUnavailable
        There is none.
    """
    environ = options.environ if options.environ is not None else os.environ
    uv = await _find_uv(environ, env) if options.installer != "pip" else None
    if uv is not None and options.installer == "uv":
        return uv
    pip = await _find_pip(python, env) if options.installer != "uv" else None
    if uv is not None and (pip is None or not await _needs_pip(pip, env)):
        return uv
    if pip is None:
        wanted = "uv or pip" if options.installer == "auto" else options.installer
        raise BackendUnavailable(
            "packages",
            why=f"no {wanted} was found that installs for {python}",
            remedy="Install uv, or pip into this interpreter (python -m ensurepip).",
        )
    return pip


async def cache_of(installer: Installer, env: dict[str, str]) -> Path | None:
    """The folder of its cache, made; ``None`` if it is to have none."""
    if installer.name == "uv" and env.get("UV_NO_CACHE"):
        return None
    said = await _ask((*installer.argv, "cache", "dir"), env)
    lines = said.strip().splitlines() if said else []
    if not lines or not lines[-1].startswith("/"):
        return None
    folder = Path(lines[-1])
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    except OSError:  # the installer will say what it makes of it
        return None
    return folder


async def _find_uv(environ: Mapping[str, str], env: dict[str, str]) -> Installer | None:
    beside = str(Path(sys.executable).parent)
    path = shutil.which("uv", path=os.pathsep.join([environ.get("PATH", ""), beside]))
    said = await _ask((path, "--version"), env) if path else None
    return Installer("uv", " ".join(said.split()[:2]), (str(path),)) if said else None


async def _find_pip(python: Path, env: dict[str, str]) -> Installer | None:
    """The interpreter's own pip, or the one of the interpreter that runs this (pip 22.3)."""
    for argv in (
        (str(python), "-I", "-m", "pip"),
        (sys.executable, "-I", "-m", "pip", "--python", str(python)),
    ):
        said = await _ask((*argv, "--version"), env)
        if said:
            return Installer("pip", " ".join(said.split()[:2]), argv)
    return None


async def _needs_pip(pip: Installer, env: dict[str, str]) -> bool:
    """Whether only pip knows the user's index: uv does not read pip's settings.

    Asking the public index for the names of somebody's private packages would be worse than
    being slower.
    """
    if any(env.get(name) for name in _UV_INDEX):
        return False
    settings = await _ask((*pip.argv, "config", "list"), env)
    return settings is None or bool(_PIP_INDEX.search(settings))


async def _ask(argv: tuple[str, ...], env: dict[str, str]) -> str | None:
    """What a program prints, if it goes well."""
    try:
        # In "/", where no file of settings of a project lies.
        answer = await asyncio.to_thread(
            subprocess.run, argv, capture_output=True, text=True, timeout=30, env=env, cwd="/"
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return answer.stdout if answer.returncode == 0 else None
