"""A1111's `modules.shared_total_tqdm`: the bar over all jobs on its terminal. Here the page has it."""

from __future__ import annotations

from typing import Any


class TotalTQDM:
    """Takes what extensions tell it; the page shows the progress of the job itself."""

    _tqdm: Any = None
    """A1111's bar on the terminal, of which there is none."""

    def __init__(self) -> None:
        self.total = 0
        self.done = 0

    def reset(self) -> None:
        """Begins anew."""
        self.total = self.done = 0

    def update(self) -> None:
        """One step more."""
        self.done += 1

    def updateTotal(self, new_total: int) -> None:
        """So many steps in all."""
        self.total = new_total

    def clear(self) -> None:
        """The end."""
        self.reset()
