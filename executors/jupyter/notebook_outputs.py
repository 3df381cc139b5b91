"""The outputs of a cell as a notebook has them (nbformat 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .outputs import Failed, Printed, Shown

if TYPE_CHECKING:
    from .outputs import Outputs


def notebook_outputs(outputs: Outputs, count: int | None) -> tuple[dict[str, Any], ...]:
    """In their order, and as the kernel sent them: hostile.

    ``count`` is the number of the execution, which stands at the value of a cell.
    """
    return tuple(_output(item, count) for item in outputs.items)


def _output(item: Printed | Shown | Failed, count: int | None) -> dict[str, Any]:
    match item:
        case Printed():
            return {"output_type": "stream", "name": item.stream, "text": str(item.text)}
        case Shown():
            output = {"output_type": item.kind, "data": item.data, "metadata": item.metadata}
            return output | ({"execution_count": count} if item.kind == "execute_result" else {})
        case Failed():
            return {
                "output_type": "error",
                "ename": item.name,
                "evalue": item.value,
                "traceback": list(item.traceback),
            }
