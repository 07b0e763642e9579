"""NVIDIA's random numbers without an NVIDIA card: what `torch.randn` draws on CUDA from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
"""The constants of Philox 4x32: Salmon et al. (2011), "Parallel Random Numbers: As Easy as 1, 2, 3"."""
ROUNDS = 10
WORD = 2.0**32

Words = np.ndarray[Any, np.dtype[np.uint64]]
"""32-bit numbers in 64 bits, so that a product keeps its high half."""


def philox_4x32(counter: Words, key: tuple[int, int]) -> Words:
    """(4, n) counters and a key of two words -> (4, n) random words, by ten rounds of Philox."""
    c0, c1, c2, c3 = counter.astype(np.uint64)
    low, high = key
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(ROUNDS):
        product0, product1 = c0 * np.uint64(MULTIPLIERS[0]), c2 * np.uint64(MULTIPLIERS[1])
        c0 = (product1 >> half) ^ c1 ^ np.uint64(low)
        c2 = (product0 >> half) ^ c3 ^ np.uint64(high)
        c1, c3 = product1 & mask, product0 & mask
        low, high = (low + WEYL[0]) % 2**32, (high + WEYL[1]) % 2**32
    return np.stack([c0, c1, c2, c3])


class PhiloxNormals:
    """Normally distributed numbers from a seed, as cuRAND makes them and CUDA's threads take them.

    Each number is made by a thread of its own, as on a card that runs as many threads as there are numbers (65,536
    for the latents of 1024 x 1024 pixels); a smaller card lets a thread make several.
    """

    def __init__(self, seed: int) -> None:
        self._key = seed % 2**32, (seed >> 32) % 2**32
        self._calls = 0

    def draw(self, shape: tuple[int, ...]) -> Tensor:
        """The next numbers, of this shape, float32."""
        count = int(np.prod(shape))
        counter = np.zeros((4, count), dtype=np.uint64)
        counter[0] = self._calls
        counter[2] = np.arange(count, dtype=np.uint64)
        self._calls += 1
        words = philox_4x32(counter, self._key).astype(np.float64)
        # Box and Muller's transform as cuRAND has it: 0 is never drawn, and 2 pi is a float32.
        radius = np.sqrt(-2 * np.log((words[0] + 0.5) / WORD))
        angle = (words[1] + 0.5) * float(np.float32(2 * np.pi)) / WORD
        return torch.from_numpy((radius * np.sin(angle)).astype(np.float32)).reshape(shape)
