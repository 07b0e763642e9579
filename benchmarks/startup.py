"""Seconds from starting webui.py to its first answer on the port, to the pages, and to the end after a signal.

python -m benchmarks.startup [rounds]: each round is a process of its own; the page cache of the disk is warm after the
first. The promise is an answer within one second on an idle machine.
"""

from __future__ import annotations

import json
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from tempfile import TemporaryDirectory
from typing import NamedTuple

from modules.studio.command_line import ROOT


class Start(NamedTuple):
    """Seconds."""

    answer: float
    pages: float
    end: float


def start() -> Start:
    """One start of the server on a free port with a data folder of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory() as data:
        command = [sys.executable, "webui.py", "--skip-install", "--port", str(port), "--data-dir", data]
        began = time.perf_counter()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as server:
            while status(port) is None:
                time.sleep(0.005)
            answer = time.perf_counter() - began
            while not status(port):
                time.sleep(0.02)
            pages = time.perf_counter() - began
            server.send_signal(signal.SIGTERM)
            asked = time.perf_counter()
            server.wait()
        return Start(answer, pages, time.perf_counter() - asked)


def status(port: int) -> bool | None:
    """Whether the pages are there; None while nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/aquatint/loading", timeout=10) as answer:
            return bool(json.load(answer)["ready"])
    except (urllib.error.URLError, ConnectionError):
        return None


def main(rounds: int) -> None:
    """Prints minimum, median and maximum of each."""
    starts = [start() for _ in range(rounds)]
    for name, values in zip(Start._fields, zip(*starts, strict=True), strict=True):
        print(f"{name:8}{min(values):8.2f}{statistics.median(values):8.2f}{max(values):8.2f} s (min, median, max)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
