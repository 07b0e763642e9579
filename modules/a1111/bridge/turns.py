"""Whose turn it was when a start ended without a word: what a native library does to the process, no guard can hold."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from .containment import containment

STARTS = 2
"""So many in a row have to end at the same extension. One may have been ended by somebody, or by a lack of memory."""


class EndedWithoutAWordError(Exception):
    """The process ended while the extension was loaded."""


class Turns:
    """A small file that is there only while extensions are loaded, and tells whose turn it is."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ended: dict[str, int] = {}
        try:
            kept = json.loads(file.read_text("utf-8"))
            name, ended = str(kept["turn"]), dict(kept["ended"])
            self._ended = {name: int(ended.get(name, 0)) + 1}
        except (OSError, ValueError, TypeError, KeyError):  # the last start came to its end, or nobody knows
            pass

    def blame(self) -> None:
        """Sets the extension aside at whose turn the last starts have ended, if there is one."""
        for name in [name for name, times in self._ended.items() if times >= STARTS]:
            error = EndedWithoutAWordError(f"{STARTS} starts in a row ended without a word while it was loaded")
            containment.set_aside(name, "loading", error)
            self._ended = {}

    def begins(self, name: str) -> None:
        """An extension is about to be loaded."""
        with suppress(OSError):
            self._file.write_text(json.dumps({"turn": name, "ended": self._ended}), "utf-8")

    def over(self) -> None:
        """All are loaded."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
