"""The commands."""

from typing import Annotated

import typer

from .. import __version__
from ..sandbox.errors import UsageError
from .bench import bench_app
from .demo import demo_command
from .doctor import doctor_command
from .exec import exec_command
from .images import images_app
from .kernels import kernels_app
from .run import run_command

app = typer.Typer(
    name="sandcrew",
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo_command)
app.command("run")(run_command)
app.command("exec")(exec_command)
app.command("doctor")(doctor_command)
app.add_typer(bench_app, name="bench")
app.add_typer(kernels_app, name="kernels")
app.add_typer(images_app, name="images")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sandcrew {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def sandcrew(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Runs the code that agents write, in a sandbox.

    New here? `sandcrew demo` shows the whole loop without any key, and `sandcrew doctor` says
    what this host can enforce.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(args: list[str]) -> int:
    """Run a command; its exit code.

    Raises
    ------
    SandcrewError
        As the command does; a mistake in the options is a :class:`UsageError`.
    """
    command = typer.main.get_command(app)
    try:
        # Not standalone: typer's own error messages are panels of several lines.
        code = command.main(args, prog_name="sandcrew", standalone_mode=False)
    except typer.TyperException as error:
        raise UsageError(f"{error.format_message()} (--help shows what there is.)") from error
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0
