"""Pictures that continue on their other side: convolutions that look around the edge, while a block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from modules.diffusion.model import Model


@contextmanager
def seamless(model: Model) -> Iterator[None]:
    """Every padded convolution of UNet and VAE pads with the other side (A1111's tiling) while the block lasts."""
    layers = [layer for part in (model.unet, model.vae) for layer in part.modules() if isinstance(layer, nn.Conv2d)]
    before = [layer.padding_mode for layer in layers]
    try:
        for layer in layers:
            layer.padding_mode = "circular"
        yield
    finally:
        for layer, mode in zip(layers, before, strict=True):
            layer.padding_mode = mode
