"""``sandcrew exec --save`` in a folder that the code may write too: nothing the code put there is
followed. Each attack has a control: without it the notebook is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .command import Finished, sandcrew, valid_notebook

if TYPE_CHECKING:
    from pathlib import Path

OWN = "the user's own"
ATTACKS = {
    "nothing, which is the control": "",
    "a link": "os.symlink(VICTIM, 'out.ipynb')",
    "a link that leads to nothing yet": "os.symlink(VICTIM + '.new', 'out.ipynb')",
    "a chain of links": "os.symlink(VICTIM, 'a'); os.symlink('a', 'out.ipynb')",
    "a file that only its owner may read": "os.close(os.open('out.ipynb', os.O_CREAT, 0o400))",
}
CODE = "import os\nVICTIM = {victim!r}\nprint('ran', flush=True)\n{attack}\n"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    file = tmp_path / "home" / ".bashrc"
    file.parent.mkdir()
    file.write_text(OWN)
    return file


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def save(work: Path, attack: str, victim: Path, *more: str, target: str = "out.ipynb") -> Finished:
    (work.parent / "job.py").write_text(CODE.format(victim=str(victim), attack=attack))
    place = ("--workdir", str(work), "--save", str(work / target))
    return sandcrew("exec", str(work.parent / "job.py"), *place, *more)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_code_put_in_the_notebook_s_place_is_replaced(
    work: Path, victim: Path, attack: str
) -> None:
    done = save(work, attack, victim)
    assert (done.code, done.stdout) == (0, "ran\n")
    # Of links that lead out of the folder a person is told; nothing else went wrong.
    notes = done.stderr.splitlines()
    assert all(note.startswith("sandcrew: left in the work folder: link ") for note in notes)
    assert {file.name: file.read_text() for file in victim.parent.iterdir()} == {".bashrc": OWN}
    assert not (work / "out.ipynb").is_symlink()
    assert valid_notebook(work / "out.ipynb").cells[-1].outputs[0].text == "ran\n"
    assert not list(work.glob(".sandcrew-*"))


@pytest.mark.parametrize("attack", ["os.link(VICTIM, 'out.ipynb')", "os.mkfifo('out.ipynb')"])
def test_what_only_code_of_the_host_can_make_is_replaced(
    work: Path, victim: Path, attack: str
) -> None:
    done = save(work, attack, victim, "--executor", "local")
    assert (done.code, done.stdout) == (0, "ran\n")
    assert victim.read_text() == OWN
    assert valid_notebook(work / "out.ipynb")


def test_the_folder_stays_the_one_that_was_there_before(work: Path, victim: Path) -> None:
    (work / "sub").mkdir()
    attack = "os.rename('sub', 'old'); os.symlink(os.path.dirname(VICTIM), 'sub')"
    done = save(work, attack, victim, target="sub/out.ipynb")
    assert done.code == 0
    assert [file.name for file in victim.parent.iterdir()] == [".bashrc"]
    assert valid_notebook(work / "old" / "out.ipynb")


@pytest.mark.parametrize("at", ["sub", "sub/deeper"])
def test_a_folder_reached_through_a_link_of_an_earlier_run_is_refused(
    work: Path, victim: Path, at: str
) -> None:
    (victim.parent / "deeper").mkdir()
    planted = save(work, "os.symlink(os.path.dirname(VICTIM), 'sub')", victim)
    assert planted.code == 0
    done = save(work, "", victim, target=f"{at}/out.ipynb")
    assert done.code == 2
    assert "link" in done.complaint
    assert not list(victim.parent.rglob("*.ipynb"))


def test_a_link_of_an_earlier_run_in_the_notebook_s_place_is_refused(
    work: Path, victim: Path
) -> None:
    (work / "out.ipynb").symlink_to(victim)
    done = save(work, "", victim)
    assert done.code == 2
    assert "out.ipynb" in done.complaint
    assert victim.read_text() == OWN


def test_a_folder_in_its_place_is_told_and_nothing_is_left_in_it(work: Path, victim: Path) -> None:
    done = save(work, "os.makedirs('out.ipynb/x')", victim)
    assert (done.code, done.stdout) == (73, "ran\n")
    assert "out.ipynb" in done.stderr
    assert sorted(path.name for path in work.rglob("*")) == ["out.ipynb", "x"]


@pytest.mark.parametrize(("ends", "code"), [("0", 73), ("7", 7)])
def test_what_cannot_be_saved_is_told_and_loses_neither_result_nor_exit_code(
    work: Path, victim: Path, ends: str, code: int
) -> None:
    (work / "sub").mkdir()
    attack = f"os.rmdir('sub'); os._exit({ends})"
    done = save(work, attack, victim, "--json", target="sub/out.ipynb")
    assert done.code == code
    assert f'"exit_code": {ends}' in done.stdout
    assert "out.ipynb" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_private_notebook_stays_private_and_gets_no_other_bits(work: Path, victim: Path) -> None:
    (work / "out.ipynb").touch(mode=0o600)
    assert save(work, "os.chmod('out.ipynb', 0o777)", victim).code == 0
    assert (work / "out.ipynb").stat().st_mode & 0o7777 == 0o600
