"""``sandcrew kernels``: confined kernels for JupyterLab, VS Code, papermill and nbclient."""

import sys
from pathlib import Path
from typing import Annotated

import typer

kernels_app = typer.Typer(
    name="kernels",
    help="Confined kernels for JupyterLab, VS Code, papermill and nbclient.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@kernels_app.command("install")
def install_command(
    kernel: Annotated[
        str, typer.Argument(metavar="KERNEL", help="The installed kernel to confine.")
    ] = "python3",
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its new name; sandcrew-KERNEL by default.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="What its notebooks may use.")
    ] = None,
    share_folder: Annotated[
        bool,
        typer.Option(
            "--share-folder",
            help="Let notebooks read all of their own folder, and write in 'outputs' there. What "
            "is in it is not secret from their code; files in 'outputs' may be anything, and "
            "notebooks there are renamed to '….from-code' when the kernel has ended.",
        ),
    ] = False,
    active_outputs: Annotated[
        bool,
        typer.Option(
            "--active-outputs",
            help="Pass on scripts and widgets, which run in the front end, unconfined.",
        ),
    ] = False,
    sys_prefix: Annotated[
        bool, typer.Option("--sys-prefix", help="Into this environment, not for the user.")
    ] = False,
) -> int:
    """Add a kernel "… (sandcrew)", which every Jupyter front end then offers."""
    from ..executors.jupyter.kernelspecs import POLICY_FILE, install

    spec = install(
        kernel,
        name=name,
        policy=policy,
        share_folder=share_folder,
        active_outputs=active_outputs,
        prefix=sys.prefix if sys_prefix else None,
    )
    print(f"{spec.name}: {spec.display_name}")
    print(f"Its policy is {spec.folder / POLICY_FILE}, read at each start of a kernel.")
    return 0


@kernels_app.command("list")
def list_command() -> int:
    """The confined kernels there are."""
    from ..executors.jupyter.kernelspecs import installed

    for spec in installed():
        print(f"{spec.name}\t{spec.display_name}\t{spec.folder}")
    return 0


@kernels_app.command("remove")
def remove_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As 'list' shows it.")],
) -> int:
    """Remove a confined kernel."""
    from ..executors.jupyter.kernelspecs import remove

    remove(name)
    return 0
