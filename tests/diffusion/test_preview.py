"""Previews without a VAE, judged by the starter's real one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image, ImageDraw
from torch import Tensor

from modules.diffusion.preview import PreviewFactors, fit_factors, preview

VAE = Path(__file__).parents[2] / "models" / "Stable-diffusion" / "starter" / "vae"
SCENES = [("white", "gold", "sienna"), ("navy", "tomato", "white"), ("darkgreen", "orange", "black")]
RED_GREEN_BLUE = PreviewFactors(((1, 0, 0), (0, 1, 0), (0, 0, 1)))


@pytest.fixture(scope="module")
def vae() -> Any:
    return AutoencoderKL.from_pretrained(VAE, local_files_only=True).float().eval()


@pytest.fixture(scope="module")
def fitted(vae: Any) -> PreviewFactors:
    return fit_factors(partial(decoded, vae), channels=4)


def decoded(vae: Any, latents: Tensor) -> Tensor:
    pixels: Tensor = vae.decode(latents / vae.config.scaling_factor).sample
    return pixels.clamp(-1, 1)


@torch.no_grad()
def encoded(vae: Any, picture: Image.Image) -> Tensor:
    pixels = torch.from_numpy(np.array(picture)).movedim(-1, 0)[None] / 127.5 - 1
    latents: Tensor = vae.encode(pixels).latent_dist.mode()[0] * vae.config.scaling_factor
    return latents


def painted(ground: str, body: str, detail: str) -> Image.Image:
    picture = Image.new("RGB", (128, 128), ground)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((20, 20, 100, 110), fill=body)
    draw.rectangle((50, 40, 80, 70), fill=detail)
    return picture


def correlation(one: Image.Image, other: Image.Image) -> float:
    return float(np.corrcoef(np.asarray(one, float).ravel(), np.asarray(other, float).ravel())[0, 1])


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene[0])
def test_a_preview_looks_like_the_picture(vae: Any, fitted: PreviewFactors, scene: tuple[str, str, str]) -> None:
    picture = painted(*scene)
    shown = preview(encoded(vae, picture), fitted)
    assert correlation(shown, picture.resize(shown.size, Image.Resampling.BOX)) > 0.9


def test_a_preview_can_have_the_size_of_the_picture(vae: Any, fitted: PreviewFactors) -> None:
    picture = painted(*SCENES[0])
    shown = preview(encoded(vae, picture), fitted, scale=8)
    assert (shown.mode, shown.size) == ("RGB", picture.size)
    assert correlation(shown, picture) > 0.8


def test_fitting_twice_gives_the_same_factors(vae: Any, fitted: PreviewFactors) -> None:
    assert fit_factors(partial(decoded, vae), channels=4) == fitted


def linear(matrix: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    def decode(latents: Tensor) -> Tensor:
        rgb = torch.einsum("bchw,cr->brhw", latents, matrix) + bias[:, None, None]
        return torch.nn.functional.interpolate(rgb, scale_factor=8, mode="nearest")

    return decode


@pytest.mark.parametrize("channels", [4, 16])
def test_a_decoder_that_is_linear_is_found_exactly(channels: int) -> None:
    generator = torch.Generator().manual_seed(1)
    matrix, bias = torch.randn(channels, 3, generator=generator), torch.randn(3, generator=generator)
    factors = fit_factors(linear(matrix, bias), channels, seed=5)
    torch.testing.assert_close(torch.tensor(factors.matrix), matrix, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(torch.tensor(factors.bias), bias, atol=1e-4, rtol=1e-4)


def test_minus_one_is_black_and_one_is_full_colour() -> None:
    latents = torch.tensor([[[-1.0, 1.0]], [[-1.0, -9.0]], [[-1.0, 9.0]]])  # (3, 1, 2)
    shown = preview(latents, RED_GREEN_BLUE)
    assert [shown.getpixel((x, 0)) for x in (0, 1)] == [(0, 0, 0), (255, 0, 255)]


def test_the_bias_is_added_to_every_pixel() -> None:
    shown = preview(torch.zeros(1, 2, 3), PreviewFactors(((0, 0, 0),), (1, 0, -1)))
    assert shown.size == (3, 2)
    assert shown.getextrema() == ((255, 255), (128, 128), (0, 0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_latents_of_any_precision_and_with_nans_can_be_shown(dtype: torch.dtype) -> None:
    latents = torch.full((3, 4, 4), float("nan"), dtype=dtype)
    latents[0] = float("inf")
    assert preview(latents, RED_GREEN_BLUE).getpixel((0, 0)) == (255, 128, 128)
