"""Methods of p that extensions put others in the place of, on the object or in its class: whether they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

OURS = Path(__file__).parents[1] / "processing.py"
"""Where they all are."""


def is_ours(p: Any, name: str) -> bool:
    """Whether p's method, or a function of `modules.processing`, is the one that nobody has changed."""
    return is_written_in(getattr(p, name), OURS)


def is_written_in(function: Any, file: Path) -> bool:
    """Whether a function's or a method's code stands in that file."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code is not None and Path(code.co_filename) == file
