"""Making finished pictures larger: sizes, mixtures, limits and A1111's words for them."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from modules.diffusion.tiles import Size
from modules.studio.extras import Enlargement
from modules.studio.request import RequestError
from modules.studio.upscaling import RESIZERS, Upscaler

NOTHING, LANCZOS, NEAREST = RESIZERS


def noise(width: int = 20, height: int = 10) -> Image.Image:
    return Image.effect_noise((width, height), 80).convert("RGB")


def enlarge(image: Image.Image, upscaler: Upscaler, size: Size) -> Image.Image:
    return image.resize(size, upscaler.resample)


def test_none_leaves_the_picture_as_it_is() -> None:
    image = noise()
    assert Enlargement(NOTHING, LANCZOS, 1, 4).apply(image, enlarge) == (image, {})


def test_nearest_repeats_pixels_and_lanczos_does_not() -> None:
    image = noise()
    nearest, facts = Enlargement(NEAREST, NOTHING, factor=3).apply(image, enlarge)
    assert nearest.size == (60, 30)
    assert nearest.resize(image.size, Image.Resampling.NEAREST).tobytes() == image.tobytes()
    assert facts == {"Postprocess upscale by": "3", "Postprocess upscaler": "Nearest"}
    smooth, _ = Enlargement(LANCZOS, NOTHING, factor=3).apply(image, enlarge)
    assert smooth.size == nearest.size
    assert smooth.tobytes() != nearest.tobytes()


def test_a_factor_may_be_a_fraction() -> None:
    assert Enlargement(LANCZOS, NOTHING, factor=1.5).apply(noise(15, 11), enlarge)[0].size == (22, 16)


@pytest.mark.parametrize("size", [(100, 100), (30, 90), (101, 7), (5, 5)])
def test_a_size_is_covered_and_the_rest_cut_off(size: tuple[int, int]) -> None:
    cropped, facts = Enlargement(LANCZOS, NOTHING, size=size).apply(noise(), enlarge)
    assert cropped.size == size
    assert facts["Postprocess upscale to"] == f"{size[0]}x{size[1]}"
    whole, _ = Enlargement(LANCZOS, NOTHING, size=size, crop=False).apply(noise(), enlarge)
    assert whole.width >= size[0]
    assert whole.height >= size[1]
    assert whole.width == size[0] or whole.height == size[1]


def test_cutting_off_keeps_the_middle() -> None:
    image = Image.new("RGB", (30, 10), "red")
    image.paste("blue", (10, 0, 20, 10))
    middle, _ = Enlargement(NEAREST, NOTHING, size=(20, 20)).apply(image, enlarge)
    assert middle.getcolors() == [(400, (0, 0, 255))]


def test_two_upscalers_are_mixed_by_their_share() -> None:
    image = noise()
    first, second = (Enlargement(row, NOTHING).apply(image, enlarge)[0] for row in (LANCZOS, NEAREST))
    mixed, facts = Enlargement(LANCZOS, NEAREST, 0.25).apply(image, enlarge)
    assert ImageChops.difference(mixed, Image.blend(first, second, 0.25)).getbbox() is None
    assert facts["Postprocess upscaler 2"] == "Nearest"
    assert Enlargement(LANCZOS, NEAREST, 0).apply(image, enlarge)[0].tobytes() == first.tobytes()


def test_what_would_be_too_large_is_refused_before_it_is_made() -> None:
    for wanted in (Enlargement(LANCZOS, NOTHING, factor=8), Enlargement(LANCZOS, NOTHING, size=(32_768, 32_768))):
        with pytest.raises(RequestError, match="upscaling_resize"):
            wanted.apply(Image.new("RGB", (4000, 4000)), enlarge)


def test_transparency_stays() -> None:
    made, _ = Enlargement(LANCZOS, NEAREST, 0.5).apply(Image.new("RGBA", (8, 8), (10, 20, 30, 40)), enlarge)
    assert made.mode == "RGBA"
    assert made.getchannel("A").getcolors() == [(256, 40)]
