"""Runs code blocks as cells of a Jupyter kernel."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, cast

from ...sandbox.errors import UsageError
from ...sandbox.output import DEFAULT_LIMIT
from ...sandbox.policy import Policy
from .kernel_executor import KernelExecutor
from .room import LocalRoom, SandboxRoom, container_room, kernel_policy
from .spec import find_kernel_spec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from ..functions import FuncSpec
    from .room import Room
    from .spec import KernelSpec

Where = Literal["sandbox", "docker", "local"]

UNCONFINED = (
    "JupyterCodeExecutor(where='local') runs kernels on this host with all your rights: their code "
    "can read your keys and delete your files. Leave `where` out for code you did not write."
)


class JupyterCodeExecutor(KernelExecutor):
    """Runs each block as a cell of one kernel, which keeps its variables from call to call.

    The kernel is confined by the sandbox unless ``where`` says otherwise, and so is what magics
    and shell lines (``%cd``, ``!ls``) do. One cell runs at a time; calls that overlap wait for
    their turn. A cell that is out of time or cancelled is interrupted, as by Ctrl-C, and the
    kernel lives on with its variables; one that does not obey is killed, and the next call starts
    a new kernel. A value of a cell is part of ``output``; its other forms are in ``outputs``.
    Pictures are saved in the workspace, and named in ``output``.

    Parameters
    ----------
    kernel_name:
        An installed kernel (``jupyter kernelspec list``). Blocks are to be in its language; a
        Python kernel also takes ``bash`` and ``sh``, as ``%%bash`` and ``%%sh`` cells. In the
        sandbox, kernels other than IPython's have 16 pseudoterminals, by which they talk to their
        interpreter, unless the policy says how many.
    timeout:
        Seconds each block may take.
    output_dir:
        The folder for copies of pictures on this host, made if missing; by default a temporary
        one that :meth:`stop` removes.
    where:
        ``"sandbox"``, ``"docker"``, or ``"local"``, which confines nothing.
    policy:
        What the kernel may use; not for ``"local"``.
    work_dir:
        A folder of the host to be the workspace; by default a fresh one.
    image:
        For ``"docker"``: an image with ``ipykernel``; by default ours, ``jupyter``.
    answer_input:
        Answers ``input()``: gets the prompt and whether the answer is secret. Without it,
        ``input()`` raises in the cell.
    functions, functions_module:
        Functions of the caller that blocks can import, and the module they are in.

    Raises
    ------
    UsageError
        An option makes no sense.
    BackendUnavailable
        There is no such kernel; the message names those that are installed.
    MissingExtra
        The packages of the extra ``jupyter`` are not installed.
    """

    def __init__(  # noqa: PLR0913 (AutoGen's three, and what it has no option for)
        self,
        kernel_name: str = "python3",
        timeout: float | None = None,
        output_dir: Path | str | None = None,
        *,
        where: Where = "sandbox",
        policy: Policy | None = None,
        work_dir: Path | str | None = None,
        image: str | None = None,
        answer_input: Callable[[str, bool], Awaitable[str]] | None = None,
        functions: Sequence[FuncSpec] = (),
        functions_module: str = "functions",
    ) -> None:
        if where == "local" and policy is not None:
            raise UsageError("where='local' confines nothing, so it takes no policy.")
        spec = find_kernel_spec(kernel_name)
        changes: dict[str, Any] = {"timeout": timeout, "workdir": work_dir}
        given = {key: value for key, value in changes.items() if value is not None}
        self.policy = (policy or Policy()).replace(**given)
        self.confined = where != "local"
        super().__init__(
            spec,
            self._make_room(where, spec, image),
            timeout=self.policy.timeout,
            limit=DEFAULT_LIMIT if where == "local" else self.policy.output,
            output_dir=output_dir,
            functions=(functions, functions_module),
        )
        self._answer_input = answer_input

    def _make_room(self, where: Where, spec: KernelSpec, image: str | None) -> Room:
        if image is not None and where != "docker":
            raise UsageError("image is for where='docker'.")
        match where:
            case "sandbox":
                return SandboxRoom(kernel_policy(self.policy, spec))
            case "docker":
                return container_room(self.policy, spec, image)
            case "local":
                warnings.warn(UNCONFINED, UserWarning, stacklevel=3)
                return LocalRoom(cast("Path | None", self.policy.workdir))
            case _:
                raise UsageError(f"where={where!r}: write 'sandbox', 'docker' or 'local'.")
