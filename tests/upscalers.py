"""Small networks that make pictures larger, of the architecture of Real-ESRGAN's compact ones."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

CHANNELS = 8


def compact_state(scale: int = 2, strength: float = 0.0, colors: int = 3) -> dict[str, Tensor]:
    """Its weights by name. Of strength 0 it repeats pixels; else it adds what convolutions of random weights make."""
    random = torch.Generator().manual_seed(5)

    def weights(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random) * strength

    return {
        "body.0.weight": weights(CHANNELS, colors, 3, 3),
        "body.0.bias": weights(CHANNELS),
        "body.1.weight": torch.full((CHANNELS,), 0.2),
        "body.2.weight": weights(colors * scale**2, CHANNELS, 3, 3),
        "body.2.bias": weights(colors * scale**2),
    }


def save_compact(path: Path, scale: int = 2, strength: float = 0.0, colors: int = 3) -> Path:
    """A file of such a network; by its ending as safetensors or as the authors of Real-ESRGAN save theirs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = compact_state(scale, strength, colors)
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"params_ema": state}, path)
    return path
