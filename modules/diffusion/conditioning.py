"""A prompt's tree -> embeddings: 75-token chunks, weights, BREAK, clip skip, pooled vectors."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Conditioning:
    """What one prompt says to the network."""

    embeds: Tensor
    """(77 k, D) for k chunks of 75 tokens."""
    pooled: Tensor | None = None
    """(P,), for families with a pooled text vector (SDXL)."""
    time_ids: Tensor | None = None
    """(6,) or (5,): SDXL's size, crop and target (or aesthetic score) numbers."""
