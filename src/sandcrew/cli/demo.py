"""``sandcrew demo``: the whole loop without a key."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ..sandbox.errors import MissingExtra

DATA = Path(__file__).parent.parent / "demo"
"""The data set, its source and licence, and what the recorded coder says."""


def demo_command(
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the chart and the record go.")
    ] = Path("sandcrew-demo"),
    executor: Annotated[
        str,
        typer.Option(metavar="NAME", help="sandbox, docker, local, or 'package.module:Class'."),
    ] = "sandbox",
    image: Annotated[
        str | None, typer.Option(metavar="NAME", help="The image, for --executor docker.")
    ] = None,
) -> int:
    """Watch a team analyse a real data set, without any key.

    What the coder says is recorded. Its code really runs, in the sandbox: it fails on the data,
    is mended, and draws a chart. A transcript, a notebook and the chart are left behind.
    """
    for module in ("matplotlib", "nbformat"):
        _need(module)
    from ..agents.models import ReplayChatCompletionClient
    from ..sandbox.intake.target_file import TargetFile
    from .backend import Options
    from .crews.crew import Means
    from .crews.pair import pair
    from .work import Job, work, workspace_executor

    said = [file.read_text("utf-8").strip() for file in sorted(DATA.glob("[0-9]-*.md"))]
    job = Job(
        title="CO2 at Mauna Loa: sandcrew demo",
        task=(DATA / "task.md").read_text("utf-8").strip(),
        files=[DATA / "co2.csv"],
        folder=output,
    )
    runner = workspace_executor(executor, Options(image=image))
    print("This coder is a recording; its code is really run, here and now.")
    recorded = ReplayChatCompletionClient(said)

    def client(**_: object) -> ReplayChatCompletionClient:
        return recorded

    means = Means(client, runner, max_turns=2 * len(said))
    answered = asyncio.run(work(job, pair, means))
    if output.is_dir():  # so that its notebook can be run again there
        with closing(TargetFile(output / "co2.csv")) as target:
            target.write((DATA / "co2.csv").read_bytes())
    return 0 if answered else 1


def _need(module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingExtra("demo", module)
