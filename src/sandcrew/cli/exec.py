"""``sandcrew exec``: runs the code of a file and exits with its exit code."""

from pathlib import Path
from typing import Annotated

import typer

from .backend import Options
from .execution import execute


def exec_command(  # noqa: PLR0913 (each is an option of the command)
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A .py, .sh, .js, .md or .ipynb file, or - for standard input."
        ),
    ],
    executor: Annotated[
        str,
        typer.Option(metavar="NAME", help="sandbox, docker, local, or 'package.module:Class'."),
    ] = "sandbox",
    language: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The language, if the file's name does not tell."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Wall time; 60 by default.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory of a process, such as 512MiB.")
    ] = None,
    cpus: Annotated[int | None, typer.Option(metavar="N", help="Processors to run on.")] = None,
    processes: Annotated[
        int | None, typer.Option(metavar="N", help="Processes and threads at one time.")
    ] = None,
    disk: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Room in a fresh workspace, or what DIR may grow by."),
    ] = None,
    files: Annotated[
        int | None, typer.Option(metavar="N", help="Files in it, or by how many DIR may grow.")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="none|host|allow:HOST[:PORT],…", help="What may be reached; none by default."
        ),
    ] = None,
    workdir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The workspace; a fresh one by default, then gone."),
    ] = None,
    read_only: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A file or folder to be seen. Repeatable."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=VALUE]", help="A variable to be passed. Repeatable."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="A policy; the other options go before it."),
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="NAME", help="The image, for --executor docker.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.ipynb",
            help="Keep the run as a notebook; a notebook is run cell by cell in a kernel for it.",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object, nothing else.")
    ] = False,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw",
            help="Pass the output on unchanged; without it, what a terminal would obey is removed.",
        ),
    ] = False,
) -> int:
    """Run the code of a file, confined, and exit with its exit code.

    The code sees no environment variable, no file of yours, no network and no other process,
    unless an option gives it. 124 means the time limit; 2 a mistake in the options, 3 that the
    executor cannot be had, 73 that all went well but the notebook could not be saved.
    """
    options = Options(
        timeout=timeout,
        memory=memory,
        cpus=cpus,
        processes=processes,
        disk=disk,
        files=files,
        network=network,
        workdir=workdir,
        read_only=tuple(read_only or ()),
        env=tuple(env or ()),
        policy=policy,
        image=image,
    )
    return execute(
        file, options, executor=executor, language=language, json=json, save=save, raw=raw
    )
