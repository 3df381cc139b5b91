"""A policy is a value that is checked once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandcrew.sandbox import Policy, PolicyError
from sandcrew.sandbox.policy import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MiB", 512 << 20), ("1 GB", 10**9), ("64k", 65536), ("1.5GiB", 3 << 29), (4096, 4096)],
)
def test_sizes_are_read_in_the_usual_units(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "lots", "-1MiB", "1e9", "1 parsec", True])
def test_what_is_no_size_is_refused(text: Any) -> None:
    with pytest.raises(PolicyError, match="not a size"):
        parse_size(text)


def test_sizes_are_bytes_when_read_back() -> None:
    assert Policy(memory="1GiB", disk="2MiB").memory == 1 << 30


def test_an_unknown_key_is_refused_by_name_with_the_nearest_known_one() -> None:
    with pytest.raises(PolicyError, match=r"^memmory: .*'memory'"):
        Policy.from_mapping({"memmory": "1GiB"})


def test_a_policy_is_read_from_toml(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('timeout = 5\nmemory = "64MiB"\nenv = {A = "1"}\n')
    policy = Policy.from_toml(file)
    assert (policy.timeout, policy.memory, policy.env) == (5.0, 64 << 20, {"A": "1"})


@pytest.mark.parametrize("text", ["timeout = ", "\xff", "timeot = 3"])
def test_a_broken_policy_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(PolicyError):
        Policy.from_toml(file)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("profile", "docker"),
        ("profile", None),
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("timeout", "5"),
        ("memory", 1),
        ("memory", -5),
        ("memory", "9999999TiB"),
        ("processes", 0),
        ("processes", 1.5),
        ("processes", True),
        ("disk", 0),
        ("cpus", 0),
        ("network", "internet"),
        ("network", ["*"]),
        ("network", 7),
        ("packages", "polars"),
        ("packages", ["-r requirements.txt"]),
        ("read_only", ["/does/not/exist"]),
        ("read_only", ["/"]),
        ("read_only", "/usr"),
        ("workdir", "/does/not/exist"),
        ("workdir", "/etc/passwd"),
        ("workdir", "/"),
        ("env", {"A=B": "1"}),
        ("env", {"A": 1}),
        ("env", {"A": "\0"}),
        ("preload", "pandas"),
        ("preload", ["os; import x"]),
        ("output", 0),
        ("python", "/does/not/exist"),
        ("allow_missing", ["user-namespace"]),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(PolicyError, match=f"^{key}: "):
        Policy.from_mapping({key: value})


def test_an_empty_list_of_hosts_means_no_network() -> None:
    assert Policy(network=[]).network == "none"


def test_a_workspace_that_is_a_link_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(PolicyError, match="symbolic link"):
        Policy(workdir=link)


def test_a_policy_cannot_be_changed_but_replaced() -> None:
    policy = Policy()
    with pytest.raises(AttributeError):
        policy.timeout = 1  # type: ignore[misc]
    assert policy.replace(timeout=1).timeout == 1.0
    with pytest.raises(PolicyError):
        policy.replace(timeout=-1)
