"""Outpainting mk2's noise: like the picture, only in the room, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import exposure

from modules.diffusion.matched_noise import like, with_matched_noise


def stripes(width: int = 128, height: int = 96) -> Image.Image:
    """Red and yellow stripes with soft borders."""
    wave = np.sin(np.arange(width) / 4) * 0.5 + 0.5
    green = np.broadcast_to(wave * 200, (height, width))
    return Image.fromarray(
        np.stack([np.full_like(green, 220), green, np.full_like(green, 20)], axis=-1).astype(np.uint8)
    )


def right_half(width: int = 128, height: int = 96) -> Image.Image:
    mask = Image.new("L", (width, height))
    mask.paste(255, (width // 2, 0, width, height))
    return mask


def filled(seed: int = 1) -> NDArray[np.int_]:
    return np.asarray(with_matched_noise(stripes(), right_half(), seed)).astype(int)


def test_only_the_room_is_filled_and_with_the_colours_of_the_picture() -> None:
    made, picture = filled(), np.asarray(stripes()).astype(int)
    assert np.array_equal(made[:, :64], picture[:, :64])
    room = made[:, 64:]
    assert room[..., 0].min() >= 215
    assert room[..., 2].max() <= 25
    assert abs(room[..., 1].mean() - picture[..., 1].mean()) < 20
    assert room[..., 1].std() > 20


def test_a_seed_gives_the_same_noise_and_another_another() -> None:
    assert np.array_equal(filled(5), filled(5))
    assert not np.array_equal(filled(5), filled(6))


def test_a_higher_exponent_makes_coarser_noise() -> None:
    rough = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    clouds = Image.fromarray(rough).resize((128, 96), Image.Resampling.BICUBIC)

    def roughness(falloff: float) -> float:
        room = np.asarray(with_matched_noise(clouds, right_half(), 1, falloff)).astype(int)[:, 64:, 1]
        return float(np.abs(np.diff(room, axis=0)).mean() / room.std())

    assert roughness(2.0) < roughness(1.0) < roughness(0.2)


@pytest.mark.parametrize("seed", range(3))
def test_the_histogram_is_matched_as_scikit_image_does(seed: int) -> None:
    random = np.random.default_rng(seed)
    values, others = random.random(500), random.normal(size=300)
    assert np.allclose(like(values, others), exposure.match_histograms(values, others), atol=1e-12)


def test_without_room_or_without_a_picture_there_is_nothing_to_do() -> None:
    picture = stripes()
    for value in (0, 255):
        assert with_matched_noise(picture, Image.new("L", picture.size, value), 1) == picture
