"""Draws a notebook as it looks in a front end: ``python docs/draw_notebook.py IN.ipynb OUT.svg``.

Cells are drawn with their real outputs, long ones cut; ``docs/notebook.svg`` is the notebook that
``sandcrew demo`` leaves.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import sys
from html import escape
from pathlib import Path
from typing import Any

WIDTH, MARGIN, INDENT = 900, 16, 74
LINE, SIZE = 17, 12
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
SANS = "system-ui, -apple-system, Segoe UI, sans-serif"
CODE_LINES, TEXT_LINES = 10, 8


class Drawing:
    """Grows downwards."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.y = MARGIN

    def box(self, lines: list[str], *, fill: str, color: str, prompt: str = "") -> None:
        """Lines of code or of output, on a ground of ``fill``."""
        height = len(lines) * LINE + 14
        width = WIDTH - INDENT - MARGIN
        self.parts.append(
            f'<rect x="{INDENT}" y="{self.y}" width="{width}" height="{height}" fill="{fill}"/>'
        )
        if prompt:
            self.text(MARGIN, self.y + 19, prompt, "#307fc1", MONO)
        for number, line in enumerate(lines):
            self.text(INDENT + 10, self.y + 19 + number * LINE, line, color, MONO)
        self.y += height + 6

    def words(self, lines: list[str]) -> None:
        for line in lines:
            weight = "bold" if line.startswith(("#", "**")) else "normal"
            plain = re.sub(r"^#+ |\*\*|`", "", line)
            self.text(INDENT + 10, self.y + 15, plain, "#1f2328", SANS, weight)
            self.y += LINE + 1
        self.y += 8

    def text(
        self, x: int, y: int, text: str, color: str, font: str, weight: str = "normal"
    ) -> None:
        self.parts.append(
            f'<text x="{x}" y="{y}" fill="{color}" font-family="{font}" font-weight="{weight}" '
            f'font-size="{SIZE if font == MONO else SIZE + 1}" xml:space="preserve">'
            f"{escape(text)}</text>"
        )

    def picture(self, data: str) -> None:
        """A PNG, in base64."""
        wide, high = struct.unpack(">II", base64.b64decode(data)[16:24])
        width = WIDTH - INDENT - 2 * MARGIN
        height = round(width * high / wide)
        self.parts.append(
            f'<image x="{INDENT}" y="{self.y}" width="{width}" height="{height}" '
            f'href="data:image/png;base64,{data}"/>'
        )
        self.y += height + 10

    def svg(self) -> str:
        height = self.y + MARGIN
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}"><rect width="{WIDTH}" height="{height}" '
            f'fill="#ffffff" stroke="#d0d7de"/>{"".join(self.parts)}</svg>\n'
        )


def lines_of(text: str | list[str], most: int) -> list[str]:
    lines = "".join(text).rstrip().split("\n")
    return lines if len(lines) <= most else [*lines[: most - 1], "…"]


def draw_cell(drawing: Drawing, cell: dict[str, Any]) -> None:
    if cell["cell_type"] != "code":
        drawing.words(lines_of(cell["source"], TEXT_LINES))
        return
    count = cell["execution_count"] or " "
    source = lines_of(cell["source"], CODE_LINES)
    drawing.box(source, fill="#f6f8fa", color="#1f2328", prompt=f"[{count}]:")
    for output in cell["outputs"]:
        if output["output_type"] == "error":
            last = f"{output['ename']}: {output['evalue']}"
            drawing.box([last], fill="#ffebe9", color="#82071e")
        elif output["output_type"] == "stream":
            drawing.box(lines_of(output["text"], CODE_LINES), fill="#ffffff", color="#424a53")
        elif "image/png" in output["data"]:
            drawing.picture("".join(output["data"]["image/png"]).replace("\n", ""))


def main(source: str, target: str) -> None:
    drawing = Drawing()
    for cell in json.loads(Path(source).read_text("utf-8"))["cells"]:
        draw_cell(drawing, cell)
    Path(target).write_text(drawing.svg(), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
