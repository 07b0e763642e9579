"""What a hook that fails may have changed, put back: copies of what it was handed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image
from torch import Tensor


def kept(value: Any) -> Any:
    """A copy as deep as hooks change things in place: containers, pictures and tensors; the rest is itself."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, Image.Image):
        return value.copy()
    if type(value) is list:
        return [kept(each) for each in value]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(kept, value))
    if type(value) is dict:
        return {key: kept(each) for key, each in value.items()}
    return value


def put_back(words: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Gives arguments that were handed by name what `kept` has of them, in place: others hold them too."""
    for name, value in words.items():
        if isinstance(value, Tensor):
            value.copy_(before[name])
        elif type(value) is list:
            value[:] = before[name]
        elif type(value) is dict:
            value.clear()
            value.update(before[name])
