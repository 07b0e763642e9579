"""A program run aside: its lines as they come, an end when it takes too long, its children with it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from modules.diffusion.errors import AquatintError

LONGEST_LINE = 2000


class TooLongError(AquatintError):
    """A program did not end in its time and was ended."""


class CancelledError(AquatintError):
    """Somebody wanted no more of it."""


class Halt:
    """A person's word that a piece of work shall end: the program that runs for it is ended, and no other begins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self.said = False

    def say(self) -> None:
        """From any thread."""
        with self._lock:
            self.said = True
            ends = list(self._ends)
        for end in ends:
            end()

    @contextmanager
    def heard(self, end: Callable[[], None]) -> Iterator[None]:
        """Calls `end` when it is said, before the block or in it, and raises then: CancelledError."""
        with self._lock:
            self._ends.append(end)
        try:
            if self.said:
                end()
            yield
        finally:
            with self._lock:
                self._ends.remove(end)
        if self.said:
            raise CancelledError("It was cancelled.")


def run_aside(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    patience: float,
    halt: Halt | None = None,
) -> int:
    """Its exit code. `say` hears what it prints, line by line.

    Raises: TooLongError, CancelledError.
    """
    with _started(command, folder, environ) as process, (halt or Halt()).heard(lambda: _end(process)):
        return _heard_out(process, say, patience)


def _started(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  the callers' own words
        list(command),
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=os.name != "nt",
    )


def _heard_out(process: subprocess.Popen[str], say: Callable[[str], None], patience: float) -> int:
    late = threading.Event()
    assert process.stdout is not None

    def end() -> None:
        late.set()
        _end(process)

    timer = threading.Timer(patience, end)
    timer.daemon = True
    timer.start()
    try:
        for line in process.stdout:
            say(line.rstrip()[:LONGEST_LINE])
        code = process.wait()
    finally:
        timer.cancel()
        _end(process)
    if late.is_set():
        raise TooLongError(f"It did not end within {patience:.0f} seconds and was ended.")
    return code


def _end(process: subprocess.Popen[str]) -> None:
    """With all that it started, where the system can tell them."""
    with suppress(OSError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
