"""Color correction: against scikit-image, and what it must and must not change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import color, exposure

from modules.diffusion.color_correction import (
    LUMINOSITY,
    color_corrected,
    matched_histograms,
    to_lab,
    to_rgb,
    with_luminosity_of,
)

Bytes = NDArray[np.uint8]
ALL_COLORS = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1).reshape(18 * 18, 18, 3).astype(np.uint8)


def clouds(seed: int, width: int = 90, height: int = 70) -> Bytes:
    """Soft colours, as pictures have them."""
    rough = np.random.default_rng(seed).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC))


def test_lab_is_that_of_scikit_image_in_eight_bits() -> None:
    wanted = color.rgb2lab(ALL_COLORS) * [2.55, 1, 1] + [0, 128, 128]
    assert np.abs(to_lab(ALL_COLORS) - wanted).max() < 0.51 + 0.06  # their white point has other last digits


def test_rgb_is_that_of_scikit_image() -> None:
    lab = to_lab(ALL_COLORS)
    wanted = color.lab2rgb((lab - np.array([0, 128, 128])) / [2.55, 1, 1]) * 255
    assert np.abs(to_rgb(lab) - wanted).max() < 1.5
    assert np.abs(to_rgb(lab).astype(int) - ALL_COLORS).mean() < 2


@pytest.mark.parametrize("seed", range(5))
def test_histograms_are_matched_as_scikit_image_does(seed: int) -> None:
    values, like = clouds(seed), clouds(seed + 100, 50, 120)
    assert np.array_equal(matched_histograms(values, like), exposure.match_histograms(values, like, channel_axis=2))


def test_the_colours_come_from_one_picture_and_the_light_from_the_other() -> None:
    painted, like = clouds(1), clouds(2)
    corrected = np.asarray(color_corrected(Image.fromarray(painted), Image.fromarray(like)))
    light = (painted @ LUMINOSITY, corrected @ LUMINOSITY)
    assert np.abs(light[0] - light[1]).max() < 1.5
    before, after = (np.abs(each.mean((0, 1)) - like.mean((0, 1))).max() for each in (painted, corrected))
    assert after < before


def test_a_picture_with_its_own_colours_stays_as_it_is() -> None:
    picture = Image.fromarray(clouds(3))
    changes = np.abs(np.asarray(color_corrected(picture, picture)).astype(int) - np.asarray(picture))
    assert changes.mean() < 1.5  # L*a*b* in eight bits is coarse


def test_light_that_a_colour_cannot_have_makes_it_paler_not_another() -> None:
    red = np.full((1, 1, 3), (255, 0, 0), np.uint8)
    white, grey = (np.full((1, 1, 3), value, np.uint8) for value in (250, 128))
    assert with_luminosity_of(white, red).min() > 240
    lit = with_luminosity_of(grey, red)[0, 0]
    assert lit[0] > lit[1] == lit[2]
