"""A1111's `modules.patches`: functions replaced by others, and put back."""

from __future__ import annotations

from typing import Any

originals: dict[str, dict[tuple[Any, str], Any]] = {}
"""By who replaced them: (where, the name) -> what was there."""


def patch(key: str, obj: Any, field: str, replacement: Any) -> Any:
    """Replaces an attribute. -> what was there. Raises: RuntimeError when `key` has done so already."""
    place = (obj, field)
    own = originals.setdefault(key, {})
    if place in own:
        raise RuntimeError(f"patch for {field} is already applied")
    own[place] = original = getattr(obj, field)
    setattr(obj, field, replacement)
    return original


def undo(key: str, obj: Any, field: str) -> None:
    """Puts it back. Raises: RuntimeError when nothing was replaced."""
    place = (obj, field)
    if place not in originals.get(key, {}):
        raise RuntimeError(f"there is no patch for {field} to undo")
    setattr(obj, field, originals[key].pop(place))


def original(key: str, obj: Any, field: str) -> Any:
    """What was there, or None."""
    return originals.get(key, {}).get((obj, field))
