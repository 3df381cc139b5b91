"""A notebook's folder, lent to its confined kernel: nothing in it can be made a trap."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from nbclient import NotebookClient

from sandcrew.executors.jupyter.kernelspecs import install, remove
from sandcrew.executors.jupyter.shared_folder import neutralise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

nbformat: Any = import_module("nbformat")

TRIES = {
    "writing": "open('mine.ipynb', 'w').write('evil')",
    "appending": "open('mine.ipynb', 'a').write('evil')",
    "emptying": "os.truncate('mine.ipynb', 0)",
    "removing": "os.unlink('mine.ipynb')",
    "renaming": "os.rename('mine.ipynb', 'other')",
    "replacing": "open('outputs/x', 'w').close(); os.rename('outputs/x', 'mine.ipynb')",
    "linking": "os.link('mine.ipynb', 'outputs/mine')",
    "adding": "open('new.ipynb', 'w').close()",
    "moving its folder": "os.rename('below', 'outputs/below')",
    "adding below": "open('below/new.ipynb', 'w').close()",
    "replacing outputs": "os.rename('outputs', 'old')",
    "a module": "open('helpers.py', 'w').close()",
    "a setting": "os.mkdir('.vscode')",
    "by another path": "open('/proc/self/cwd/mine.ipynb', 'w').close()",
    "by a descriptor": "os.open('mine.ipynb', os.O_WRONLY, dir_fd=os.open('.', os.O_RDONLY))",
    "out of outputs": "open('outputs/../mine.ipynb', 'w').close()",
    "mounting": "__import__('subprocess').run(['mount', '-o', 'remount,rw', '.'], check=True)",
}


@pytest.fixture(scope="module")
def shared(jupyter_home: Path) -> Iterator[str]:
    spec = install("python3", name="shared", share_folder=True)
    yield spec.name
    remove(spec.name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    (tmp_path / "data.csv").write_text("a\n1\n")
    for path in ("mine.ipynb", "below/other.ipynb"):
        (tmp_path / path).write_text("a notebook")
    return tmp_path


def said(kernel: str, folder: Path, *cells: str) -> list[str]:
    """What cells print that run in one confined kernel in ``folder``, which then ends."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(
        made, kernel_name=kernel, timeout=60, resources={"metadata": {"path": str(folder)}}
    )
    done = client.execute()
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in done.cells]


def attempt(code: str) -> str:
    return f"import os\ntry:\n    {code}\n    print('done')\nexcept Exception as e: print(repr(e))"


def listing(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_a_kernel_reads_its_folder_and_writes_its_outputs_only_on_request(
    shared: str, folder: Path
) -> None:
    plain = install("python3", name="plain")
    use = "import os; print(open('data.csv').read()); open('outputs/out.txt', 'w').write('x')"
    try:
        assert "FileNotFoundError" in said(plain.name, folder, attempt(use))[0]
    finally:
        remove(plain.name)
    assert said(shared, folder, attempt(use)) == ["a\n1\n\ndone\n"]
    assert (folder / "outputs" / "out.txt").read_text() == "x"


def test_code_can_neither_change_nor_add_a_notebook_nor_what_others_run(
    shared: str, folder: Path
) -> None:
    before = listing(folder)
    answers = said(shared, folder, *map(attempt, TRIES.values()))
    assert [name for name, said in zip(TRIES, answers, strict=True) if "done" in said] == []
    after = listing(folder)
    assert {name: text for name, text in after.items() if "outputs" not in name} == before


def test_the_same_code_changes_notebooks_where_it_is_not_confined(
    jupyter_home: Path, folder: Path
) -> None:
    (folder / "outputs").mkdir()
    answers = said("python3", folder, attempt(TRIES["adding"]), attempt(TRIES["writing"]))
    assert answers == ["done\n", "done\n"]
    assert (folder / "mine.ipynb").read_text() == "evil"


def test_notebooks_that_code_made_in_its_outputs_lose_their_name(shared: str, folder: Path) -> None:
    make = """
import os
os.makedirs("outputs/a/deep.ipynb")
for path in ("x.ipynb", "X.IPYNB", "a/y.ipynb", "a/deep.ipynb/z.ipynb", "x.ipynb.from-code"):
    open("outputs/" + path, "w").close()
os.symlink("../mine.ipynb", "outputs/link.ipynb")
os.symlink("..", "outputs/up")
open("outputs/" + "n" * 249 + ".ipynb", "w").close()
print(len(os.listdir("outputs")))
"""
    assert said(shared, folder, make) == ["7\n"]
    left = [path.name for path in (folder / "outputs").rglob("*")]
    assert len(left) == 10
    assert [name for name in left if name.lower().endswith(".ipynb")] == []
    assert (folder / "mine.ipynb").read_text() == "a notebook"
    assert (folder / "below" / "other.ipynb").exists()


def test_outputs_that_are_a_link_are_not_followed(
    shared: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "kept.ipynb").touch()
    (folder / "outputs").symlink_to(elsewhere)
    with pytest.raises(Exception, match="outputs"):
        said(shared, folder, "print(1)")
    assert neutralise(folder) == []
    assert (elsewhere / "kept.ipynb").exists()
