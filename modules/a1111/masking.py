"""A1111's `modules.masking`: where a mask is, and the picture around it."""

from __future__ import annotations

from typing import Any

from PIL import Image

from modules.diffusion.masks import Box, crop_region, expand_region, filled


def get_crop_region_v2(mask: Image.Image, pad: int = 0) -> tuple[int, int, int, int] | None:
    """The box around what is masked, with so many pixels more on each side; None when nothing is."""
    box = mask.convert("L").getbbox()
    if box is None:
        return None
    found = crop_region(mask.convert("L"), pad)
    return tuple(found)  # type: ignore[return-value]


def get_crop_region(mask: Any, pad: int = 0) -> tuple[int, int, int, int]:
    """The same, also of an array; a mask without anything gives A1111's upside-down box."""
    image = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
    found = get_crop_region_v2(image, pad)
    return found or (image.width, image.height, 0, 0)


def expand_crop_region(
    crop_region: tuple[int, int, int, int],
    processing_width: int,
    processing_height: int,
    image_width: int,
    image_height: int,
) -> tuple[int, int, int, int]:
    """The box made as wide for its height as what is painted, within the picture."""
    found = expand_region(Box(*crop_region), (processing_width, processing_height), (image_width, image_height))
    return tuple(found)  # type: ignore[return-value]


def fill(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture with the colors around the mask spread into it."""
    return filled(image.convert("RGB"), mask.convert("L"))
