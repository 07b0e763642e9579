"""Latents made larger without leaving latent space: the first six upscalers of hires fix, by A1111's names."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F


class LatentUpscaler(NamedTuple):
    """A way to interpolate; what it makes is blurred or blocky, and wants a second pass that repaints a good deal."""

    name: str
    mode: str
    antialias: bool = False

    def resize(self, latents: Tensor, height: int, width: int) -> Tensor:
        """(B, C, h, w) -> (B, C, height, width), all in latent cells."""
        return F.interpolate(latents, size=(height, width), mode=self.mode, antialias=self.antialias)


LATENT_UPSCALERS = {
    row.name: row
    for row in (
        LatentUpscaler("Latent", "bilinear"),
        LatentUpscaler("Latent (antialiased)", "bilinear", antialias=True),
        LatentUpscaler("Latent (bicubic)", "bicubic"),
        LatentUpscaler("Latent (bicubic antialiased)", "bicubic", antialias=True),
        LatentUpscaler("Latent (nearest)", "nearest"),
        LatentUpscaler("Latent (nearest-exact)", "nearest-exact"),
    )
}


def find_latent_upscaler(name: str) -> LatentUpscaler | None:
    """By name, whatever its case; None when it is no latent one."""
    return next((row for row in LATENT_UPSCALERS.values() if row.name.casefold() == name.strip().casefold()), None)
