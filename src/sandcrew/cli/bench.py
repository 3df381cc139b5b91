"""``sandcrew bench``: what executors isolate, and what teams cost."""

import asyncio
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..sandbox.errors import UsageError
from ..sandbox.intake.target_file import TargetFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..benchmarks.isolation import Cell, Subject, Table

bench_app = typer.Typer(help="Measures executors and teams.", no_args_is_help=True)

EXIT_LEAKED = 1


@bench_app.callback()
def bench() -> None:
    """Measure executors: what they isolate; and teams: what they cost."""


@bench_app.command("speed")
def speed_command(
    rounds: Annotated[int, typer.Option(min=1, help="How often each thing is measured.")] = 15,
    only: Annotated[
        str, typer.Option(help="Words of names or headings, with commas in between.")
    ] = "",
    executors: Annotated[
        str, typer.Option(help="Also rows for these executors, with commas in between.")
    ] = "",
    peer: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=PATH: the Python or the command of a peer. May be repeated.",
            envvar="SANDCREW_BENCH_PEERS",
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the table there as JSON; - for stdout.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the table there as a page.")] = None,
) -> None:
    """Time runs, sessions, executors and peers, interleaved in one run, with ratios to floors.

    A peer that is not installed is named below the table, with how to install it.
    """
    from ..benchmarks.speed import as_html, as_text, choose, contenders, measure

    for path in (json, html):
        _check_writable(path)
    rows = choose(contenders(_words(executors), _places(peer or [])), _words(only))
    if not rows:
        raise UsageError(f"Nothing here has one of these words in its name: {only}.")
    table = asyncio.run(measure(rows, rounds, _status()))
    if json is not None:
        _write(json, table.to_json() + "\n")
    if html is not None:
        _write(html, as_html(table))
    if json != Path("-"):
        typer.echo(as_text(table, colour=sys.stdout.isatty()), nl=False)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _places(texts: list[str]) -> dict[str, str]:
    from ..benchmarks.speed import INSTALL

    places: dict[str, str] = {}
    for text in texts:
        name, _, place = text.partition("=")
        if name not in INSTALL or not place:
            known = ", ".join(INSTALL)
            raise UsageError(f"--peer {text}: it is NAME=PATH, and the names are {known}.")
        places[name] = place
    return places


def _status() -> "Callable[[str], None]":
    """A line on a terminal that is written over and over; nothing elsewhere."""

    def tell(text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text[:78]}")
            sys.stderr.flush()

    return tell


@bench_app.command("humaneval")
def humaneval_command(
    file: Annotated[Path, typer.Argument(help="HumanEval.jsonl, one task a line.")],
    rounds: Annotated[int, typer.Option(min=1, help="How often the whole set is run.")] = 3,
) -> int:
    """Run HumanEval's reference solutions in the sandbox and by subprocess: verdicts and time.

    The exit code is 1 if a verdict differs, or a wrong solution passes.
    """
    from ..benchmarks.humaneval import evaluate, load

    outcome = asyncio.run(evaluate(load(file), rounds))
    typer.echo(outcome.as_text(), nl=False)
    return 1 if outcome.differences else 0


@bench_app.command("teams")
def teams_command(
    rounds: Annotated[int, typer.Option(min=1, help="How often each thing is timed.")] = 15,
) -> None:
    """Time teams with models that answer at once, beside AutoGen where it is installed."""
    from ..benchmarks.teams import main

    asyncio.run(main(rounds))


@bench_app.command("isolation")
def isolation_command(
    executors: Annotated[
        str,
        typer.Option(
            help="Names of executors, with commas in between; session and branch are cells of the "
            "sandbox, docker-session and docker-branch of one in a container, jupyter and "
            "jupyter-docker cells of kernels; run, exec-workdir and jupyter-save are whole "
            "commands."
        ),
    ] = "sandbox,local",
    peer: Annotated[
        list[str] | None,
        typer.Option(help="NAME=COMMAND with {file}, {folder} or {name} in it. May be repeated."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="The profile of the sandbox, if not the default one.")
    ] = None,
    only: Annotated[
        str, typer.Option(help="Classes (A to G) or attacks (A01), with commas in between.")
    ] = "",
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the table there as JSON; - for stdout.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the table there as a page.")] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print only the totals, as Markdown.")
    ] = False,
) -> int:
    """Try the attack suite on executors: held, leaked, or not applicable.

    Each attack runs without any confinement first, on this host, and is bounded: it can do no
    harm. The exit code is 1 if an executor leaks that promises to confine.
    """
    from ..benchmarks.isolation import as_html, as_text, choose, run_suite

    subjects = _subjects(executors, peer or [], profile)
    attacks = choose(only.split(","))
    for path in (json, html):
        _check_writable(path)
    table = asyncio.run(
        run_suite(subjects, attacks, progress=_progress(len(attacks) * (len(subjects) + 1)))
    )
    if json is not None:
        _write(json, table.to_json() + "\n")
    if html is not None:
        _write(html, as_html(table))
    if markdown:
        typer.echo(table.to_markdown(), nl=False)
    elif json != Path("-"):
        typer.echo(as_text(table, colour=sys.stdout.isatty()), nl=False)
    return _exit_code(table)


def _subjects(executors: str, peers: list[str], profile: str | None) -> list["Subject"]:
    from ..benchmarks.isolation import CommandSubject, subject_of

    names = _words(executors)
    subjects: list[Subject] = []
    for name in names:
        local = name in ("sandbox", "session", "branch", "exec-workdir")
        policy = {"profile": profile} if profile and local else {}
        subjects.append(subject_of(name, policy))
    subjects += [CommandSubject.parse(text) for text in peers]
    if not subjects:
        raise UsageError("There is nothing to try: name an executor or a peer.")
    if len({subject.name for subject in subjects}) < len(subjects):
        raise UsageError("Two executors or peers have the same name.")
    return subjects


def _check_writable(path: Path | None) -> None:
    """A table of minutes must not be lost to a wrong path."""
    if path is not None and path != Path("-"):
        TargetFile(path).close()


def _write(path: Path, text: str) -> None:
    if path == Path("-"):
        typer.echo(text, nl=False)
        return
    # What is measured is hostile, and some of it runs unconfined: no link is followed.
    with closing(TargetFile(path)) as target:
        try:
            target.write(text.encode())
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from error


def _progress(total: int) -> "Callable[[Cell], None] | None":
    """A line on a terminal that is written over and over; nothing elsewhere."""
    if not sys.stderr.isatty():
        return None
    done = 0

    def tell(cell: "Cell") -> None:
        nonlocal done
        done += 1
        end = "\n" if done == total else ""
        text = f"{done}/{total} {cell.attack} {cell.subject}: {cell.outcome}"
        sys.stderr.write(f"\r\x1b[K{text[:78]}{end}")
        sys.stderr.flush()

    return tell


def _exit_code(table: "Table") -> int:
    return EXIT_LEAKED if table.breaches() else 0
