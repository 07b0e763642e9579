"""The pictures of a job on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image


def grid_size(count: int) -> tuple[int, int]:
    """(rows, columns) for so many pictures."""
    rows = round(math.sqrt(count))
    while count % rows and rows > 1:
        rows -= 1
    return rows, math.ceil(count / rows)


def image_grid(images: Sequence[Image.Image]) -> Image.Image:
    """Row by row, as many rows as the root of their number and no row left empty, as in A1111."""
    rows, columns = grid_size(len(images))
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    sheet = Image.new("RGB", (columns * width, rows * height))
    for place, image in enumerate(images):
        sheet.paste(image, (place % columns * width, place // columns * height))
    return sheet
