"""`modules.generation_parameters_copypaste`, as A1111 called `infotext_utils` before 1.8."""

from __future__ import annotations

from typing import Any

from . import infotext_utils


def __getattr__(name: str) -> Any:
    try:
        return getattr(infotext_utils, name)
    except AttributeError:
        raise AttributeError(f"modules.generation_parameters_copypaste has no {name}") from None
