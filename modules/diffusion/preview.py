"""What latents look like, roughly and at once: a linear map from latent channels to RGB instead of the VAE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

LATENT_SIDE = 16
"""Height and width of the latents that `fit_factors` decodes."""
SAMPLES = 4


@dataclass(frozen=True)
class PreviewFactors:
    """RGB in [-1, 1] = latents @ matrix + bias, where the latents are as a sampler sees them (scaled)."""

    matrix: tuple[tuple[float, float, float], ...]
    """One row a latent channel."""
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)


def preview(latents: Tensor, factors: PreviewFactors, *, scale: int = 1) -> Image.Image:
    """(C, h, w) latents -> RGB picture of (w scale, h scale) pixels; 8 is the size of the finished picture."""
    x = latents.detach().float().nan_to_num().movedim(0, -1)  # (h, w, C)
    rgb = x @ x.new_tensor(factors.matrix) + x.new_tensor(factors.bias)
    pixels = ((rgb + 1) * 127.5).round().clamp(0, 255).to("cpu", torch.uint8)
    picture = Image.fromarray(pixels.numpy())
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BICUBIC)


def fit_factors(decode: Callable[[Tensor], Tensor], channels: int, *, seed: int = 0) -> PreviewFactors:
    """Least squares of the linear map that comes nearest to `decode`, for checkpoints with latents of their own.

    `decode` takes (B, channels, h, w) scaled latents to (B, 3, H, W) pixels in [-1, 1]; it is called once, with random
    latents of unit variance that are smooth at several scales, as those of pictures are.
    """
    latents = _smooth_noise(channels, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        pixels = decode(latents).float().cpu()
    rgb = F.adaptive_avg_pool2d(pixels, LATENT_SIDE).movedim(1, -1).reshape(-1, 3)
    x = latents.movedim(1, -1).reshape(-1, channels)
    fitted = torch.linalg.lstsq(F.pad(x, (0, 1), value=1.0), rgb, driver="gelsd").solution  # (channels + 1, 3)
    *matrix, bias = [(red, green, blue) for red, green, blue in fitted.tolist()]
    return PreviewFactors(tuple(matrix), bias)


def _smooth_noise(channels: int, generator: torch.Generator) -> Tensor:
    """(SAMPLES, channels, LATENT_SIDE, LATENT_SIDE) of unit variance: noise of four grain sizes, added up."""
    total = torch.zeros(SAMPLES, channels, LATENT_SIDE, LATENT_SIDE)
    for side in (LATENT_SIDE, LATENT_SIDE // 2, LATENT_SIDE // 4, LATENT_SIDE // 8):
        grain = torch.randn(SAMPLES, channels, side, side, generator=generator)
        total += F.interpolate(grain, size=(LATENT_SIDE, LATENT_SIDE), mode="bilinear", align_corners=False)
    return total / total.std(dim=(0, 2, 3), keepdim=True)
