"""Long work on extensions, one piece at a time, on a thread: what it says as it goes, and what came of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from modules.diffusion.errors import AquatintError

log = logging.getLogger(__name__)

MOST_LINES = 1000

Say = Callable[[str], None]
Work = Callable[[Say], Any]


class BusyError(AquatintError):
    """Something else is at work."""


@dataclass
class Chore:
    """One piece of work."""

    id: int
    what: str
    """As a sentence's beginning: "Updating sd-wild"."""
    state: Literal["running", "done", "failed"] = "running"
    lines: list[str] = field(default_factory=list)
    error: str = ""
    result: Any = None
    began: float = field(default_factory=time.monotonic)

    def say(self, line: str) -> None:
        """Another line of what it does."""
        self.lines.append(line)
        del self.lines[:-MOST_LINES]


class Chores:
    """The one that runs, or ran last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self.latest: Chore | None = None

    def start(self, what: str, work: Work) -> Chore:
        """Begins `work` on a thread. Raises: BusyError while other work runs."""
        with self._lock:
            if self.latest is not None and self.latest.state == "running":
                raise BusyError(f"{self.latest.what} is still at work. Wait for it, then try again.")
            self._number += 1
            chore = self.latest = Chore(self._number, what)
        threading.Thread(target=self._run, args=[chore, work], name="extension chore", daemon=True).start()
        return chore

    @staticmethod
    def _run(chore: Chore, work: Work) -> None:
        try:
            chore.result = work(chore.say)
            chore.state = "done"
        except AquatintError as error:
            chore.error = str(error)
            chore.state = "failed"
        except Exception as error:
            log.exception("%s failed", chore.what)
            chore.error = f"Something went wrong ({type(error).__name__}); the log of the server says what."
            chore.state = "failed"
