"""The processors of a host are not a guest's alone."""

from __future__ import annotations

import os

import pytest

from sandcrew.sandbox import Policy, Sandbox
from sandcrew.sandbox.guest.confine import NICENESS


async def test_guests_let_others_go_first_and_cannot_undo_it(policy: Policy) -> None:
    code = (
        "import os, threading\n"
        "try: os.setpriority(os.PRIO_PROCESS, 0, 0)\nexcept OSError: pass\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0))"
    )
    async with Sandbox(policy) as box, box.session() as session:
        for result in (await box.run(code), await session.run(code)):
            assert int(result.output) >= NICENESS > os.getpriority(os.PRIO_PROCESS, 0)


async def test_one_processor_is_all_that_a_policy_gives(policy: Policy) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is only one processor")
    code = (
        "import os\ntry: os.sched_setaffinity(0, range(64))\nexcept OSError: pass\n"
        "print(len(os.sched_getaffinity(0)))"
    )
    async with Sandbox(policy.replace(cpus=1)) as box:
        assert (await box.run(code)).output == "1\n"
    async with Sandbox(policy) as box:
        assert int((await box.run(code)).output) > 1
