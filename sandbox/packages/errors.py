"""How building an environment fails."""

from __future__ import annotations

from ..errors import BackendError


class PackageBuildFailed(BackendError):
    """The packages of a policy could not be installed; nothing of the attempt is kept.

    Parameters
    ----------
    requirements:
        What was asked for, canonically written.
    why:
        The installer's reason in a sentence or two.
    output:
        The last lines the installer printed, passwords in URLs masked.
    """

    def __init__(self, requirements: tuple[str, ...], *, why: str, output: str = "") -> None:
        super().__init__(f"The packages {', '.join(requirements)} cannot be had: {why}")
        self.requirements = requirements
        self.why = why
        self.output = output
