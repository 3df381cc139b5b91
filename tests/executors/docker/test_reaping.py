"""What dead owners left is removed, and nothing that others call by such a name."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from sandcrew.executors.docker import bound, mailbox, podman
from sandcrew.sandbox import owner, temporary

pytestmark = pytest.mark.without_engine
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make it another user's")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of this test, in which the owner of all that is new is dead."""
    monkeypatch.setattr(temporary, "_parent", lambda: tmp_path)
    namespace, pid, start = owner.this_process().split("-")
    monkeypatch.setattr(temporary, "this_process", lambda: f"{namespace}-{pid}-{int(start) + 1}")
    return tmp_path


def new_mailbox() -> mailbox.Mailbox:
    ids = os.getuid() or 4242, os.getgid() or 4242
    box = mailbox.Mailbox.create(ids)
    box.listener.close()
    return box


def test_what_dead_owners_left_is_removed(folder: Path) -> None:
    new_mailbox()
    temporary.new_path("seccomp").write_text("{}")
    assert len(list(folder.iterdir())) == 2
    mailbox.reap()
    podman.reap()
    assert list(folder.iterdir()) == []


def test_what_a_living_owner_has_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary, "this_process", owner.this_process)
    box = new_mailbox()
    mailbox.reap()
    assert list(folder.iterdir()) == [box.folder]


@as_root
def test_the_folder_of_roots_mailbox_stays_roots() -> None:
    """Who owned it could put a link in its place, and have files of others removed."""
    box = new_mailbox()
    info = box.folder.stat()
    assert (info.st_uid, info.st_mode & 0o777) == (0, 0o711)
    socket = (box.folder / "socket").stat()
    assert (socket.st_uid, socket.st_mode & 0o777) == (4242, 0o600)


@as_root
def test_a_folder_of_another_user_is_not_looked_into() -> None:
    box = new_mailbox()
    os.chown(box.folder, 4242, 4242)
    mailbox.reap()
    assert (box.folder / mailbox.HOSTS).exists()


def test_a_link_in_the_place_of_a_mailbox_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    new_mailbox().folder.rename(elsewhere)
    temporary.new_path("container").symlink_to(elsewhere)
    mailbox.reap()
    assert (elsewhere / mailbox.HOSTS).exists()


@as_root
def test_a_link_in_the_place_of_a_mount_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", elsewhere], check=True)
    try:
        temporary.new_path("mount").symlink_to(elsewhere)
        bound.reap()
        assert elsewhere.is_mount()
        temporary.new_path("mount").mkdir()
        bound.reap()
        assert len(list(tmp_path.iterdir())) == 2, "the empty folder of a mount is left"
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", elsewhere], check=True)
