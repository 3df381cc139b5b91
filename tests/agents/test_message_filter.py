"""The agent that hears only a part."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sandcrew.agents import MessageFilterAgent, MessageFilterConfig, PerSourceFilter
from sandcrew.agents.messages import TextMessage
from sandcrew.agents.runtime import CancellationToken

from .crew import Speaker

MESSAGES = [
    TextMessage(content=f"{source}{number}", source=source)
    for number in range(3)
    for source in ("user", "a", "b")
]


@pytest.mark.parametrize(
    ("filters", "heard"),
    [
        ([{"source": "a"}], ["a0", "a1", "a2"]),
        ([{"source": "a", "position": "first", "count": 2}], ["a0", "a1"]),
        ([{"source": "a", "position": "last", "count": 1}], ["a2"]),
        ([{"source": "a", "position": "last", "count": 9}], ["a0", "a1", "a2"]),
        ([{"source": "a", "position": "last", "count": 0}], []),
        (
            [{"source": "b", "position": "last", "count": 1}, {"source": "user"}],
            ["user0", "user1", "user2", "b2"],
        ),
        ([{"source": "a", "position": "first", "count": 3}, {"source": "a"}], ["a0", "a1", "a2"]),
        ([], []),
    ],
)
async def test_what_passes_is_heard_once_in_the_order_it_was_said(
    filters: list[dict[str, Any]], heard: list[str]
) -> None:
    inner = Speaker("inner")
    config = MessageFilterConfig.model_validate({"per_source": filters})
    await MessageFilterAgent("outer", inner, config).run(task=MESSAGES)
    assert inner.heard == [heard]


async def test_the_memory_is_that_of_the_agent_inside() -> None:
    config = MessageFilterConfig(per_source=[PerSourceFilter(source="user")])
    first = MessageFilterAgent("outer", Speaker("inner"), config)
    await first.run(task="go")
    inner = Speaker("inner")
    second = MessageFilterAgent("outer", inner, config)
    await second.load_state(await first.save_state())
    assert inner.turns == 1
    await second.on_reset(CancellationToken())
    assert inner.resets == 1


def test_unknown_keys_and_impossible_counts_are_refused() -> None:
    with pytest.raises(ValidationError):
        PerSourceFilter.model_validate({"source": "a", "position": "middle"})
    with pytest.raises(ValidationError):
        PerSourceFilter.model_validate({"source": "a", "count": -1})
    with pytest.raises(ValidationError):
        MessageFilterConfig.model_validate({"per_source": [], "per_target": []})
