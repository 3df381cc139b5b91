"""From options of the command line to an executor."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sandbox.errors import UsageError
from .terminal import note

if TYPE_CHECKING:
    from ..executors.base import CodeExecutor
    from ..executors.jupyter import JupyterCodeExecutor
    from ..sandbox.policy import Policy

_NETWORK_HELP = "write none, host, or allow:HOST[:PORT],…"


@dataclass(frozen=True, slots=True)
class Options:
    """What code may use, as given on the command line; ``None`` or empty: not given."""

    timeout: float | None = None
    memory: str | None = None
    cpus: int | None = None
    processes: int | None = None
    disk: str | None = None
    files: int | None = None
    network: str | None = None
    workdir: Path | None = None
    read_only: tuple[Path, ...] = ()
    env: tuple[str, ...] = ()
    policy: Path | None = None
    image: str | None = None

    def given(self) -> dict[str, Any]:
        """The options that were given, by name."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value not in (None, ())}


def make_executor(name: str, options: Options) -> "CodeExecutor":
    """The executor called ``name`` with these options, not started yet.

    Raises
    ------
    UsageError
        There is no such executor, or an option makes no sense, or it cannot be enforced there.
    """
    from ..executors.factory import create_executor

    if options.image is not None and name != "docker":
        raise UsageError("--image is for --executor docker.")
    if name in ("sandbox", "jupyter"):
        return create_executor(name, policy=sandbox_policy(options))
    if name == "docker":
        return create_executor(name, policy=sandbox_policy(options), image=options.image)
    if name == "local":
        return _local_executor(options)
    return create_executor(name, **_plain_options(options))


def make_kernel_executor(name: str, options: Options, kernel: str) -> "JupyterCodeExecutor":
    """An executor that has ``kernel`` run where the executor called ``name`` runs code.

    Raises
    ------
    UsageError
        No kernel can run there, or an option makes no sense.
    """
    from ..executors.jupyter import JupyterCodeExecutor

    if name == "local":
        executor = _local_executor(options, "jupyter", kernel_name=kernel, where="local")
        assert isinstance(executor, JupyterCodeExecutor)
        return executor
    if name == "docker":
        policy = sandbox_policy(options)
        return JupyterCodeExecutor(kernel, policy=policy, where="docker", image=options.image)
    if name not in ("sandbox", "jupyter"):
        raise UsageError(f"--executor {name}: no kernel runs there; take sandbox, docker or local.")
    return JupyterCodeExecutor(kernel, policy=sandbox_policy(options))


def sandbox_policy(options: Options) -> "Policy":
    """The policy of the options: what they say goes before what their policy file says."""
    from ..sandbox.policy import Policy

    base = Policy() if options.policy is None else Policy.from_toml(options.policy)
    changes = options.given()
    for key in ("policy", "image"):
        changes.pop(key, None)
    if options.network is not None:
        changes["network"] = _network(options.network)
    if options.env:
        changes["env"] = {**base.env, **_environment(options.env)}
    if options.read_only:
        changes["read_only"] = (*base.read_only, *options.read_only)
    return base.replace(**changes)


def _local_executor(options: Options, name: str = "local", **more: Any) -> "CodeExecutor":
    """The host itself. What it cannot enforce is refused, for no one should rely on it."""
    from ..executors.factory import create_executor

    unable = [key for key in options.given() if key not in ("timeout", "workdir", "env")]
    if options.network == "host":
        unable.remove("network")
    if unable:
        names = ", ".join(f"--{key.replace('_', '-')}" for key in unable)
        raise UsageError(f"--executor local confines nothing, so it cannot enforce {names}.")
    # Code on the host inherits the environment of this process.
    os.environ.update(_environment(options.env))
    keys = {"timeout": options.timeout, "work_dir": options.workdir, **more}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        executor = create_executor(
            name, **{key: value for key, value in keys.items() if value is not None}
        )
    note("--executor local runs this on your host, unconfined: it can do all that you can.")
    return executor


def _plain_options(options: Options) -> dict[str, Any]:
    """The given options as arguments of an executor's class, which refuses what it lacks."""
    given = options.given()
    if "workdir" in given:
        given["work_dir"] = given.pop("workdir")
    if "env" in given:
        given["env"] = _environment(options.env)
    if "network" in given:
        given["network"] = _network(given["network"])
    if options.policy is not None:
        from ..sandbox.policy import Policy

        given["policy"] = Policy.from_toml(options.policy)
    return given


def _network(text: str) -> str | list[str]:
    if text in ("none", "host"):
        return text
    kind, separator, hosts = text.partition(":")
    names = [name.strip() for name in hosts.split(",") if name.strip()]
    if kind != "allow" or not separator or not names:
        raise UsageError(f"--network {text}: {_NETWORK_HELP}.")
    return names


def _environment(items: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` as it is, ``NAME`` with the value it has here."""
    found: dict[str, str] = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not separator:
            if name not in os.environ:
                raise UsageError(f"--env {name}: it is not set here; write {name}=VALUE.")
            value = os.environ[name]
        found[name] = value
    return found
