"""Types of messages that are made from a JSON schema while the program runs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ValidationError

from sandcrew.agents.messages import StructuredMessageFactory
from sandcrew.agents.utils import extract_json_from_str, schema_to_pydantic_model
from sandcrew.executors import UsageError


class Part(BaseModel):
    name: str
    parts: list[Part] = []


class Order(BaseModel):
    number: int
    state: Literal["open", "done"] = "open"
    note: str | None = None
    until: datetime | None = None
    prices: dict[str, float] = {}
    parts: list[Part] = []


ORDER: dict[str, Any] = {
    "number": 7,
    "state": "done",
    "note": None,
    "until": "2030-01-01T00:00:00",
    "prices": {"EUR": 1.5},
    "parts": [{"name": "wheel", "parts": [{"name": "spoke", "parts": []}]}],
}


def test_a_model_goes_to_its_schema_and_back() -> None:
    made = schema_to_pydantic_model(Order.model_json_schema(), "Order")
    assert json.loads(made.model_validate(ORDER).model_dump_json()) == ORDER


WRONG: list[dict[str, Any]] = [
    {"number": "many"},
    {"number": 7, "state": "lost"},
    {"number": 7, "prices": {"EUR": "free"}},
    {"number": 7, "parts": [{"name": "wheel", "parts": [{"parts": []}]}]},
    {},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_the_schema_forbids_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        schema_to_pydantic_model(Order.model_json_schema()).model_validate(wrong)


def test_limits_and_closed_objects_are_kept() -> None:
    made = schema_to_pydantic_model(
        {
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 3},
                "s": {"type": ["string", "null"]},
            },
            "required": ["n", "s"],
            "additionalProperties": False,
        }
    )
    assert made.model_validate({"n": 3, "s": None}).model_dump() == {"n": 3, "s": None}
    for wrong in ({"n": 2, "s": ""}, {"n": 3, "s": "", "more": 1}):
        with pytest.raises(ValidationError):
            made.model_validate(wrong)


def test_any_name_may_be_one_of_a_field() -> None:
    made = schema_to_pydantic_model(
        {"properties": {"copy": {"type": "string"}, "a b": {}, "_x": {}}, "required": ["copy"]}
    )
    value = made.model_validate({"copy": "c", "a b": 1, "_x": 2})
    assert value.model_dump(by_alias=True) == {"copy": "c", "a b": 1, "_x": 2}
    assert made.model_validate(value.model_dump()) == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"properties": {"a": {"$ref": "#/$defs/Nowhere"}}},
        {"properties": {"a": {"type": "spam"}}},
        {"properties": {"a": 3}},
        {"properties": {"a": {"type": "string", "pattern": "("}}},
        {"properties": {"a": {"$ref": "#/$defs/B"}}, "$defs": {"B": {"$ref": "#/$defs/B"}}},
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        schema_to_pydantic_model(schema)


def test_a_factory_makes_messages_from_a_schema_or_from_a_model() -> None:
    for factory in (
        StructuredMessageFactory(input_model=Order, format_string="No. {number}"),
        StructuredMessageFactory(
            json_schema=Order.model_json_schema(),
            format_string="No. {number}",
            content_model_name="Order",
        ),
    ):
        message = factory.StructuredMessage(
            content=factory.ContentModel.model_validate(ORDER),
            format_string=factory.format_string,
            source="clerk",
        )
        assert message.to_text() == "No. 7"
        assert message.dump()["type"] == "StructuredMessage[Order]"
        assert factory.StructuredMessage.load(message.dump()) == message
    with pytest.raises(UsageError, match="json_schema or an input_model"):
        StructuredMessageFactory()


def test_json_is_found_in_prose() -> None:
    assert extract_json_from_str('See:\n```json\n{"a": 1}\n```\nand {"b": 2}') == [
        {"a": 1},
        {"b": 2},
    ]
    with pytest.raises(UsageError, match="no JSON object"):
        extract_json_from_str("[1, 2]")
