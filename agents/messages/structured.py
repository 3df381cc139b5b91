"""Types of structured messages, made while the program runs."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ...sandbox.errors import UsageError
from .chat import structured_message_type


class StructuredMessageFactory:
    """Makes a type of structured messages from a JSON schema, or from a model of pydantic.

    Names are AutoGen's; the schema wins if there are both.

    Parameters
    ----------
    json_schema:
        Of an object.
    input_model:
        The content's type.
    format_string:
        How to say the content, with its fields in braces; for the caller's own use.
    content_model_name:
        What the content's type is called if it is made from a schema.

    Raises
    ------
    UsageError
        There is neither of both, or the schema is none.
    """

    def __init__(
        self,
        json_schema: Mapping[str, Any] | None = None,
        input_model: type[BaseModel] | None = None,
        format_string: str | None = None,
        content_model_name: str | None = None,
    ) -> None:
        self.format_string = format_string
        if json_schema:
            from ..utils.json_schema import schema_to_pydantic_model

            self.ContentModel = schema_to_pydantic_model(
                json_schema, content_model_name or "GeneratedContentModel"
            )
        elif input_model is not None:
            self.ContentModel = input_model
        else:
            raise UsageError("StructuredMessageFactory needs a json_schema or an input_model.")
        self.StructuredMessage = structured_message_type(self.ContentModel)
