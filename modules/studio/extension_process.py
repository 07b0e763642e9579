"""A program run aside: its lines as they come, an end when it takes too long, its children with it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from modules.diffusion.errors import AquatintError

LONGEST_LINE = 2000


class TooLongError(AquatintError):
    """A program did not end in its time and was ended."""


def run_aside(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], say: Callable[[str], None], patience: float
) -> int:
    """Its exit code. `say` hears what it prints, line by line.

    Raises: TooLongError.
    """
    late = threading.Event()
    with subprocess.Popen(  # noqa: S603  the callers' own words
        list(command),
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=os.name != "nt",
    ) as process:
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
