"""Masks and resizing; above all: what is not masked stays as it was, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from modules.diffusion.errors import AquatintError
from modules.diffusion.masks import (
    Box,
    ResizeMode,
    as_rgb,
    blurred,
    crop_region,
    expand_region,
    filled,
    inpaint_latents,
    inpaint_mask,
    latent_mask,
    mask_tensor,
    masked_pixels,
    overlay_mask,
    paste_back,
    read_mask,
    resize,
    resize_latent,
)

SIDES = st.integers(1, 48)
SIZES = st.tuples(SIDES, SIDES)
SEEDS = st.integers(0, 2**32 - 1)
MODES = ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "I", "F", "YCbCr"]


def noise(size: tuple[int, int], seed: int = 0, channels: int = 3) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    return Image.fromarray(values.squeeze(-1) if channels == 1 else values)


def rectangle(size: tuple[int, int], box: tuple[int, int, int, int], value: int = 255) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(value, box)
    return mask


def gradient(size: tuple[int, int]) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([x, y, (x + y) / 2], -1).astype(np.uint8))


def array(picture: Image.Image) -> NDArray[np.int_]:
    return np.asarray(picture).astype(int)


@st.composite
def boxes_in_pictures(draw: st.DrawFn) -> tuple[Box, tuple[int, int]]:
    width, height = draw(st.integers(1, 700)), draw(st.integers(1, 700))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
    return Box(left, top, right, bottom), (width, height)


# Normalising


@pytest.mark.parametrize("mode", MODES)
def test_any_mode_becomes_rgb_of_the_same_size(mode: str) -> None:
    picture = as_rgb(Image.new(mode, (5, 7)))
    assert (picture.mode, picture.size) == ("RGB", (5, 7))


def test_rgb_is_left_as_it_is() -> None:
    assert np.array_equal(array(as_rgb(noise((9, 4)))), array(noise((9, 4))))


def test_transparency_shows_white() -> None:
    picture = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    picture.putpixel((1, 0), (10, 20, 30, 255))
    assert [as_rgb(picture).getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (10, 20, 30)]


def test_transparency_of_a_palette_counts() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 0, 0, 0, 0, 200])
    picture.putpixel((1, 0), 1)
    picture.info["transparency"] = 0
    assert [as_rgb(picture).getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (0, 0, 200)]


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_sixteen_bits_are_scaled_not_clipped(mode: str) -> None:
    picture = Image.new(mode, (3, 1))
    picture.putpixel((1, 0), 0x8080)
    picture.putpixel((2, 0), 0xFFFF)
    assert [as_rgb(picture).getpixel((x, 0)) for x in range(3)] == [(0, 0, 0), (128, 128, 128), (255, 255, 255)]


def test_a_photograph_lying_on_its_side_is_turned_upright() -> None:
    picture = Image.new("RGB", (4, 2), "red")
    picture.getexif()[0x0112] = 6
    assert as_rgb(picture).size == (2, 4)


# Resizing


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, st.sampled_from(list(ResizeMode)), SEEDS)
def test_every_resize_mode_gives_the_wanted_size(
    before: tuple[int, int], after: tuple[int, int], mode: ResizeMode, seed: int
) -> None:
    assert resize(noise(before, seed), after, mode).size == after


@pytest.mark.parametrize("mode", list(ResizeMode))
def test_a_picture_of_the_right_size_is_not_touched(mode: ResizeMode) -> None:
    assert np.array_equal(array(resize(noise((24, 16)), (24, 16), mode)), array(noise((24, 16))))


def test_crop_and_resize_keeps_the_middle() -> None:
    picture = Image.new("RGB", (300, 100), "red")
    picture.paste("blue", (100, 0, 200, 100))
    cropped = array(resize(picture, (64, 64), ResizeMode.CROP))
    assert (cropped[:, 8:-8] == [0, 0, 255]).all()


def test_resize_and_fill_keeps_everything_and_stretches_the_edges() -> None:
    picture = gradient((64, 32))
    result = array(resize(picture, (64, 64), ResizeMode.FILL))
    assert np.array_equal(result[16:48], array(picture))
    assert (result[:16] == result[16]).all()
    assert (result[48:] == result[47]).all()


def test_resize_and_fill_leaves_no_black_line_where_the_margins_are_uneven() -> None:
    result = array(resize(Image.new("RGB", (100, 51), "white"), (100, 64), ResizeMode.FILL))
    assert (result == 255).all()


def test_latents_are_resized_smoothly() -> None:
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert resize_latent(latents, 12, 16).shape == (2, 4, 12, 16)
    assert torch.equal(resize_latent(latents, 8, 8), latents)


# Reading masks


def test_a_mask_with_transparency_is_its_alpha_made_black_and_white() -> None:
    mask = Image.new("RGBA", (4, 1), (0, 0, 0, 0))
    for x, alpha in enumerate((0, 128, 129, 255)):
        mask.putpixel((x, 0), (0, 0, 0, alpha))
    assert array(read_mask(mask, (4, 1))).tolist() == [[0, 0, 255, 255]]
    assert array(read_mask(mask, (4, 1), round_alpha=False)).tolist() == [[0, 128, 129, 255]]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_an_opaque_mask_is_its_luminance(mode: str) -> None:
    mask = rectangle((8, 8), (2, 2, 6, 6)).convert(mode)
    assert np.array_equal(array(read_mask(mask, (8, 8))), array(rectangle((8, 8), (2, 2, 6, 6))))


def test_greys_of_an_opaque_mask_are_kept_to_blend() -> None:
    assert array(read_mask(rectangle((4, 4), (0, 0, 4, 4), 100), (4, 4))).tolist() == [[100] * 4] * 4


def test_a_mask_takes_the_size_of_its_picture() -> None:
    mask = read_mask(rectangle((64, 64), (16, 16, 48, 48)), (128, 256))
    assert mask.size == (128, 256)
    assert crop_region(mask, 0) == pytest.approx((32, 64, 96, 192), abs=4)


def test_an_inverted_mask_is_the_rest_of_the_picture() -> None:
    mask = rectangle((8, 8), (2, 2, 6, 6))
    assert np.array_equal(array(inpaint_mask(mask, (8, 8), invert=True)), 255 - array(mask))


@pytest.mark.parametrize(
    ("mask", "invert"),
    [
        (Image.new("L", (8, 8), 0), False),
        (Image.new("RGB", (8, 8), "black"), False),
        (Image.new("RGBA", (8, 8), (255, 255, 255, 0)), False),
        (Image.new("L", (8, 8), 255), True),
    ],
    ids=["black", "black RGB", "transparent", "inverted white"],
)
def test_an_empty_mask_is_told_to_the_person(mask: Image.Image, invert: bool) -> None:
    with pytest.raises(AquatintError, match="mask is empty"):
        inpaint_mask(mask, (8, 8), invert=invert)


def test_an_empty_mask_has_no_region() -> None:
    with pytest.raises(AquatintError, match="mask is empty"):
        crop_region(Image.new("L", (8, 8)))


# Blurring


def convolved(values: NDArray[np.uint8], sigma: float, axis: int) -> NDArray[np.int_]:
    """The definition, by torch: a kernel of 2 int(2.5 sigma + 0.5) + 1, borders mirrored."""
    reach = int(2.5 * sigma + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).double() / sigma) ** 2)
    x = torch.from_numpy(values).double()[None, None]
    x = F.pad(x.transpose(2, 3) if axis == 0 else x, (reach, reach, 0, 0), mode="reflect")
    x = F.conv2d(x, (kernel / kernel.sum())[None, None, None])
    return np.asarray((x.transpose(2, 3) if axis == 0 else x)[0, 0].round().int())


@pytest.mark.parametrize("sigma", [0.5, 1, 4, 9.3])
@pytest.mark.parametrize("axis", [0, 1])
def test_blur_is_a_gaussian_of_a1111s_width(sigma: float, axis: int) -> None:
    mask = noise((70, 60), channels=1)
    result = array(blurred(mask, sigma * axis, sigma * (1 - axis)))
    assert np.abs(result - convolved(np.array(mask), sigma, axis)).max() <= 1


def test_no_blur_is_the_mask_itself() -> None:
    assert np.array_equal(array(blurred(noise((9, 9), channels=1), 0, 0)), array(noise((9, 9), channels=1)))


@settings(max_examples=40, deadline=None)
@given(SIZES, st.floats(0, 64), st.floats(0, 64))
def test_a_full_mask_stays_full_under_any_blur(size: tuple[int, int], sigma_x: float, sigma_y: float) -> None:
    assert (array(blurred(Image.new("L", size, 255), sigma_x, sigma_y)) == 255).all()


def test_a_blur_reaches_no_further_than_its_kernel() -> None:
    mask = array(blurred(rectangle((200, 200), (100, 100, 120, 120)), 4, 4))
    assert not mask[:90].any()
    assert not mask[:, 130:].any()
    assert (mask[109:111, 109:111] > 250).all()


def test_the_overlay_of_the_whole_picture_is_opaque_where_latents_were_repainted() -> None:
    assert array(overlay_mask(Image.fromarray(np.array([[0, 1, 127, 128, 255]], dtype=np.uint8)))).tolist() == [
        [0, 2, 254, 255, 255]
    ]


# Regions


@given(boxes_in_pictures(), st.integers(0, 100))
def test_the_region_of_a_mask_lies_inside_the_picture_and_holds_the_mask(
    where: tuple[Box, tuple[int, int]], padding: int
) -> None:
    box, size = where
    region = crop_region(rectangle(size, box, 1), padding)
    assert 0 <= region.left <= box.left < box.right <= region.right <= size[0]
    assert 0 <= region.top <= box.top < box.bottom <= region.bottom <= size[1]
    assert region.left in (0, box.left - padding)
    assert region.bottom in (size[1], box.bottom + padding)


@given(boxes_in_pictures(), st.sampled_from([64, 512, 768]), st.sampled_from([64, 512, 1024]))
def test_an_expanded_region_lies_inside_the_picture_and_holds_the_region(
    where: tuple[Box, tuple[int, int]], width: int, height: int
) -> None:
    box, size = where
    region = expand_region(box, (width, height), size)
    assert 0 <= region.left <= box.left < box.right <= region.right <= size[0]
    assert 0 <= region.top <= box.top < box.bottom <= region.bottom <= size[1]


@pytest.mark.parametrize(
    ("box", "processing", "picture", "expected"),
    [
        ((100, 100, 228, 132), (512, 512), (512, 512), (100, 52, 228, 180)),
        ((0, 0, 128, 32), (512, 512), (512, 512), (0, 0, 128, 128)),
        ((384, 480, 512, 512), (512, 512), (512, 512), (384, 384, 512, 512)),
        ((10, 0, 20, 100), (1024, 512), (150, 100), (0, 0, 150, 100)),
        ((40, 40, 80, 80), (1024, 512), (512, 512), (20, 40, 100, 80)),
    ],
)
def test_a_region_takes_the_aspect_ratio_of_what_is_generated(
    box: tuple[int, int, int, int],
    processing: tuple[int, int],
    picture: tuple[int, int],
    expected: tuple[int, int, int, int],
) -> None:
    assert expand_region(Box(*box), processing, picture) == expected


# Masked content


def test_fill_leaves_what_is_not_masked_as_it_is() -> None:
    picture, mask = noise((64, 64)), rectangle((64, 64), (16, 16, 48, 48))
    outside = np.asarray(mask) == 0
    assert np.array_equal(array(filled(picture, mask))[outside], array(picture)[outside])


def test_fill_takes_the_colours_nearby() -> None:
    picture = Image.new("RGB", (64, 64), "red")
    picture.paste("blue", (32, 0, 64, 64))
    result = array(filled(picture, rectangle((64, 64), (20, 20, 44, 44))))
    assert result[32, 22, 0] > 200 > 50 > result[32, 22, 2]
    assert result[32, 41, 2] > 200 > 50 > result[32, 41, 0]


def test_fill_shows_nothing_of_what_was_masked() -> None:
    mask = rectangle((64, 64), (16, 16, 48, 48))
    picture = Image.new("RGB", (64, 64), "white")
    other = Image.composite(noise((64, 64)), picture, mask)
    assert np.array_equal(array(filled(picture, mask)), array(filled(other, mask)))


def test_fill_of_a_wholly_masked_picture_is_grey() -> None:
    assert (array(filled(noise((16, 16)), Image.new("L", (16, 16), 255))) == 128).all()


# Latent masks and the channels of inpainting models


def test_a_latent_mask_covers_the_cells_of_its_pixels() -> None:
    cells = latent_mask(rectangle((64, 64), (16, 8, 48, 64)), 8, 8)
    assert cells.shape == (8, 8)
    assert cells.dtype == np.float32
    assert np.array_equal(cells, np.pad(np.ones((7, 4)), ((1, 0), (2, 2))))


def test_a_soft_latent_mask_keeps_its_fractions() -> None:
    cells = latent_mask(rectangle((64, 64), (0, 0, 64, 64), 51), 8, 8, rounded=False)
    assert cells == pytest.approx(np.full((8, 8), 0.2))


def test_a_line_thinner_than_a_latent_cell_is_not_lost() -> None:
    cells = latent_mask(rectangle((64, 64), (0, 30, 64, 31)), 8, 8)
    assert np.array_equal(cells, np.pad(np.ones((1, 8)), ((3, 4), (0, 0))))


@given(SIZES, SEEDS)
def test_a_latent_mask_lies_between_zero_and_one(size: tuple[int, int], seed: int) -> None:
    cells = latent_mask(noise(size, seed, channels=1), 6, 6, rounded=False)
    assert 0 <= cells.min() <= cells.max() <= 1


def test_an_inpainting_model_sees_the_mask_and_the_picture_without_what_is_masked() -> None:
    mask = mask_tensor(rectangle((64, 64), (16, 16, 48, 48)))
    masked = masked_pixels(torch.ones(2, 3, 64, 64), mask)
    assert masked[:, :, 16:48, 16:48].abs().max() == 0
    assert masked.sum() == 2 * 3 * (64 * 64 - 32 * 32)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    channels = inpaint_latents(mask, latents)
    assert channels.shape == (2, 5, 8, 8)
    assert torch.equal(channels[:, :1], mask[::8, ::8].expand(2, 1, 8, 8))
    assert torch.equal(channels[:, 1:], latents)


def test_a_mask_tensor_is_rounded_unless_it_shall_be_soft() -> None:
    mask = rectangle((4, 4), (0, 0, 4, 4), 204)
    assert (mask_tensor(mask) == 1).all()
    assert mask_tensor(mask, rounded=False) == pytest.approx(np.full((4, 4), 0.8))


# Pasting back


@settings(max_examples=100, deadline=None)
@given(SIZES, SIZES, SEEDS, st.floats(0, 12), st.booleans())
def test_pixels_that_are_not_masked_are_equal_bit_for_bit(
    size: tuple[int, int], generated: tuple[int, int], seed: int, sigma: float, crop: bool
) -> None:
    random = np.random.default_rng(seed)
    original = noise(size, seed)
    spots = Image.fromarray(((random.random((size[1], size[0])) < 0.02) * 255).astype(np.uint8))
    spots.putpixel((int(random.integers(size[0])), int(random.integers(size[1]))), 255)
    mask = blurred(spots, sigma, sigma / 2)
    box = expand_region(crop_region(spots), generated, size) if crop else None
    result = paste_back(original, noise(generated, seed + 1), mask, box)
    untouched = np.asarray(mask) == 0
    assert result.size == size
    assert np.array_equal(array(result)[untouched], array(original)[untouched])


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "CMYK"])
def test_a_picture_of_another_mode_comes_back_as_its_rgb(mode: str) -> None:
    original = noise((32, 32)).convert(mode)
    mask = rectangle((32, 32), (8, 8, 16, 16))
    untouched = np.asarray(mask) == 0
    result = paste_back(original, Image.new("RGB", (32, 32), "red"), mask)
    assert np.array_equal(array(result)[untouched], array(as_rgb(original))[untouched])
    assert (array(result)[~untouched] == [255, 0, 0]).all()


def test_where_the_mask_is_full_the_new_picture_shows_alone() -> None:
    new = noise((32, 32), seed=1)
    result = paste_back(noise((32, 32)), new, Image.new("L", (32, 32), 255))
    assert np.array_equal(array(result), array(new))


def test_outside_of_the_box_nothing_changes_whatever_the_mask_says() -> None:
    original = noise((32, 32))
    result = paste_back(original, Image.new("RGB", (64, 64), "red"), Image.new("L", (32, 32), 255), Box(4, 4, 12, 12))
    expected = original.copy()
    expected.paste("red", (4, 4, 12, 12))
    assert np.array_equal(array(result), array(expected))


def test_the_blend_inside_a_blurred_mask_is_smooth() -> None:
    mask = blurred(rectangle((64, 64), (20, 0, 64, 64)), 4, 4)
    result = paste_back(Image.new("RGB", (64, 64), "black"), Image.new("RGB", (64, 64), "white"), mask)
    steps = np.diff(array(result)[32, :, 0])
    assert steps.min() >= 0
    assert steps.max() < 40
    assert np.array_equal(array(result)[..., 0], array(mask))


@pytest.mark.parametrize("painted", [(150, 10, 190, 100), (10, 50, 190, 70)], ids=["square", "wider than the box"])
def test_a_region_that_the_model_leaves_alone_comes_back_as_it_was(painted: tuple[int, int, int, int]) -> None:
    original = gradient((200, 120))
    mask = Image.new("L", original.size)
    ImageDraw.Draw(mask).ellipse(painted, fill=255)
    box = expand_region(crop_region(mask, 8), (512, 512), original.size)
    processed = resize(original.crop(box), (512, 512), ResizeMode.FILL)
    result = paste_back(original, processed, mask, box)
    assert np.abs(array(result) - array(original)).max() <= 4
