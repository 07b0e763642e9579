"""Pictures in tiles: every pixel is covered, tiles are no larger than asked for, and seams do not show."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from modules.diffusion.tiles import Tiles, count_tiles, in_tiles, spans


@given(side=st.integers(1, 3000), size=st.integers(1, 600), overlap=st.integers(0, 300))
def test_tiles_cover_a_side_without_gaps_and_share_what_was_asked(side: int, size: int, overlap: int) -> None:
    found = spans(side, Tiles(size, overlap))
    assert found[0].start == 0
    assert found[-1].start + found[-1].length == side
    assert all(span.length == min(size, side) for span in found)
    pairs = list(pairwise(found))
    assert all(before.start + before.length - after.start == after.shared for before, after in pairs)
    assert all(after.shared >= min(overlap, size // 2) for _, after in pairs)


def test_no_tile_size_means_no_tiles() -> None:
    assert count_tiles((5000, 300), Tiles(0)) == 1
    assert count_tiles((5000, 300), Tiles(192, 8)) == 28 * 2


def noise(width: int, height: int) -> Image.Image:
    random = np.random.default_rng(1)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(70, 50), (64, 64), (33, 200), (1, 1)])
def test_what_treats_every_pixel_alike_leaves_no_trace_of_tiles(size: tuple[int, int]) -> None:
    image = noise(*size)
    made = in_tiles(
        image, Tiles(32, 8), 3, lambda tile: tile.resize((tile.width * 3, tile.height * 3), 0), lambda: None
    )
    assert made.tobytes() == image.resize((size[0] * 3, size[1] * 3), 0).tobytes()


def test_one_tile_fades_into_the_next() -> None:
    """Tiles of one color each: the overlap rises evenly from one to the other, and by no more at its ends."""
    shades = iter((0, 200))
    made = in_tiles(
        Image.new("L", (56, 8)), Tiles(32, 8), 1, lambda tile: Image.new("L", tile.size, next(shades)), lambda: None
    )
    line = np.array(made)[4].astype(int)
    assert line[23] == 0
    assert line[32] == 200
    assert np.diff(line[23:33]).max() <= 51
    assert (np.diff(line) >= 0).all()


def test_each_tile_is_announced_and_a_refusal_ends_the_work() -> None:
    announced: list[None] = []

    def announce() -> None:
        announced.append(None)
        if len(announced) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        in_tiles(noise(200, 200), Tiles(64, 8), 1, lambda tile: tile, announce)
    assert len(announced) == 3
