"""Soft inpainting: a mask whose greys say how much may change, and a result that shows where it did change.

Each step keeps as much of the original as the mask and the noise level say (differential diffusion, Levin and Fried
2023, arXiv 2306.00950), and the finished picture is laid over the original by how far their latents are apart. The
formulas and their numbers are those of A1111's extension of this name.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor


class SoftInpainting(NamedTuple):
    """A1111's six numbers."""

    schedule_bias: float = 1.0
    """How the noise level counts: above 1 the original is kept late, below 1 early."""
    preservation: float = 0.5
    """How long the masked content is kept; more keeps it longer where the mask is grey."""
    contrast_boost: float = 4.0
    """How strongly the larger of two latents wins where both are mixed."""
    mask_influence: float = 0.0
    """How much the mask itself, not the difference alone, decides what shows in the end."""
    threshold: float = 0.5
    """Of the difference, above which the new picture shows."""
    contrast: float = 2.0
    """How sharp that border is."""

    def blended(self, original: Tensor, painted: Tensor, mask: Tensor, sigma: float) -> Tensor:
        """(B, C, h, w) latents of a step; `mask` (h, w) is 1 where all may change."""
        share = mask ** (sigma**self.schedule_bias * self.preservation)
        mixed = original * (1 - share) + painted * share
        length = mixed.norm(dim=1, keepdim=True) + 1e-5
        powers = [latents.norm(dim=1, keepdim=True) ** self.contrast_boost for latents in (original, painted)]
        wanted = (powers[0] * (1 - share) + powers[1] * share) ** (1 / self.contrast_boost)
        result: Tensor = mixed / length * wanted
        return result

    def shown(self, original: Tensor, painted: Tensor, mask: Tensor) -> list[Image.Image]:
        """For each image an L mask of latent cells (w x h): how much of the new picture shows."""
        scale = 1 - mask.clamp(0, 1).cpu().numpy() ** (self.preservation / 2)
        scale = 0.5 * (1 - self.mask_influence) + scale * self.mask_influence
        half = self.threshold * scale / (1.00001 - scale)
        distances = (painted - original).norm(dim=1).float().cpu().numpy()
        return [self._shown(distance, half) for distance in distances]

    def _shown(self, distance: NDArray[np.floating], half: NDArray[np.floating]) -> Image.Image:
        """`half` (h, w) is the distance at which both pictures show alike."""
        smooth = window_mean(window_mean(distance, 0.9, 1.0), 0.25, 0.75)
        kept = 1 / (1 + (smooth / np.maximum(half, 1e-8)) ** self.contrast)
        shown = 1 - kept**3 * (kept * (kept * 6 - 15) + 10)  # Perlin's smootherstep
        return Image.fromarray((shown * 255).clip(0, 255).astype(np.uint8))


def window_mean(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    """(h, w): around each value the mean of those between two quantiles of the weight, of 5 x 5 neighbours that weigh
    by a Gaussian of 1.5 cells. Beyond the edge there is nothing."""
    offsets = np.arange(-2, 3)
    gaussian = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2)).reshape(-1)
    inside = np.lib.stride_tricks.sliding_window_view(np.pad(np.ones_like(values), 2), (5, 5))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2), (5, 5))
    shape = (*values.shape, 25)
    neighbours, weights = windows.reshape(shape), inside.reshape(shape) * gaussian
    order = neighbours.argsort(axis=-1, kind="stable")
    neighbours, weights = (np.take_along_axis(each, order, axis=-1) for each in (neighbours, weights))
    ends = weights.cumsum(axis=-1) / weights.sum(axis=-1, keepdims=True)
    begins = np.concatenate([np.zeros((*values.shape, 1)), ends[..., :-1]], axis=-1)
    counted = np.clip(np.minimum(ends, high) - np.maximum(begins, low), 0, None)
    mean: NDArray[np.floating] = (neighbours * counted).sum(axis=-1) / counted.sum(axis=-1)
    return mean
