"""How long the queue takes: `python -m benchmarks.queue [folder]`, on the disk that the folder is on.

A job is acknowledged when it is on the disk, so the first line measures the disk's fsync more than anything else.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from modules.studio.queue import Queue, QueueRow

JOBS = 1000
OWNERS = 20
HISTORY = 10_000
REQUEST = '{"prompt": "' + "a cat on a mat, " * 20 + '", "steps": 20, "width": 512, "height": 512}'


def main() -> None:
    """Prints a line a measurement."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        path = Path(folder) / "queue.db"
        queue = Queue(path)
        _report("add", lambda number: queue.add(_row(number)), range(JOBS))
        _report("place of one of 1,000", lambda number: queue.place(str(number)), range(0, JOBS, 20))
        _report("move one of 1,000", lambda number: queue.move(str(number), f"owner {number % OWNERS}", 0), range(50))
        _report("list 100", lambda number: queue.rows(limit=100), range(50))
        _report("claim and finish", lambda number: _serve(queue), range(JOBS))
        for number in range(JOBS, HISTORY):
            queue.add(_row(number))
            _serve(queue)
        queue.close()
        _report(f"open with {HISTORY:,} ended jobs", lambda number: Queue(path).recover(), range(5))


def _row(number: int) -> QueueRow:
    return QueueRow(str(number), f"owner {number % OWNERS}", "txt2img", REQUEST, "{}")


def _serve(queue: Queue) -> None:
    row = queue.claim()
    if row is not None:
        queue.finish(row.id, "done")


def _report(name: str, call: Callable[[int], object], numbers: Iterable[int]) -> None:
    """Median, 95th percentile and worst of the calls, in milliseconds."""
    times = []
    for number in numbers:
        start = time.perf_counter()
        call(number)
        times.append((time.perf_counter() - start) * 1000)
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    print(f"{name:32} median {statistics.median(times):8.2f} ms   p95 {p95:8.2f} ms   worst {max(times):8.2f} ms")


if __name__ == "__main__":
    main()
