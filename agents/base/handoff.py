"""Giving the conversation to another agent, as a model can ask for it."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from ...sandbox.errors import UsageError

if TYPE_CHECKING:
    from ..tools import BaseTool


class Handoff(BaseModel):
    """Where an agent may hand over to; its model sees it as a tool without arguments.

    Parameters
    ----------
    target:
        The name of the other agent.
    description:
        When to do it; default ``Handoff to <target>.``
    name:
        The name of the tool; default ``transfer_to_<target>``.
    message:
        What the target is told.

    Raises
    ------
    UsageError
        The name is no identifier.
    """

    model_config = ConfigDict(defer_build=True)

    target: str
    description: str
    name: str
    message: str

    def __init__(
        self, *, target: str, description: str = "", name: str = "", message: str = ""
    ) -> None:
        name = name or f"transfer_to_{target.lower()}"
        if not name.isidentifier():
            raise UsageError(f"The name of a handoff must be a Python identifier: {name!r}.")
        super().__init__(
            target=target,
            description=description or f"Handoff to {target}.",
            name=name,
            message=message
            or f"Transferred to {target}, adopting the role of {target} immediately.",
        )

    @property
    def handoff_tool(self) -> "BaseTool[Any, Any]":
        """The tool a model calls; it gives the message."""
        from ..tools import FunctionTool

        message = self.message

        def hand_over() -> str:
            return message

        return FunctionTool(hand_over, self.description, self.name, strict=True)
