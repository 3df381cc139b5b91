"""What a model is told about a tool."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from ..models.structured import strict_schema


class ParametersSchema(TypedDict):
    """The arguments of a tool, as JSON schema."""

    type: str
    properties: dict[str, Any]
    required: NotRequired[list[str]]
    additionalProperties: NotRequired[bool]


class ToolSchema(TypedDict):
    """A tool as a model sees it."""

    name: str
    description: NotRequired[str]
    parameters: NotRequired[ParametersSchema]
    strict: NotRequired[bool]


class _Quiet(GenerateJsonSchema):
    # A default that is no JSON stays out of the schema; the caller need not hear of it.
    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012


def parameters_schema(args_type: type[BaseModel], *, strict: bool) -> ParametersSchema:
    """The schema of ``args_type``, without references where that is possible.

    References are allowed by JSON schema, but not understood by every model server.
    """
    if strict:
        schema = strict_schema(args_type)
    else:
        schema = args_type.model_json_schema(schema_generator=_Quiet)
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    properties = schema.get("properties", {})
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if definitions:
        try:
            parameters["properties"] = _inline(properties, definitions, ())
        except _RecursiveType:
            parameters["$defs"] = definitions
    parameters["required"] = schema.get("required", [])
    parameters["additionalProperties"] = False
    return cast("ParametersSchema", parameters)


class _RecursiveType(Exception):
    pass


def _inline(node: object, definitions: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions, path) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    fields = cast("dict[str, Any]", node)
    reference = fields.get("$ref")
    if not isinstance(reference, str):
        return {key: _inline(value, definitions, path) for key, value in fields.items()}
    name = reference.rpartition("/")[2]
    if name in path:
        raise _RecursiveType
    beside = {key: value for key, value in fields.items() if key != "$ref"}
    return {**_inline(definitions[name], definitions, (*path, name)), **beside}
