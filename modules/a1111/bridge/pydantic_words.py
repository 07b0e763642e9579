"""Pydantic 1 spoken on pydantic 2: `Model.__config__`, from which the Config of an extension's model may derive."""

from __future__ import annotations

from pydantic import BaseModel


class Config:
    """Holds nothing: what a model inherits, it inherits from the model itself."""


def teach() -> None:
    """From now on every model has it."""
    BaseModel.__config__ = Config  # type: ignore[attr-defined]


def forget() -> None:
    """As pydantic left it."""
    if "__config__" in vars(BaseModel):
        del BaseModel.__config__  # type: ignore[attr-defined]
