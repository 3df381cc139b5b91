"""Runs code blocks in the local sandbox: the default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sandbox.language import languages
from ..sandbox.policy import Policy
from ..sandbox.sandbox import Sandbox
from .sandboxed import SandboxedExecutor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .functions import FuncSpec


class SandboxCodeExecutor(SandboxedExecutor):
    """Runs each block as a fresh process tree in one :class:`~sandcrew.sandbox.Sandbox`.

    The blocks share the workspace, which is private and in memory unless ``work_dir`` is given,
    and nothing else. Linux only; needs no root.

    Parameters
    ----------
    policy:
        What the code may use; the default has no network, one minute, 1 GiB a process.
    timeout:
        Seconds each block may take, instead of the policy's.
    work_dir:
        A folder of the host to be the workspace, instead of the policy's.
    functions, functions_module:
        Functions of the caller that blocks can import, and the module they are in.

    Raises
    ------
    UsageError
        An option makes no sense (:class:`PolicyError` where it is part of the policy).
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        timeout: float | None = None,
        work_dir: Path | str | None = None,
        functions: Sequence[FuncSpec] = (),
        functions_module: str = "functions",
    ) -> None:
        super().__init__(functions, functions_module)
        changes: dict[str, Any] = {"timeout": timeout, "workdir": work_dir}
        given = {key: value for key, value in changes.items() if value is not None}
        self.policy = (policy or Policy()).replace(**given)
        self.languages = tuple(languages())

    def _make_sandbox(self) -> Sandbox:
        return Sandbox(self.policy)
