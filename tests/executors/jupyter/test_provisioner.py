"""Front ends of Jupyter run notebooks in confined kernels, with nothing else to learn."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from sandcrew.executors import UsageError
from sandcrew.executors.jupyter.kernelspecs import InstalledSpec, install, installed, remove

# Neither is typed.
nbformat: Any = import_module("nbformat")
papermill: Any = import_module("papermill")

CHART = """
import matplotlib.pyplot as plt, pandas as pd
frame = pd.DataFrame({"day": range(30), "amount": [n * n % 17 for n in range(30)]})
frame["mean"] = frame["amount"].rolling(7).mean()
frame.plot(x="day", y=["amount", "mean"])
plt.show()
"""
LOOK_HOME = "import os; print(sorted(os.listdir({home!r})))"
OPEN_SOCKET = (
    "import socket; socket.create_connection(('127.0.0.1', {port}), 5).close(); print('in')"
)


@pytest.fixture(scope="module")
def spec(jupyter_home: Path) -> Iterator[InstalledSpec]:
    spec = install("python3")
    yield spec
    remove(spec.name)


def notebook(*cells: str) -> Any:
    made = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return made


def execute(made: Any, kernel: str, folder: Path) -> Any:
    # ipykernel does not capture descriptors when it thinks that it is being tested itself.
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    client = NotebookClient(
        made, kernel_name=kernel, timeout=60, resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def mime_types(cell: Any) -> set[str]:
    return {kind for output in cell.outputs for kind in output.get("data", {})}


def test_nbclient_runs_a_notebook_with_pandas_and_a_chart(
    spec: InstalledSpec, tmp_path: Path
) -> None:
    done = execute(notebook(CHART, "frame['amount'].sum()"), spec.name, tmp_path)
    assert "image/png" in mime_types(done.cells[0])
    assert done.cells[1].outputs[0].data["text/plain"] == "np.int64(242)"


def test_a_cell_sees_the_caller_s_files_only_where_it_is_not_confined(
    spec: InstalledSpec, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").touch()
    look = LOOK_HOME.format(home=str(tmp_path))
    assert "secret.txt" in execute(notebook(look), "python3", tmp_path).cells[0].outputs[0].text
    with pytest.raises(CellExecutionError, match="FileNotFoundError"):
        execute(notebook(look), spec.name, tmp_path)


def test_a_cell_reaches_the_network_only_where_it_is_not_confined(
    spec: InstalledSpec, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = OPEN_SOCKET.format(port=server.getsockname()[1])
        assert execute(notebook(connect), "python3", tmp_path).cells[0].outputs[0].text == "in\n"
        with pytest.raises(CellExecutionError, match="ConnectionRefusedError"):
            execute(notebook(connect), spec.name, tmp_path)


# Its spec has a key that traitlets does not know.
@pytest.mark.filterwarnings("ignore:Passing unrecognized arguments:DeprecationWarning")
def test_a_kernel_of_another_language_is_confined_too(bash_kernel: str, tmp_path: Path) -> None:
    spec = install(bash_kernel)
    (tmp_path / "secret.txt").touch()
    look = f"ls {tmp_path} || echo $((6 * 7)) $(id -u)"
    seen = [execute(notebook(look), name, tmp_path) for name in (bash_kernel, spec.name)]
    plain, confined = ["".join(o.text for o in done.cells[0].outputs) for done in seen]
    remove(spec.name)
    assert plain == "secret.txt\n"
    assert confined.endswith("42 1000\n")
    assert "secret.txt" not in confined


def test_papermill_runs_a_notebook_with_parameters(spec: InstalledSpec, tmp_path: Path) -> None:
    source = notebook("days = 3", CHART, "print(days)")
    source.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(source, tmp_path / "in.ipynb")
    done = papermill.execute_notebook(
        str(tmp_path / "in.ipynb"),
        str(tmp_path / "out.ipynb"),
        {"days": 5},
        kernel_name=spec.name,
        progress_bar=False,
    )
    assert "image/png" in mime_types(done.cells[2])
    assert done.cells[-1].outputs[0].text == "5\n"


async def started(spec: InstalledSpec) -> tuple[Any, Any]:
    from jupyter_client.manager import start_new_async_kernel

    return await start_new_async_kernel(kernel_name=spec.name)


async def run_in(client: Any, code: str) -> tuple[str, str]:
    """The status of a cell and what it printed."""
    printed: list[str] = []

    def take(message: Any) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = await client.execute_interactive(code, output_hook=take, timeout=30)
    return reply["content"]["status"], "".join(printed)


async def test_a_kernel_is_interrupted_and_restarted_by_its_front_end(spec: InstalledSpec) -> None:
    manager, client = await started(spec)
    try:
        await run_in(client, "x = 1; open('kept', 'w').close()")
        loop = asyncio.create_task(run_in(client, "import time\nwhile True: time.sleep(0.01)"))
        await asyncio.sleep(0.5)
        await manager.interrupt_kernel()
        assert (await loop)[0] == "error"
        assert await run_in(client, "print(x)") == ("ok", "1\n")
        await manager.restart_kernel(now=True)
        await client.wait_for_ready(timeout=30)
        look = "import os; print('x' in globals(), os.listdir())"
        assert await run_in(client, look) == ("ok", "False ['kept']\n")
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    assert not await manager.is_alive()


async def test_a_kernel_that_died_is_seen_to_be_dead(spec: InstalledSpec) -> None:
    manager, client = await started(spec)
    client.execute("import os; os._exit(3)")
    async with asyncio.timeout(20):
        while await manager.is_alive():
            await asyncio.sleep(0.05)
    client.stop_channels()
    await manager.shutdown_kernel(now=True)


def test_the_policy_of_a_kernel_is_its_own_file(jupyter_home: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "in.csv").write_text("a\n1\n")
    policy = tmp_path / "policy.toml"
    policy.write_text(f'read_only = ["{data}"]\nmemory = "1GiB"\n')
    spec = install("python3", name="with-data", policy=policy)
    try:
        done = execute(notebook(f"print(open('{data}/in.csv').read())"), spec.name, tmp_path)
    finally:
        remove(spec.name)
    assert done.cells[0].outputs[0].text == "a\n1\n\n"


def test_kernel_specs_are_installed_listed_and_removed(jupyter_home: Path) -> None:
    spec = install("python3", name="another")
    assert spec.display_name.endswith("(sandcrew)")
    assert spec in installed()
    install("python3", name="another")  # again: replaced
    remove("another")
    assert spec not in installed()
    with pytest.raises(UsageError, match="another"):
        remove("another")


def test_a_spec_of_somebody_else_is_neither_replaced_nor_removed(jupyter_home: Path) -> None:
    with pytest.raises(UsageError, match="not of sandcrew"):
        install("python3", name="python3")
    with pytest.raises(UsageError):
        remove("python3")


def test_a_wrong_policy_is_refused_before_anything_is_installed(
    jupyter_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text("memroy = 1\n")
    with pytest.raises(UsageError, match="memory"):
        install("python3", name="wrong", policy=tmp_path / "policy.toml")
    assert "wrong" not in [spec.name for spec in installed()]


SHOW_ACTIVE = (
    "from IPython.display import *\n"
    "display(HTML('<b>bold</b><script>alert(1)</script>'), Javascript('alert(1)'),"
    ' SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect/></svg>\'))'
)


def test_what_a_cell_displays_reaches_the_front_end_without_its_scripts(
    spec: InstalledSpec, tmp_path: Path
) -> None:
    bare = execute(notebook(SHOW_ACTIVE), "python3", tmp_path).cells[0].outputs
    assert "alert(1)" in str(bare)
    confined = execute(notebook(SHOW_ACTIVE), spec.name, tmp_path).cells[0].outputs
    assert "<b>bold</b>" in str(confined)
    assert "alert" not in str(confined)


def test_scripts_reach_the_front_end_only_on_request(jupyter_home: Path, tmp_path: Path) -> None:
    active = install("python3", name="active", active_outputs=True)
    try:
        outputs = execute(notebook(SHOW_ACTIVE), active.name, tmp_path).cells[0].outputs
    finally:
        remove(active.name)
    assert "alert(1)" in str(outputs)


async def test_what_a_kernel_says_past_ipython_is_filtered_too(spec: InstalledSpec) -> None:
    code = (
        "kernel = get_ipython().kernel\n"
        "def send(kind, content): kernel.session.send("
        "kernel.iopub_socket, kind, content, parent=kernel.get_parent())\n"
        "evil = {'text/html': '<script>alert(1)</script>'}\n"
        "send('display_data', {'data': evil, 'metadata': {}})\n"
        "send('comm_open', {'comm_id': 'x', 'target_name': 'jupyter.widget', 'data': evil})\n"
        "get_ipython().payload_manager.write_payload({'source': 'page', 'data': evil})\n"
        "print('said')"
    )
    manager, client = await started(spec)
    heard: list[Any] = []
    try:
        reply = await client.execute_interactive(code, output_hook=heard.append, timeout=30)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    assert "said" in str(heard)
    assert reply["content"]["status"] == "ok"
    told = [message["content"] for message in heard if message["msg_type"] != "execute_input"]
    assert "alert" not in str(told) + str(reply["content"])
    assert not [message for message in heard if message["msg_type"].startswith("comm")]


async def test_input_is_asked_and_answered_through_the_front_end(spec: InstalledSpec) -> None:
    manager, client = await started(spec)
    heard: list[Any] = []
    try:
        asked: list[Any] = []

        def answer(message: Any) -> None:
            asked.append(message["content"]["prompt"])
            client.input("Ada")

        await client.execute_interactive(
            "print(input('name? '))", output_hook=heard.append, stdin_hook=answer, timeout=30
        )
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    assert asked == ["name? "]
    assert "Ada" in str(heard)
