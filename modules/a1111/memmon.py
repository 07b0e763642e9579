"""A1111's `modules.memmon`: how full the GPU is."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch

from modules.diffusion.hardware import free_memory


class MemUsageMonitor:
    """Answers when it is asked; nothing is polled."""

    disabled = False

    def __init__(self, name: str = "MemMon", device: Any = None, opts: Any = None) -> None:
        self.name, self._device = name, device
        self.data: dict[str, int] = defaultdict(int)

    def cuda_mem_get_info(self) -> tuple[int, int]:
        """(free, total) bytes."""
        found = free_memory(self._device or torch.device("cpu"))
        return found.free, found.total

    def monitor(self) -> None:
        """Nothing to begin."""

    def start(self) -> None:
        """The same."""

    def read(self) -> dict[str, int]:
        """Bytes of torch's memory."""
        free, total = self.cuda_mem_get_info()
        self.data |= {"free": free, "total": total, "system_peak": total - free, "min_free": free}
        return self.data

    def stop(self) -> dict[str, int]:
        """The last figures."""
        return self.read()

    def dump_debug(self) -> None:
        """Nothing to dump."""
