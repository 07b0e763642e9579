"""Who keeps the program from starting: an extension may put code of its own in the place of Gradio's or of ours."""

from __future__ import annotations

import traceback

from .containment import containment
from .found import OUTSIDE
from .loaded import loaded


def blame(error: BaseException) -> str:
    """The extension whose code raised it, which is set aside from now on; "" when it was none's."""
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    names = [name for name in map(_owner, reversed(files)) if name]
    if not names:
        return ""
    containment.set_aside(names[0], "what it has put in others' place", error)
    return names[0]


def _owner(file: str) -> str:
    name = loaded.extension_of(file)
    return "" if name == OUTSIDE else name
