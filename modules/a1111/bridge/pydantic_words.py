"""Pydantic 1 spoken on pydantic 2: `Model.__config__`, from which the Config of an extension's model may derive, and
`@root_validator` as it was written then."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pydantic
from pydantic import BaseModel
from pydantic.deprecated import class_validators

STRICT = class_validators.root_validator
"""Pydantic's own: it refuses one that comes after the fields and does not say that it wants no failed ones."""


class Config:
    """Holds nothing: what a model inherits, it inherits from the model itself."""


@functools.wraps(STRICT)
def root_validator(*args: Any, pre: bool = False, skip_on_failure: bool = False, **given: Any) -> Any:
    """Where pydantic would refuse, it is called only when the fields are in order."""
    made: Callable[..., Any] = functools.partial(STRICT, pre=pre, skip_on_failure=skip_on_failure or not pre, **given)
    return made()(*args) if args else made()


def teach() -> None:
    """From now on every model has it, and whoever imports the decorator gets this one."""
    BaseModel.__config__ = Config  # type: ignore[attr-defined]
    for module in (class_validators, pydantic):  # the latter fetches all names of the former anew when one is missing
        module.root_validator = root_validator  # type: ignore[attr-defined]


def forget() -> None:
    """As pydantic left it."""
    for module in (class_validators, pydantic):
        module.root_validator = STRICT  # type: ignore[attr-defined]
    if "__config__" in vars(BaseModel):
        del BaseModel.__config__  # type: ignore[attr-defined]
