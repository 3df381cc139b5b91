"""The table as one HTML page without anything from elsewhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..html_page import as_page
from .attack import GROUPS
from .table import brief, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .attack import Attack
    from .table import Table

_STYLE = """
body { max-width: 78rem; }
table { margin: 1rem 0 2rem; }
th, td { vertical-align: top; padding: .35rem .7rem; }
td p { margin: 0; color: var(--quiet); font-size: .85em; max-width: 34rem; }
td.outcome { min-width: 7rem; }
td.outcome small { display: block; color: var(--quiet); overflow-wrap: anywhere; }
.held b { color: light-dark(#116329, #56d364); }
.leaked b { color: light-dark(#b3261e, #ff7b72); }
.error b { color: light-dark(#8a5a00, #e3b341); }
.na b { color: var(--quiet); font-weight: normal; }
code { font-size: .9em; }
"""

_OPENING = """<h1>What code could reach</h1>
<p>Each attack is first tried without any confinement. <b>Held</b>: it got nothing, and it had got
what it wanted without. <b>Leaked</b>: it got it, mostly by what the host saw. <b>n/a</b>: it could
not be proven here, and why.</p>
"""


def as_html(table: Table) -> str:
    """The page. All that attacks printed is escaped, and no script can run in it."""
    return as_page("sandcrew bench isolation", _STYLE, _OPENING, _body(table))


def _body(table: Table) -> Iterator[str]:
    subjects = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.subjects)
    yield f'<div class="scroll"><table>\n<tr><th scope="col">class</th>{subjects}</tr>\n'
    for group in table.groups():
        cells = "".join(
            f"<td>{escape(brief(table.totals(name, group)))}</td>" for name in table.subjects
        )
        yield f'<tr><th scope="row">{group} {escape(GROUPS[group])}</th>{cells}</tr>\n'
    totals = "".join(f"<td>{escape(brief(table.totals(name)))}</td>" for name in table.subjects)
    yield f'<tr><th scope="row">all</th>{totals}</tr>\n</table></div>\n'
    for group in table.groups():
        yield f"<h2>{group} {escape(GROUPS[group])}</h2>\n"
        yield f'<div class="scroll"><table>\n<tr><th scope="col">attack</th>{subjects}</tr>\n'
        yield from (_row(table, item) for item in table.attacks if item.group == group)
        yield "</table></div>\n"


def _row(table: Table, attack: Attack) -> str:
    cells = "".join(_cell(table, attack, name) for name in table.subjects)
    about = f"<code>{escape(attack.number)}</code> {escape(attack.name)}"
    return f"<tr><td>{about}<p>{escape(attack.wants)}</p></td>{cells}</tr>\n"


def _cell(table: Table, attack: Attack, subject: str) -> str:
    cell = table.cells[attack.number, subject]
    style = cell.outcome.replace("/", "")
    why = "" if cell.outcome == "held" else f"<small>{escape(plain(cell.why))}</small>"
    return f'<td class="outcome {style}"><b>{cell.outcome}</b>{why}</td>'
