"""What an assistant's model can call: tools of workbenches, and handoffs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ...sandbox.errors import UsageError
from ..base.handoff import Handoff

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..tools import Tool, ToolSchema, Workbench

    ToolLike = Tool | Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Toolset:
    """The tools there are in one turn."""

    schemas: "Sequence[ToolSchema]"
    owners: "Mapping[str, Workbench]"
    handoffs: Mapping[str, Handoff]


class Toolbox:
    """Knows who has which tool.

    Parameters
    ----------
    tools:
        Tools, and functions that become tools.
    workbench:
        Workbenches instead of tools.
    handoffs:
        Whom the conversation can be handed to.

    Raises
    ------
    UsageError
        Tools and workbenches together, something that is neither, or names that clash.
    """

    def __init__(
        self,
        tools: "Sequence[ToolLike] | None",
        workbench: "Workbench | Sequence[Workbench] | None",
        handoffs: Sequence[Handoff | str] | None,
    ) -> None:
        if tools and workbench:
            raise UsageError("Give an agent tools or a workbench, not both.")
        own = [_tool(tool) for tool in tools or ()]
        self._handoffs = [
            Handoff(target=handoff) if isinstance(handoff, str) else handoff
            for handoff in handoffs or ()
        ]
        hand_over = [handoff.handoff_tool for handoff in self._handoffs]
        _check_unique([tool.name for tool in (*own, *hand_over)])
        self.workbenches = _workbenches(workbench) or _bench(own)
        self._hand_over = _bench(hand_over)

    @property
    def empty(self) -> bool:
        return not self.workbenches and not self._handoffs

    @property
    def hands_over(self) -> bool:
        return bool(self._handoffs)

    async def open(self) -> Toolset:
        """The tools there are now.

        Raises
        ------
        UsageError
            Two workbenches have tools of one name.
        """
        schemas: list[ToolSchema] = []
        owners: dict[str, Workbench] = {}
        for workbench in (*self.workbenches, *self._hand_over):
            for schema in await workbench.list_tools():
                schemas.append(schema)
                owners[schema["name"]] = workbench
        if len(owners) < len(schemas):
            _check_unique([schema["name"] for schema in schemas])
        return Toolset(schemas, owners, {handoff.name: handoff for handoff in self._handoffs})


def _tool(tool: "ToolLike") -> "Tool":
    from ..tools import FunctionTool, Tool

    if isinstance(tool, Tool):
        return tool
    if callable(tool):  # pyright: ignore[reportUnnecessaryComparison]
        return FunctionTool(tool, description=(tool.__doc__ or "").strip())
    raise UsageError(f"A tool is a BaseTool or a function, not {tool!r}.")


def _bench(tools: "Sequence[Tool]") -> "list[Workbench]":
    """A workbench of given tools, if there are any."""
    if not tools:
        return []
    from ..tools import StaticStreamWorkbench

    return [StaticStreamWorkbench(tools)]


def _workbenches(workbench: "Workbench | Sequence[Workbench] | None") -> "list[Workbench]":
    if workbench is None:
        return []
    from ..tools import Workbench

    benches = [workbench] if isinstance(workbench, Workbench) else list(workbench)
    for bench in cast("list[object]", benches):
        if not isinstance(bench, Workbench):
            raise UsageError(f"workbench takes a Workbench, or several, not {bench!r}.")
    return benches


def _check_unique(names: Sequence[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise UsageError(f"Several tools or handoffs have the name {', '.join(twice)}.")
