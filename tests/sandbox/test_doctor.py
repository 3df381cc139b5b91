"""The doctor tells of each profile what it found by trying."""

from __future__ import annotations

import os

import pytest

from sandcrew.sandbox.doctor import Finding, diagnose
from sandcrew.sandbox.policy import PROFILES
from sandcrew.sandbox.profile import PROFILES as DESCRIBED


async def findings() -> dict[str, Finding]:
    return {finding.name: finding for finding in (await diagnose()).findings}


async def test_a_host_is_fit_when_the_default_profile_works_whatever_the_other_does() -> None:
    found = await findings()
    assert found["sandbox"].required
    assert not found["landlock profile"].required
    assert "network-namespace" in found["sandbox"].detail


@pytest.mark.skipif(os.geteuid() == 0, reason="root's interpreter may be out of reach for guests")
async def test_the_profile_without_namespaces_is_tried_too() -> None:
    found = await findings()
    assert found["landlock profile"].ok
    assert "profile-landlock" in found["landlock profile"].detail


def test_each_profile_says_what_it_guarantees_and_what_it_does_not() -> None:
    assert tuple(DESCRIBED) == PROFILES
    assert all(profile.guarantees and profile.not_covered for profile in DESCRIBED.values())
