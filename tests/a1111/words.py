"""A1111's names as extensions import them: `modules.shared`, which no type checker knows."""

from __future__ import annotations

import importlib
from typing import Any


def word(name: str) -> Any:
    """The module `modules.<name>` of the ring of A1111's names."""
    return importlib.import_module(f"modules.{name}")
