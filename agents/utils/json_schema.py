"""From a JSON schema to a model of pydantic."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, ForwardRef, Literal, Union, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, create_model
from pydantic_core import SchemaError

from ...sandbox.errors import UsageError

# Types with parameters that only the program knows are no types to a type checker.
_DICT: Any = dict
_LIST: Any = list
_PLAIN = {"integer": int, "number": float, "boolean": bool, "null": type(None)}
_FORMATS = {"date": date, "date-time": datetime, "time": time, "uuid": UUID}
_LIMITS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "pattern": "pattern",
}


def schema_to_pydantic_model(
    schema: Mapping[str, Any], model_name: str = "GeneratedModel"
) -> type[BaseModel]:
    """A model whose values are those that ``schema``, of type ``object``, allows.

    A schema is data: nothing of it is ever executed.

    Raises
    ------
    UsageError
        It is no schema of an object, or refers to what is not in it.
    """
    if not isinstance(schema.get("properties"), Mapping):
        raise UsageError(f"The schema of {model_name} is not one of an object with properties.")
    try:
        return _Builder(schema).root(model_name)
    except (SchemaError, PydanticUserError, NameError, RecursionError, TypeError) as error:
        reason = " ".join(str(error).split())[-200:]
        raise UsageError(f"The JSON schema of {model_name} makes no sense: {reason}") from error


class _Builder:
    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._definitions: Mapping[str, Any] = schema.get("$defs") or schema.get("definitions", {})
        self._models: dict[str, Any] = {}

    def root(self, name: str) -> type[BaseModel]:
        model = self._model(self._schema, name)
        # Definitions that refer to themselves are names until all are there.
        for one in (model, *self._models.values()):
            if isinstance(one, type) and issubclass(one, BaseModel):
                one.model_rebuild(force=True, _types_namespace=self._models)
        return model

    def _model(self, node: Mapping[str, Any], name: str) -> type[BaseModel]:
        required = node.get("required", ())
        fields: dict[str, Any] = {}
        for number, (key, value) in enumerate(node["properties"].items()):
            # pydantic keeps some names for itself.
            plain = key.isidentifier() and not (key.startswith("_") or hasattr(BaseModel, key))
            kind = self._type(value, f"{name}_{key}")
            default = ... if key in required else value.get("default")
            if default is None and key not in required:
                kind = _any_of([kind, None])
            fields[key if plain else f"field_{number}"] = (
                kind,
                Field(default, alias=None if plain else key, description=value.get("description")),
            )
        config = ConfigDict(
            extra="forbid" if node.get("additionalProperties") is False else "ignore",
            protected_namespaces=(),
            populate_by_name=True,
        )
        return create_model(name, __config__=config, **fields)

    def _type(self, node: Any, name: str) -> Any:
        if node is True or node == {}:
            return Any
        if not isinstance(node, Mapping):
            raise UsageError(f"In a JSON schema, {name} is {node!r}.")
        node = cast("Mapping[str, Any]", node)
        if "$ref" in node:
            return self._reference(str(node["$ref"]))
        if "const" in node or "enum" in node:
            return Literal[tuple(node.get("enum", [node.get("const")]))]
        for union in ("anyOf", "oneOf", "allOf"):
            if union in node:
                return self._union(node[union], name)
        kind = node.get("type")
        if isinstance(kind, Sequence) and not isinstance(kind, str):
            return self._union(
                [{**node, "type": one} for one in cast("Sequence[object]", kind)], name
            )
        limits = {ours: node[theirs] for theirs, ours in _LIMITS.items() if theirs in node}
        plain = self._of_type(kind, node, name)
        return Annotated[plain, Field(**limits)] if limits else plain

    def _of_type(self, kind: Any, node: Mapping[str, Any], name: str) -> Any:
        match kind:
            case None:
                return Any
            case "object" if "properties" in node:
                return self._model(node, name)
            case "object":
                return _DICT[str, self._type(node.get("additionalProperties", True) or {}, name)]
            case "array":
                return _LIST[self._type(node.get("items", True), f"{name}_item")]
            case "string":
                return _FORMATS.get(node.get("format", ""), str)
            case str() if kind in _PLAIN:
                return _PLAIN[kind]
            case _:
                raise UsageError(f"In a JSON schema, {name} has the unknown type {kind!r}.")

    def _union(self, nodes: Sequence[Any], name: str) -> Any:
        return _any_of([self._type(n, f"{name}_{i}") for i, n in enumerate(nodes)])

    def _reference(self, reference: str) -> Any:
        name = reference.rpartition("/")[2]
        if name not in self._definitions:
            raise UsageError(f"A JSON schema refers to {reference!r}, which is not in it.")
        if name not in self._models:
            self._models[name] = ForwardRef(name)
            self._models[name] = self._type(self._definitions[name], name)
        return self._models[name]


def _any_of(types: Sequence[Any]) -> Any:
    return Union[tuple(types)]  # noqa: UP007 (a name of a type has no |)
