"""``sandcrew run``: a team solves a task on the user's own files."""

import asyncio
import os
import re
from datetime import datetime
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..sandbox.errors import UsageError
from .crews import crew_of

if TYPE_CHECKING:
    from ..agents.models import ChatCompletionClient

DEFAULT_MODEL = "gpt-5-mini"
_LIBRARIES = (
    "matplotlib", "numpy", "openpyxl", "pandas", "polars", "scipy", "seaborn", "sklearn",
    "statsmodels",
)  # fmt: skip
"""What a coder would like to know to be there."""


def run_command(  # noqa: PLR0913 (each is an option of the command)
    task: Annotated[str, typer.Argument(metavar="TASK", help="What to do, in your words.")],
    file: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A file to work on. Repeatable."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"The model; {DEFAULT_MODEL} by default at OpenAI."),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(metavar="NAME", help="sandbox, docker, local, or 'package.module:Class'."),
    ] = "sandbox",
    image: Annotated[
        str | None, typer.Option(metavar="NAME", help="The image, for --executor docker.")
    ] = None,
    team: Annotated[
        str, typer.Option(metavar="NAME", help="pair, solo, review, magentic, or a FILE.toml.")
    ] = "pair",
    max_turns: Annotated[
        int, typer.Option(metavar="N", min=1, help="Turns of all together after which to stop.")
    ] = 20,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask before code runs; answers can be remembered.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Of each program; 60 by default.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the record goes; ./runs/… by default."),
    ] = None,
) -> int:
    """Let a team solve a task on your files.

    The teams: `pair`, one writes code and another runs it; `solo`, one agent does both and mends
    its own mistakes; `review`, a third checks the output and the code until the tests pass;
    `magentic`, an orchestrator plans and leads; or your own, described in a TOML file.

    The model comes from OpenAI (`OPENAI_API_KEY`) or from any server that speaks its protocol
    (`OPENAI_BASE_URL`). What the code makes, a transcript and a notebook are kept. Ctrl-C
    interrupts at once and asks whether to go on; again, it stops all and keeps what there is.
    """
    files = file or []
    _check_names(files)
    make_crew = crew_of(team)
    model = _model(model)

    from ..agents.models import OpenAIChatCompletionClient
    from ..agents.ui import TerminalApproval
    from .backend import Options
    from .crews.crew import Means
    from .work import Job, work, workspace_executor

    job = Job(_title(task), task, files, output or _new_folder(task))
    runner = workspace_executor(executor, Options(timeout=timeout, image=image))

    def client(**options: Any) -> "ChatCompletionClient":
        options.setdefault("model", model)
        return OpenAIChatCompletionClient(**options)

    means = Means(
        client, runner, max_turns, TerminalApproval() if ask else None, _libraries(executor)
    )
    return 0 if asyncio.run(work(job, make_crew, means)) else 1


def _model(name: str | None) -> str:
    """The model to ask.

    Raises
    ------
    UsageError
        There is nothing to ask.
    """
    own_server = os.environ.get("OPENAI_BASE_URL")
    if not own_server and not os.environ.get("OPENAI_API_KEY"):
        raise UsageError(
            "there is no model: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own "
            "together with --model NAME. ('sandcrew demo' needs none.)"
        )
    if own_server and name is None:
        raise UsageError(f"say with --model NAME which model of {own_server} to use.")
    return name or DEFAULT_MODEL


def _check_names(files: list[Path]) -> None:
    """The workspace is one folder."""
    names = [file.name for file in files]
    for file in files:
        if not file.is_file():
            raise UsageError(f"--file {file}: there is no such file.")
        if names.count(file.name) > 1:
            raise UsageError(f"--file: two files are called {file.name}; rename one.")


def _libraries(executor: str) -> str:
    """What code finds; of an image nobody here can tell."""
    from importlib.util import find_spec

    if executor not in ("sandbox", "local"):
        return ""
    found = [name for name in _LIBRARIES if find_spec(name) is not None]
    return f"Installed besides the standard library: {', '.join(found) or 'nothing'}."


def _title(task: str) -> str:
    return shorten(task, 70, placeholder=" …") or "A task"


def _new_folder(task: str) -> Path:
    words = re.findall(r"[a-z0-9]+", task.lower())
    slug = "-".join(words[:6])[:48] or "task"
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{slug}"
