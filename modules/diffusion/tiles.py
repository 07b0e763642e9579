"""Pictures taken apart into overlapping tiles and put together again, so that a network's memory has a limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

Size = tuple[int, int]


class Tiles(NamedTuple):
    """How large tiles are."""

    size: int = 192
    """Pixels of a side; 0 is the whole picture at once."""
    overlap: int = 8
    """Pixels that neighbours share; there one fades into the other."""


A1111 = Tiles()


class Span(NamedTuple):
    """Where a tile lies along one side of the picture."""

    start: int
    length: int
    shared: int
    """Pixels at its beginning that the tile before it has too."""


def spans(side: int, tiles: Tiles) -> list[Span]:
    """Tiles of one length, evenly over `side` pixels; neighbours share at least the overlap."""
    if tiles.size <= 0 or side <= tiles.size:
        return [Span(0, side, 0)]
    overlap = min(max(0, tiles.overlap), tiles.size // 2)
    count = math.ceil((side - overlap) / (tiles.size - overlap))
    starts = [round(index * (side - tiles.size) / (count - 1)) for index in range(count)]
    ends = [0, *(start + tiles.size for start in starts)]
    return [Span(start, tiles.size, end - start) for start, end in zip(starts, ends, strict=False)]


def count_tiles(size: Size, tiles: Tiles) -> int:
    """How many tiles a picture of that size is taken apart into."""
    return len(spans(size[0], tiles)) * len(spans(size[1], tiles))


def in_tiles(
    image: Image.Image,
    tiles: Tiles,
    scale: int,
    enlarge: Callable[[Image.Image], Image.Image],
    before_each: Callable[[], None],
) -> Image.Image:
    """`enlarge` (which makes a tile `scale` times as large) done to each tile, and the results on one picture.

    `before_each` is called before every tile; what it raises ends the work.
    """
    columns, rows = spans(image.width, tiles), spans(image.height, tiles)
    return in_spans(image, columns, rows, scale, enlarge, before_each)


def in_spans(
    image: Image.Image,
    columns: Sequence[Span],
    rows: Sequence[Span],
    scale: int,
    enlarge: Callable[[Image.Image], Image.Image],
    before_each: Callable[[], None] = lambda: None,
) -> Image.Image:
    """As `in_tiles`, with tiles that need not be square; row after row, each from left to right."""
    result = Image.new(image.mode, (image.width * scale, image.height * scale))
    for down in rows:
        row = Image.new(image.mode, (result.width, down.length * scale))
        for across in columns:
            before_each()
            left, top = across.start, down.start
            tile = enlarge(image.crop((left, top, left + across.length, top + down.length)))
            row.paste(tile, (left * scale, 0), _fading_in(tile.size, across.shared * scale))
        upright = _fading_in((row.height, row.width), down.shared * scale)
        result.paste(row, (0, down.start * scale), upright.transpose(Image.Transpose.TRANSPOSE))
    return result


def _fading_in(size: Size, shared: int) -> Image.Image:
    """A mask that rises from black to white over the first `shared` columns: over the middle half of them, since a
    network does not see what lies beyond the edges of its tile, and is wrong there."""
    width, height = size
    ramp = np.clip((np.arange(width) + 0.5) / max(shared, 0.5) * 2 - 0.5, 0, 1)
    return Image.fromarray(np.broadcast_to((ramp * 255).round().astype(np.uint8), (height, width)).copy())
