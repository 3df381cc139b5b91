"""A model's wish to call a function."""

from dataclasses import dataclass


@dataclass
class FunctionCall:
    """One call, with the arguments as the JSON text the model wrote."""

    id: str
    arguments: str
    name: str
