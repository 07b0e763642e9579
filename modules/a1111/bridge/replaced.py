"""Methods of p that extensions put others in the place of, on the object or in its class: whether they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

OURS = Path(__file__).parents[1] / "processing.py"
"""Where they all are."""


def is_ours(p: Any, name: str) -> bool:
    """Whether p's method, or a function of `modules.processing`, is the one that nobody has changed."""
    method = getattr(p, name)
    code = getattr(getattr(method, "__func__", method), "__code__", None)
    return code is not None and Path(code.co_filename) == OURS
