"""What a policy names on the host is looked up once, and no link that code made leads elsewhere."""

from __future__ import annotations

import asyncio
import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from sandcrew.sandbox import Policy, PolicyError, Sandbox
from sandcrew.sandbox.errors import BackendUnavailable
from sandcrew.sandbox.named import without_links

EXCHANGE = """
import ctypes, os
libc = ctypes.CDLL(None)
if not os.path.lexists({other!r}):
    os.symlink({victim!r}, {other!r})
print("begun", flush=True)
while True:
    libc.renameat2(-100, {name!r}.encode(), -100, {other!r}.encode(), 2)
"""
"""Puts a link in the place of a folder, and the folder back, as fast as it can."""


def open_to_all(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)


def exchange(one: Path, other: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2)
    assert result == 0, os.strerror(ctypes.get_errno())


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody reaches, as guests of root in the profile ``landlock`` must."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        open_to_all(top, top / "project", top / "project/out", top / "victim")
        (top / "victim/secret.txt").write_text("secret")
        (top / "project/out/data.txt").write_text("data")
        yield top


@pytest.mark.timeout(120)
async def test_a_sandbox_around_a_work_folder_cannot_lead_another_one_out_of_it(
    place: Path, policy: Policy
) -> None:
    project = place / "project"
    attack = EXCHANGE.format(victim=str(place / "victim"), name="out", other="other")
    async with (
        Sandbox(policy.replace(workdir=project)) as attacker,
        aclosing(attacker.stream(attack)) as events,
    ):
        assert "begun" in str(await anext(events))
        for _ in range(24):
            with suppress(PolicyError, BackendUnavailable):  # a link was in the way
                async with Sandbox(policy.replace(workdir=project / "out")) as box:
                    await box.run("open('MARK', 'w').write('here')")
    assert sorted(path.name for path in (place / "victim").iterdir()) == ["secret.txt"]
    for name in ("out", "other"):
        if (project / name).is_symlink():
            (project / name).unlink()
    folder = next(path for path in project.iterdir() if path.is_dir())
    async with Sandbox(policy.replace(workdir=folder)) as box:  # the same without the attack
        assert (await box.run("open('CONTROL', 'w').write('here')")).exit_code == 0
    assert (folder / "CONTROL").exists()


async def test_a_link_in_place_of_the_work_folder_is_refused_at_the_start(
    place: Path, policy: Policy
) -> None:
    out = place / "project/out"
    policy = policy.replace(workdir=out)
    out.rename(place / "project/moved")
    out.symlink_to(place / "victim")
    with pytest.raises(PolicyError, match=r"workdir: .*without links"):
        async with Sandbox(policy) as box:
            await box.run("open('MARK', 'w').write('here')")
    assert not (place / "victim/MARK").exists()


async def test_a_link_above_the_work_folder_is_refused_at_the_start(
    place: Path, policy: Policy
) -> None:
    open_to_all(place / "project/middle/out", place / "victim/out")
    policy = policy.replace(workdir=place / "project/middle/out")
    (place / "project/middle").rename(place / "project/moved")
    (place / "project/middle").symlink_to(place / "victim")
    with pytest.raises(PolicyError, match=r"workdir: .*without links"):
        async with Sandbox(policy) as box:
            await box.run("open('MARK', 'w').write('here')")
    assert not (place / "victim/out/MARK").exists()


async def test_a_link_in_place_of_what_may_be_read_is_refused_at_the_start(
    place: Path, policy: Policy
) -> None:
    shown = place / "project/out/data.txt"
    policy = policy.replace(read_only=[shown])
    async with Sandbox(policy) as box:
        assert (await box.run(f"print(open({str(shown)!r}).read())")).output == "data\n"
    shown.unlink()
    shown.symlink_to(place / "victim/secret.txt")
    with pytest.raises(PolicyError, match=r"read_only: .*without links"):
        async with Sandbox(policy) as box:
            await box.run("pass")


async def test_an_exchange_after_the_start_changes_nothing(place: Path, policy: Policy) -> None:
    out, other = place / "project/out", place / "project/other"
    other.symlink_to(place / "victim")
    async with Sandbox(policy.replace(workdir=out)) as box:
        await box.run("pass")
        exchange(out, other)
        await box.write_file("host.txt", "from the host")
        result = await box.run("print(open('secret.txt').read())")
        assert "secret\n" not in result.output
        await box.run("open('MARK', 'w').write('here')")
    assert sorted(path.name for path in (place / "victim").iterdir()) == ["secret.txt"]
    assert (other / "host.txt").read_text() == "from the host"


@pytest.mark.parametrize(
    ("name", "leads_to"),
    [
        ("link", "real"),
        ("link/x", "real/x"),
        ("chain/x", "real/x"),
        ("real/x/up", "real"),
        ("link/../real/x", "real/x"),
    ],
)
@pytest.mark.parametrize("key", ["workdir", "read_only"])
def test_a_link_anywhere_in_a_name_is_refused_and_the_error_says_where_it_leads(
    tmp_path: Path, key: str, name: str, leads_to: str
) -> None:
    (tmp_path / "real/x").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "chain").symlink_to(tmp_path / "link")
    (tmp_path / "real/x/up").symlink_to("..")

    def named(path: Path) -> Policy:
        return Policy(workdir=path) if key == "workdir" else Policy(read_only=[path])

    with pytest.raises(PolicyError, match=f"^{key}: .*symbolic link.*{tmp_path / leads_to}'"):
        named(tmp_path / name)
    named(tmp_path / leads_to)


def test_a_relative_name_and_one_with_dots_are_as_good_as_an_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a")
    assert Policy(workdir="b").workdir == tmp_path / "a/b"
    assert Policy(workdir=".").workdir == tmp_path / "a"
    assert Policy(workdir="b/../b/./").workdir == tmp_path / "a/b"


def test_a_link_of_the_systems_in_the_root_folder_is_followed() -> None:
    links = [path for path in Path("/").iterdir() if path.is_symlink() and path.exists()]
    if not links or Path("/").stat().st_mode & 0o022:
        pytest.skip("there is no such link on this system")
    assert without_links(links[0]) == links[0].resolve()


async def test_two_sandboxes_in_nested_folders_work_at_the_same_time(place: Path) -> None:
    async with (
        Sandbox(Policy(workdir=place / "project")) as outer,
        Sandbox(Policy(workdir=place / "project/out")) as inner,
    ):
        await asyncio.gather(
            outer.run("open('outer.txt', 'w').write('1')"),
            inner.run("open('inner.txt', 'w').write('2')"),
        )
        assert (await outer.run("print(open('out/inner.txt').read())")).output == "2\n"
