"""Which kernel to start: what ``jupyter kernelspec`` has installed on this host."""

from __future__ import annotations

import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...sandbox.errors import BackendUnavailable, MissingExtra
from ..block import canonical_language

if TYPE_CHECKING:
    from collections.abc import Mapping

_NATIVE = "python3"
"""The kernel of the interpreter that asks, as jupyter_client calls it."""
_PYTHON = re.compile(r"python(3(\.\d+)?)?")


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """How a kernel is started; see "Kernel specs" in the documentation of jupyter_client."""

    name: str
    display_name: str
    argv: tuple[str, ...]
    """With ``{connection_file}`` where the path of that file is to stand."""
    language: str
    """In the canonical form of :func:`~sandcrew.executors.canonical_language`."""
    env: Mapping[str, str]
    interrupt_mode: Literal["signal", "message"]
    resource_dir: Path

    @property
    def is_ipykernel(self) -> bool:
        """True for IPython's own kernel, in whatever interpreter."""
        return "ipykernel_launcher" in self.argv or "ipykernel" in self.argv

    @property
    def python(self) -> str | None:
        """The interpreter that runs the kernel, if it is written in Python."""
        return self.argv[0] if _PYTHON.fullmatch(Path(self.argv[0]).name) else None

    def command(self, connection_file: str) -> list[str]:
        """The command that starts it."""
        known = {
            "connection_file": connection_file,
            "prefix": sys.prefix,
            "resource_dir": str(self.resource_dir),
        }
        return [
            re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], found[0]), part)
            for part in self.argv
        ]


def find_kernel_spec(name: str) -> KernelSpec:
    """The installed kernel called ``name``.

    Raises
    ------
    BackendUnavailable
        There is none; the message names those there are.
    MissingExtra
        ``jupyter_client`` is not installed.
    """
    manager = kernel_spec_manager()
    try:
        with warnings.catch_warnings():
            # Specs of others have keys that traitlets does not know.
            warnings.simplefilter("ignore", DeprecationWarning)
            return to_kernel_spec(name, manager.get_kernel_spec(name))
    except (KeyError, ValueError) as error:  # NoSuchKernel is a KeyError
        raise _unavailable(f"the Jupyter kernel {name!r}", manager) from error


def choose_kernel(name: str, language: str) -> str:
    """The name of an installed kernel: this one, or else one for ``language``.

    Raises
    ------
    BackendUnavailable
        There is none.
    MissingExtra
        ``jupyter_client`` is not installed.
    """
    manager = kernel_spec_manager()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as above
        found: dict[str, Any] = manager.get_all_specs()
    for known in (name, _NATIVE, *sorted(found)):
        if known in found:
            spec = found[known]["spec"]
            if known == name or canonical_language(str(spec.get("language"))) == language:
                return known
    raise _unavailable(f"a Jupyter kernel for {language}", manager)


def kernel_spec_manager() -> Any:
    """What finds and installs kernel specs on this host.

    Raises
    ------
    MissingExtra
        ``jupyter_client`` is not installed.
    """
    try:
        from jupyter_client.kernelspec import KernelSpecManager
    except ImportError as error:
        raise MissingExtra("jupyter", "jupyter_client") from error
    return KernelSpecManager()


def _unavailable(what: str, manager: Any) -> BackendUnavailable:
    installed = ", ".join(sorted(manager.find_kernel_specs())) or "none"
    return BackendUnavailable(
        what,
        why=f"it is not installed; installed are: {installed}",
        remedy="Install its package, or 'pip install ipykernel' for Python.",
    )


def to_kernel_spec(name: str, found: Any) -> KernelSpec:
    """What jupyter_client found, as a value of ours.

    Raises
    ------
    ValueError
        It has no command.
    """
    argv = [str(part) for part in found.argv]
    if not argv:
        raise ValueError("a kernel spec without a command")
    if _PYTHON.fullmatch(argv[0]):  # as jupyter_client has it: the interpreter that asks
        argv[0] = sys.executable
    return KernelSpec(
        name=name,
        display_name=str(found.display_name),
        argv=tuple(argv),
        language=canonical_language(str(found.language)),
        env=dict(found.env),
        interrupt_mode="message" if found.interrupt_mode == "message" else "signal",
        resource_dir=Path(found.resource_dir),
    )
