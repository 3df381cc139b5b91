"""Builds images with the engine's own command, for secrets need BuildKit, and a client for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections import deque
from typing import TYPE_CHECKING

from ..executors.docker.images import VERSION
from ..executors.events import ImageProgress
from ..sandbox.errors import BackendError, BackendUnavailable, UsageError
from . import labels
from .recipes import FOLDER

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from .recipes import Recipe

_TAIL = 12
"""Lines shown of a build that failed."""
_LINE = 1 << 20


async def build_image(
    recipe: Recipe,
    *,
    base: str | None = None,
    ca_bundle: Path | None = None,
    pip_config: Path | None = None,
    network: str | None = None,
) -> AsyncGenerator[ImageProgress, None]:
    """Build an image, and tell each step; leaving the iteration ends the build.

    Parameters
    ----------
    base:
        What the base image is built on, instead of the official Python.
    ca_bundle:
        A file with the authorities to trust while packages are installed, in PEM.
    pip_config:
        A ``pip.conf`` to install them with.
    network:
        The network of the build, such as ``"host"``.

    Raises
    ------
    UsageError
        A file is not there, or ``base`` is named for an image that has one.
    BackendUnavailable
        No command here can build it.
    BackendError
        The build failed; the message ends with its last lines.
    """
    if base is not None and recipe.base is not None:
        raise UsageError(f"--base is for {recipe.base.name!r}: {recipe.name!r} is built on that.")
    command = [*await _builder(), *_arguments(recipe, base, network)]
    for name, file in (("ca", ca_bundle), ("pip", pip_config)):
        if file is not None:
            if not file.is_file():
                raise UsageError(f"{str(file)!r} is not a file.")
            command += ["--secret", f"id={name},src={file}"]
    last: deque[str] = deque(maxlen=_TAIL)
    process = await asyncio.create_subprocess_exec(
        *command,
        str(FOLDER),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        limit=_LINE,
    )
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            text = line.decode("utf-8", "replace").strip()
            if text:
                last.append(text)
                yield ImageProgress(recipe.tag, text)
        code = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if code:
        lines = "\n".join(last)
        raise BackendError(f"The image {recipe.tag} cannot be built (exit code {code}):\n{lines}")


def _arguments(recipe: Recipe, base: str | None, network: str | None) -> list[str]:
    arguments = {"PACKAGES": recipe.packages, "BASE": recipe.base.tag if recipe.base else base}
    written = {
        labels.IMAGE: recipe.name,
        labels.VERSION: VERSION,
        labels.CONTENT: recipe.content,
    }
    options = ["build", "--file", str(FOLDER / recipe.dockerfile), "--tag", recipe.tag]
    options += _each("--build-arg", {key: value for key, value in arguments.items() if value})
    options += _each("--label", written)
    return options + (["--network", network] if network else [])


def _each(option: str, values: dict[str, str]) -> Sequence[str]:
    return [word for key, value in values.items() for word in (option, f"{key}={value}")]


async def _builder() -> list[str]:
    """A command that can build with secrets.

    Docker's own can if it has buildx, or is so old (before 23.0) that it has BuildKit inside.
    """
    for folder in os.get_exec_path():
        docker = shutil.which("docker", path=folder)
        if docker is None:
            continue
        if (await _output(docker, "buildx", "version")).startswith("github.com/docker/buildx"):
            return [docker, "buildx"]
        version = await _output(docker, "--version")  # "Docker version 20.10.24, build …"
        major = version.removeprefix("Docker version ").partition(".")[0]
        if major.isdigit() and int(major) < 23:
            return [docker]
    podman = shutil.which("podman")
    if podman is not None:
        return [podman]
    raise BackendUnavailable(
        "building images",
        why="there is neither a docker command with buildx nor podman here",
        remedy="Install buildx (apt install docker-buildx, or docker-buildx-plugin).",
    )


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return output.decode("utf-8", "replace") if process.returncode == 0 else ""
