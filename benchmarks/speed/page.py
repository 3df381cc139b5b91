"""The table as one HTML page with charts, without anything from elsewhere."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from ..html_page import as_page
from .table import host, shown, shown_ratio, shown_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .table import Row, Table

_STYLE = """
:root { --bar: #7a9cc6; --ours: #2f6fb5; }
body { max-width: 66rem; }
table { margin: .5rem 0 2rem; }
th, td { padding: .3rem .7rem; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.met { color: light-dark(#116329, #56d364); }
.missed { color: light-dark(#b3261e, #ff7b72); }
svg { width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
svg .axis { stroke: var(--line); }
svg .bar { fill: var(--bar); }
svg .ours { fill: var(--ours); }
"""

_OPENING = """<h1>What a run costs</h1>
<p>Medians of one interleaved run. A ratio is to the floor named, within the same round.
The scale of the charts is logarithmic.</p>
"""

_NAMES, _BAR, _LINE = 330, 540, 24
"""Widths of the names and of the longest bar, and the height of a line, in pixels."""


def as_html(table: Table) -> str:
    """The page. No script can run in it."""
    return as_page("sandcrew bench speed", _STYLE, _OPENING, _body(table))


def _body(table: Table) -> Iterator[str]:
    for group in table.groups():
        rows = table.of(group)
        yield f"<h2>{escape(group)}</h2>\n"
        timed = [row for row in rows if row.unit == "s" and row.measure > 0]
        if len(timed) > 1:
            yield from _chart(timed)
        yield '<div class="scroll"><table>\n<tr>'
        yield "".join(
            f'<th scope="col">{name}</th>' for name in ("contender", "median", "ratio", "target")
        )
        yield "</tr>\n"
        yield from map(_row, rows)
        yield "</table></div>\n"
    if table.skipped:
        yield "<h2>Not measured here</h2>\n<ul>\n"
        for why, names in table.why_skipped().items():
            yield f"<li>{escape(', '.join(names))}: {escape(why)}</li>\n"
        yield "</ul>\n"
    about = ", ".join(f"{key} {value}" for key, value in host().items())
    yield f"<p>Host: {escape(about)}.</p>\n"


def _row(row: Row) -> str:
    floor = "" if row.floor in (None, row.name) else f"{shown_ratio(row.ratio)} {row.floor}"
    style = {True: "met", False: "missed", None: ""}[row.met]
    return (
        f'<tr><td>{escape(row.name)}</td><td class="number">{shown(row.measure, row.unit)}</td>'
        f'<td>{escape(floor)}</td><td class="{style}">{escape(shown_target(row))}</td></tr>\n'
    )


def _chart(rows: list[Row]) -> Iterator[str]:
    """One bar for each row, on a logarithmic scale of whole decades."""
    first = math.floor(math.log10(min(row.measure for row in rows)))
    last = math.ceil(math.log10(max(row.measure for row in rows)))
    step = _BAR / max(last - first, 1)
    height = _LINE * (len(rows) + 1)
    yield f'<svg viewBox="0 0 {_NAMES + _BAR + 80} {height}" role="img" aria-label="Times">\n'
    for decade in range(first, last + 1):
        x = _NAMES + (decade - first) * step
        yield f'<line class="axis" x1="{x:.0f}" x2="{x:.0f}" y1="0" y2="{height - _LINE}"/>'
        yield f'<text x="{x:.0f}" y="{height - 6}" text-anchor="middle">'
        yield f"{shown(10.0**decade, 's')}</text>\n"
    for number, row in enumerate(rows):
        y, width = number * _LINE, (math.log10(row.measure) - first) * step
        style = "bar ours" if "sandcrew" in row.name else "bar"
        yield f'<text x="{_NAMES - 8}" y="{y + 16}" text-anchor="end">{escape(row.name)}</text>'
        yield f'<rect class="{style}" x="{_NAMES}" y="{y + 4}" width="{max(width, 1):.1f}" '
        yield f'height="{_LINE - 8}"/><text x="{_NAMES + width + 6:.0f}" y="{y + 16}">'
        yield f"{shown(row.measure, row.unit)}</text>\n"
    yield "</svg>\n"
