"""Sheets of pictures: put together, with labels, cut into tiles and joined again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from PIL import Image, ImageColor, ImageDraw

from modules.studio.fonts import Font, font_for
from modules.studio.grid import image_grid as sheet

Tile = list[Any]
"""[x, width, picture]"""


class Grid(NamedTuple):
    """A picture in tiles that overlap: rows of (y, height, [[x, width, picture], ...])."""

    tiles: list[list[Any]]
    tile_w: int
    tile_h: int
    image_w: int
    image_h: int
    overlap: int


class GridAnnotation:
    """A line of a label; one that is not active is struck through."""

    def __init__(self, text: str = "", is_active: bool = True) -> None:
        self.text, self.is_active = text, is_active
        self.size: tuple[int, int] | None = None


def image_grid(imgs: Sequence[Image.Image], batch_size: int = 1, rows: int | None = None) -> Image.Image:
    """All pictures on one sheet, in so many rows, or as many as fit a square best."""
    if not imgs:
        raise ValueError("a sheet needs a picture")
    if rows is None:
        return sheet(imgs)
    rows = max(1, min(rows, len(imgs)))
    columns = math.ceil(len(imgs) / rows)
    width, height = (max(image.size[axis] for image in imgs) for axis in (0, 1))
    page = Image.new("RGB", (columns * width, rows * height), "black")
    for place, image in enumerate(imgs):
        page.paste(image, (place % columns * width, place // columns * height))
    return page


def split_grid(image: Image.Image, tile_w: int = 512, tile_h: int = 512, overlap: int = 64) -> Grid:
    """A picture in tiles of one size, spread evenly."""
    xs, ys = _starts(image.width, tile_w, overlap), _starts(image.height, tile_h, overlap)
    tiles = [
        [y, tile_h, [[x, tile_w, image.crop((x, y, x + tile_w, y + tile_h))] for x in xs]]
        for y in ys
    ]  # fmt: skip
    return Grid(tiles, tile_w, tile_h, image.width, image.height, overlap)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    step = tile - overlap
    count = max(1, math.ceil((length - overlap) / step)) if step > 0 else 1
    if count == 1:
        return [0]
    return [min(int(index * (length - tile) / (count - 1)), length - tile) for index in range(count)]


def combine_grid(grid: Grid) -> Image.Image:
    """The picture again; where tiles overlap one fades into the next."""
    page = Image.new("RGB", (grid.image_w, grid.image_h))
    fade = Image.linear_gradient("L")
    across = fade.rotate(90).resize((max(1, grid.overlap), grid.tile_h))
    down = fade.resize((grid.image_w, max(1, grid.overlap)))
    for y, height, row in grid.tiles:
        strip = Image.new("RGB", (grid.image_w, height))
        for x, width, tile in row:
            _lay(strip, tile, (x, 0), across if x and grid.overlap else None, (grid.overlap, 0, width, height))
        _lay(page, strip, (0, y), down if y and grid.overlap else None, (0, grid.overlap, grid.image_w, height))
    return page


def _lay(
    page: Image.Image, piece: Image.Image, place: tuple[int, int], fade: Image.Image | None, rest: tuple[int, ...]
) -> None:
    """Pastes a piece; with a fade its first edge lets through what lies there, and `rest` is the rest of it."""
    if fade is None:
        page.paste(piece, place)
        return
    left, top, right, bottom = rest
    edge = piece.crop((0, 0, left or right, top or bottom))
    page.paste(edge, place, fade.crop((0, 0, *edge.size)))
    page.paste(piece.crop((left, top, right, bottom)), (place[0] + left, place[1] + top))


def draw_grid_annotations(
    im: Image.Image,
    width: int,
    height: int,
    hor_texts: Sequence[Sequence[GridAnnotation]],
    ver_texts: Sequence[Sequence[GridAnnotation]],
    margin: int = 0,
) -> Image.Image:
    """The sheet with labels: one above each column, one beside each row. Letters are those that a font here has."""
    size = (width + height) // 25
    gap = size // 2
    color, faint, ground = _colors()
    column = 0 if not any(line.text for lines in ver_texts for line in lines) else width * 3 // 4
    columns, rows = im.width // width, im.height // height
    above = [_set(lines, width, size) for lines in hor_texts]
    beside = [_set(lines, column, size) for lines in ver_texts]
    header = max((_height(lines) for lines in above), default=0)
    header = header + 2 * gap if header else 0
    page = Image.new(
        "RGB", (im.width + column + margin * (columns - 1), im.height + header + margin * (rows - 1)), ground
    )
    for row in range(rows):
        for place in range(columns):
            cell = im.crop((width * place, height * row, width * (place + 1), height * (row + 1)))
            page.paste(cell, (column + (width + margin) * place, header + (height + margin) * row))
    draw = ImageDraw.Draw(page)
    for place, lines in enumerate(above[:columns]):
        center = column + (width + margin) * place + width // 2
        _write(draw, (center, (header - _height(lines)) // 2), lines, (color, faint))
    for row, lines in enumerate(beside[:rows]):
        middle = header + (height + margin) * row + height // 2
        _write(draw, (column // 2, middle - _height(lines) // 2), lines, (color, faint))
    return page


class _Line(NamedTuple):
    text: str
    font: Font
    active: bool
    height: int


def _colors() -> tuple[str, str, str]:
    from ..shared_options import opts

    found = (opts.grid_text_active_color, opts.grid_text_inactive_color, opts.grid_background_color)
    for each in found:
        ImageColor.getrgb(each)
    return found


def _set(lines: Sequence[GridAnnotation], width: int, size: int) -> list[_Line]:
    """The lines broken to the width, in letters that fit."""
    done: list[_Line] = []
    for line in lines:
        font = font_for(line.text, size)
        for text in _broken(line.text, font, width):
            smaller, fitting = font, size
            while smaller.getlength(text) > width and fitting > 6:
                fitting -= 1
                smaller = font_for(line.text, fitting)
            done.append(_Line(text, smaller, line.is_active, round(fitting * 1.4)))
    return done


def _broken(text: str, font: Font, width: int) -> list[str]:
    """Between words; texts without spaces, as in Chinese and Japanese, between letters."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= width:
            lines[-1] = joined
        elif word.isascii():
            lines.append(word)
        else:
            for letter in (" " if lines[-1] else "") + word:
                fits = font.getlength(lines[-1] + letter) <= width
                lines = [*lines[:-1], lines[-1] + letter] if fits else [*lines, letter.strip()]
    return [line for line in lines if line]


def _height(lines: Sequence[_Line]) -> int:
    return sum(line.height for line in lines)


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], lines: Sequence[_Line], colors: tuple[str, str]) -> None:
    x, y = place
    for line in lines:
        draw.text((x, y + line.height // 2), line.text, colors[not line.active], line.font, anchor="mm")
        if not line.active:
            half = line.font.getlength(line.text) / 2
            draw.line((x - half, y + line.height // 2, x + half, y + line.height // 2), colors[1], 4)
        y += line.height


def draw_prompt_matrix(
    im: Image.Image, width: int, height: int, all_prompts: Sequence[str], margin: int = 0
) -> Image.Image:
    """The sheet of a prompt matrix with its parts as labels: half of them across, the others down."""
    parts = all_prompts[1:]
    half = math.ceil(len(parts) / 2)
    across, down = parts[:half], parts[half:]
    hor = [
        [GridAnnotation(part, bool(pos & (1 << i))) for i, part in enumerate(across)] for pos in range(1 << len(across))
    ]
    ver = [[GridAnnotation(part, bool(pos & (1 << i))) for i, part in enumerate(down)] for pos in range(1 << len(down))]
    return draw_grid_annotations(im, width, height, hor, ver, margin)
