"""Outpainting mk2's noise: like the picture, only in the room, and the same for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.fft
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import wasserstein_distance
from skimage import exposure

from modules.diffusion.matched_noise import like, shaped_noise, with_matched_noise

Numbers = NDArray[Any]
PUBLISHED = {
    (1.0, 0.05): ((179.6, 8.0, 240.889), (114.167, 106.5, 224.6), (13.857, 121.545, 173.5), (226.4, 8.0, 238.167)),
    (0.5, 0.8): ((197.286, 241.833, 136.0), (240.091, 246.615, 42.667), (8.2, 76.0, 232.0), (244.786, 212.667, 245.59)),
    (2.0, 0.0): ((129.125, 8.48, 241.727), (56.333, 65.0, 227.058), (8.0, 141.364, 145.0), (155.5, 29.571, 238.333)),
}
"""What `get_matched_noise` of A1111 1.10's outpainting_mk_2.py, whose seed is 0, makes of `waves` at `PLACES`, by
fall-off and color variation."""
PLACES = ((0, 32), (7, 47), (16, 40), (31, 33))


def waves(width: int = 48, height: int = 32) -> Image.Image:
    """A wave of its own in each colour."""
    y, x = np.mgrid[0:height, 0:width]
    wave = np.stack([np.sin(x / 5 + y / 9), np.cos(x / 7 - y / 4), np.sin(x * y / 60 + 1)], axis=-1)
    return Image.fromarray(np.rint(127.5 + 120 * wave).astype(np.uint8))


def shaped(falloff: float = 1.0, color_variation: float = 0.05, size: tuple[int, int] = (48, 32)) -> Numbers:
    """The noise before its histogram is matched; the right third is unknown."""
    pixels = np.asarray(waves(*size)) / 255
    return shaped_noise(pixels, third(*size), white(*size), falloff, color_variation)


def third(width: int, height: int) -> Numbers:
    masked = np.zeros((height, width, 1))
    masked[:, width * 2 // 3 :] = 1
    return masked


def white(width: int, height: int) -> Numbers:
    return np.random.default_rng(3).random((height, width, 3))


def windowed(width: int = 48, height: int = 32) -> Numbers:
    """The picture whose spectrum counts."""
    pixels, masked = np.asarray(waves(width, height)) / 255, third(width, height)
    known = pixels * (1 - masked)
    return np.asarray(known / known.max() + pixels.mean() * masked)


def from_the_middle(side: int) -> Numbers:
    """The discrete Fourier transform of a line as a matrix, places and frequencies counted from the middle."""
    places = np.arange(side) - side // 2
    return np.asarray(np.exp(-2j * np.pi * np.outer(places, places) / side) / np.sqrt(side))


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


@pytest.mark.parametrize("asked", PUBLISHED)
def test_the_published_function_makes_the_same_noise(asked: tuple[float, float]) -> None:
    mask = Image.fromarray((third(48, 32)[..., 0] * 255).astype(np.uint8))
    made = np.asarray(with_matched_noise(waves(), mask, 0, *asked)).astype(float)
    assert np.abs([made[place] for place in PLACES] - np.array(PUBLISHED[asked])).max() <= 0.5


@pytest.mark.parametrize("size", [(48, 32), (24, 40), (32, 32)])
def test_the_shape_is_that_of_the_definition_in_sums(size: tuple[int, int]) -> None:
    rows, columns = from_the_middle(size[1]), from_the_middle(size[0])
    window = [1 / (1 + ((np.arange(side) - side / 2) * 2 / min(size)) ** 2) for side in (size[1], size[0])]
    noise, expected = white(*size), np.zeros((size[1], size[0], 3))

    def spectrum(values: Numbers) -> Numbers:
        return np.asarray(rows @ values @ columns.T)

    def back(values: Numbers) -> Numbers:
        return np.asarray((rows.conj().T @ values @ columns.conj()).real)

    for channel in range(3):
        coloured = 0.3 * noise[..., channel] + 0.7 * noise.mean(axis=-1)
        picture = spectrum(windowed(*size)[..., channel])
        soft = spectrum(back(np.outer(*window) * spectrum(coloured)))
        expected[..., channel] = back(abs(soft) ** 2 * abs(picture) ** 0.7 * picture / abs(picture))
    expected -= expected.min()
    assert np.abs(shaped(0.7, 0.3, size) - expected / expected.max()).max() < 1e-9


def test_the_noise_has_the_phases_of_the_picture() -> None:
    for channel in range(3):
        made, picture = (scipy.fft.rfft2(each[..., channel])[1:16, 1:24] for each in (shaped(), windowed()))
        assert np.abs(np.angle(made / picture)).max() < 1e-6


def test_the_exponent_is_the_power_of_the_pictures_magnitudes() -> None:
    low, high, picture = (scipy.fft.rfft2(each[..., 1])[1:16, 1:24] for each in (shaped(0.5), shaped(2.0), windowed()))
    slope, _ = np.polyfit(np.log(abs(picture)).ravel(), np.log(abs(high) / abs(low)).ravel(), 1)
    assert slope == pytest.approx(1.5, abs=1e-3)


def test_without_color_variation_grey_stays_grey() -> None:
    grey = waves().convert("L").convert("RGB")
    mask = Image.fromarray((third(48, 32)[..., 0] * 255).astype(np.uint8))
    plain, coloured = (np.asarray(with_matched_noise(grey, mask, 1, 1.0, share)).astype(int) for share in (0.0, 1.0))
    assert np.ptp(plain, axis=-1).max() == 0
    assert np.ptp(coloured, axis=-1).max() > 50


def test_the_room_has_the_histogram_of_what_is_known() -> None:
    mask = Image.fromarray((third(48, 32)[..., 0] * 255).astype(np.uint8))
    made = np.asarray(with_matched_noise(waves(), mask, 1)).astype(float)
    for channel in range(3):
        known, room = made[:, :32, channel].ravel(), made[:, 32:, channel].ravel()
        assert wasserstein_distance(known, room) < 1.5
        assert wasserstein_distance(known, shaped()[..., channel].ravel() * 255) > 10


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
