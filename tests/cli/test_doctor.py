"""``sandcrew doctor``, and the command line as a whole."""

from __future__ import annotations

import json

from sandcrew import __version__

from .command import sandcrew


def test_doctor_ends_with_0_where_the_sandbox_works() -> None:
    done = sandcrew("doctor")
    assert done.code == 0
    assert "This host can confine code" in done.stdout
    for name in ("landlock", "seccomp", "sandbox", "bash"):
        assert name in done.stdout


def test_doctor_prints_one_json_object() -> None:
    report = json.loads(sandcrew("doctor", "--json").stdout)
    assert report["ok"] is True
    assert all({"name", "ok", "detail", "remedy"} <= set(entry) for entry in report["findings"])


def test_there_is_no_colour_where_there_is_no_terminal() -> None:
    assert "\x1b" not in sandcrew("doctor").stdout
    assert "\x1b" not in sandcrew("--help").stdout


def test_alone_it_shows_its_help() -> None:
    done = sandcrew()
    assert done.code == 0
    for command in ("demo", "run", "exec", "doctor"):
        assert command in done.stdout


def test_each_command_has_a_help_text() -> None:
    for command in ("demo", "run", "exec", "doctor"):
        done = sandcrew(command, "--help")
        assert done.code == 0
        assert "--help" in done.stdout


def test_the_version_is_that_of_the_package() -> None:
    assert sandcrew("--version").stdout == f"sandcrew {__version__}\n"


def test_an_unknown_command_is_one_line_and_exit_code_2() -> None:
    done = sandcrew("frobnicate")
    assert done.code == 2
    assert "frobnicate" in done.complaint
