"""Long work on extensions, one piece at a time, on a thread: what it says as it goes, and what came of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from modules.diffusion.errors import AquatintError
from modules.studio.extension_process import CancelledError, Halt
from modules.studio.extension_steps import step_in

log = logging.getLogger(__name__)

MOST_LINES = 1000

Say = Callable[[str], None]
Work = Callable[["Chore"], Any]


class BusyError(AquatintError):
    """Something else is at work."""


@dataclass
class Chore:
    """One piece of work."""

    id: int
    what: str
    """As a sentence's beginning: "Updating sd-wild"."""
    can_end: bool = False
    """Whether the work listens to `halt`."""
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    step: str = ""
    """What it does just now."""
    lines: list[str] = field(default_factory=list)
    error: str = ""
    result: Any = None
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    halt: Halt = field(default_factory=Halt)

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return (self.ended or time.monotonic()) - self.began

    def say(self, line: str) -> None:
        """Another line of what it does."""
        self.lines.append(line)
        del self.lines[:-MOST_LINES]
        self.step = step_in(line) or self.step


class Chores:
    """The one that runs, or ran last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self.latest: Chore | None = None

    def start(self, what: str, work: Work, *, can_end: bool = False) -> Chore:
        """Begins `work` on a thread. Raises: BusyError while other work runs."""
        with self._lock:
            if self.latest is not None and self.latest.state == "running":
                raise BusyError(f"{self.latest.what} is still at work. Wait for it, then try again.")
            self._number += 1
            chore = self.latest = Chore(self._number, what, can_end)
        threading.Thread(target=self._run, args=[chore, work], name="extension chore", daemon=True).start()
        return chore

    def cancel(self) -> None:
        """Tells the one that runs to end. Raises: AquatintError when it is none that can."""
        chore = self.latest
        if chore is None or chore.state != "running":
            raise AquatintError("Nothing is at work.")
        if not chore.can_end:
            raise AquatintError(f"{chore.what} cannot be cancelled. It does not take long.")
        chore.halt.say()

    @staticmethod
    def _run(chore: Chore, work: Work) -> None:
        outcome: Literal["done", "failed", "cancelled"] = "failed"
        try:
            chore.result = work(chore)
            outcome = "done"
        except CancelledError as error:
            chore.error, outcome = str(error), "cancelled"
        except AquatintError as error:
            chore.error = str(error)
        except Exception as error:
            log.exception("%s failed", chore.what)
            chore.error = f"Something went wrong ({type(error).__name__}); the log of the server says what."
        chore.ended = time.monotonic()
        chore.state = outcome
