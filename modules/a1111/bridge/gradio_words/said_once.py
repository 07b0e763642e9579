"""What is said in the log once, and not for each of a hundred components."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class SaidOnce:
    """Remembers what it has said."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, text: str) -> None:
        """Writes `text` into the log, the first time."""
        if text not in self._said:
            self._said.add(text)
            log.info(text)
