"""A1111's `modules.timer`: how long the parts of something took."""

from __future__ import annotations

import time
from typing import Any


class TimerSubcategory:
    """A part of a part."""

    def __init__(self, timer: Timer, category: str) -> None:
        self.timer, self.category, self.began = timer, category, 0.0

    def __enter__(self) -> None:
        self.began = time.time()

    def __exit__(self, *_: Any) -> None:
        self.timer.add_time_to_record(self.category, time.time() - self.began)


class Timer:
    """Counts from where it was last asked."""

    def __init__(self, print_log: bool = False) -> None:
        self.print_log = print_log
        self.start = time.time()
        self.subcategory_level = 0
        self.reset()

    def elapsed(self) -> float:
        """Seconds since it was last asked."""
        now = time.time()
        passed, self.start = now - self.start, now
        return passed

    def add_time_to_record(self, category: str, amount: float) -> None:
        """So much more for a part."""
        self.records[category] = self.records.get(category, 0.0) + amount

    def record(self, category: str, extra_time: float = 0, disable_log: bool = False) -> None:
        """What has passed is a part's."""
        passed = self.elapsed() + extra_time
        self.add_time_to_record(category, passed)
        self.total += passed

    def subcategory(self, name: str) -> TimerSubcategory:
        """A part of a part."""
        return TimerSubcategory(self, name)

    def summary(self) -> str:
        """In words."""
        parts = [f"{name}: {seconds:.1f}s" for name, seconds in self.records.items() if seconds >= 0.1]
        return f"{self.total:.1f}s" + (f" ({', '.join(parts)})" if parts else "")

    def dump(self) -> dict[str, Any]:
        """As a dictionary."""
        return {"total": self.total, "records": self.records}

    def reset(self) -> None:
        """Begins anew."""
        self.start = time.time()
        self.records: dict[str, float] = {}
        self.total = 0.0


startup_timer = Timer()
startup_record: dict[str, Any] | None = None
