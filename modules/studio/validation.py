"""The part of some values that a pydantic model accepts, with a reason for each value that it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError


def accepted_part(model: type[BaseModel], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that `model` accepts one by one, and for each other key the reason in a few words."""
    accepted, refused = dict(values), dict[str, str]()
    while True:
        try:
            model.model_validate(accepted)
            return accepted, refused
        except ValidationError as error:
            reasons = {str(row["loc"][0]): _reason(row["msg"]) for row in error.errors() if row["loc"]}
        refused.update(reasons)
        blamed = reasons.keys() & accepted.keys()
        if not blamed:
            return accepted, refused
        for key in blamed:
            del accepted[key]


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should", "it should", 1)
