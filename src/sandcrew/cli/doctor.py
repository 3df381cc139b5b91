"""``sandcrew doctor``: what this host can enforce."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from ..sandbox.doctor import Report


def doctor_command(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Say what this host can enforce, what is missing, and how to get it.

    Everything is found out by doing it, as the current user. The exit code is 0 when the
    default policy can be enforced here, 3 otherwise.
    """
    from ..sandbox.doctor import diagnose

    report = asyncio.run(diagnose())
    if json:
        from json import dumps

        typer.echo(dumps(report.to_dict()))
    else:
        _show(report)
    return 0 if report.ok else 3


def _show(report: "Report") -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_table(report))
    console.print()
    if report.ok:
        console.print("[bold green]This host can confine code with the default policy.[/]")
    else:
        console.print("[bold red]This host cannot confine code with the default policy.[/]")


def _table(report: "Report") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for finding in report.findings:
        if finding.ok:
            mark = Text("ok", style="green")
        elif finding.required:
            mark = Text("missing", style="bold red")
        else:
            mark = Text("absent", style="yellow")
        detail = Text(finding.detail)
        if finding.remedy:
            detail.append(f"\n→ {finding.remedy}", style="dim")
        table.add_row(mark, Text(finding.name), detail)
    return table
