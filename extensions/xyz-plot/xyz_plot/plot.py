"""A plot: a picture for every combination of the values of three axes, and the sheets that show them side by side."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any, NamedTuple

from PIL import Image

from modules import errors, images, processing, shared
from xyz_plot.axes import AxisOption, size, str_permutations
from xyz_plot.values import ValuesError, numbers, orders, split, whole_numbers

SEEDS = ("Seed", "Var. seed")


class Axis(NamedTuple):
    """An axis and what is on it."""

    option: AxisOption
    values: list[Any]

    def labels(self, p: Any) -> list[str]:
        """One for each value."""
        return [self.option.format_value(p, self.option, value) for value in self.values]

    @property
    def is_used(self) -> bool:
        return self.option.label != "Nothing"


class Cell(NamedTuple):
    """A finished combination; `at` are the places of its values on the three axes."""

    at: tuple[int, int, int]
    images: list[Image.Image]
    infotexts: list[str]
    seed: int
    seconds: float
    failed: str = ""


class Vary(NamedTuple):
    """Which axes count the seed up."""

    x: bool = False
    y: bool = False
    z: bool = False


def read_axis(option: AxisOption, text: str, chosen: Sequence[str], *, from_text: bool) -> Axis:
    """The axis with the values that were written, or chosen from its list. Raises: ValuesError."""
    if option.label == "Nothing":
        return Axis(option, [""])
    if option.choices is not None and not from_text:
        texts = list(chosen)
    elif option.prepare is not None:
        texts = option.prepare(text)
    else:
        texts = split(text)
    if not texts:
        raise ValuesError(f"{option.label}: there are no values.")
    if option.type is int:
        return Axis(option, whole_numbers(texts))
    if option.type is float:
        return Axis(option, numbers(texts))
    return Axis(option, orders(texts) if option.type is str_permutations else texts)


def confirm(p: Any, axes: Sequence[Axis]) -> None:
    """Raises: ValuesError, before anything is painted."""
    for axis in axes:
        if axis.option.confirm is not None:
            axis.option.confirm(p, axis.values)
    used = [axis.option.label for axis in axes if axis.is_used]
    if len(used) != len(set(used)):
        raise ValuesError(f"{next(label for label in used if used.count(label) > 1)} is on two axes.")
    width, height = p.width, p.height
    if any(axis.option.label == "Size" for axis in axes):
        sizes = next(axis for axis in axes if axis.option.label == "Size")
        width, height = (max(side) for side in zip(*(size(value) for value in sizes.values), strict=True))
    scale = p.hr_scale if getattr(p, "enable_hr", False) and not getattr(p, "hr_resize_x", 0) else 1
    count = len(axes[0].values) * len(axes[1].values) * len(axes[2].values)
    megapixels = count * width * height * scale**2 / 1e6
    if megapixels > shared.opts.img_max_size_mp:
        raise ValuesError(
            f"The plot would have {megapixels:.0f} megapixels;"
            f" the option img_max_size_mp allows {shared.opts.img_max_size_mp}."
        )


def with_seeds(axis: Axis) -> Axis:
    """A seed that is left open becomes one and the same for the whole plot, so that it can be compared."""
    if axis.option.label not in SEEDS:
        return axis
    return axis._replace(
        values=[random.randrange(2**32 - 1) if value in (-1, "-1", "") else value for value in axis.values]
    )


def paint(p: Any, axes: Sequence[Axis], vary: Vary) -> Iterator[Cell]:
    """Every cell; the axis that is dear to change changes last. A cell that fails is told and the others go on."""
    order = sorted(range(3), key=lambda number: -axes[number].option.cost)
    ranges = [range(len(axes[number].values)) for number in order]
    shared.state.job_count = len(axes[0].values) * len(axes[1].values) * len(axes[2].values) * p.n_iter
    steps = [1, len(axes[0].values) if vary.x else 1, 1]
    steps[2] = steps[1] * (len(axes[1].values) if vary.y else 1)
    for places in itertools.product(*ranges):
        at = tuple(place for _, place in sorted(zip(order, places, strict=True)))
        if shared.state.interrupted:
            return
        offset = sum(place * step for place, step, wanted in zip(at, steps, vary, strict=True) if wanted)
        yield _cell(p, axes, (at[0], at[1], at[2]), offset)


def _cell(p: Any, axes: Sequence[Axis], at: tuple[int, int, int], seed_offset: int) -> Cell:
    one = copy(p)
    one.styles = list(p.styles)
    one.override_settings = dict(p.override_settings)
    one.extra_generation_params = dict(p.extra_generation_params)
    one.seed += seed_offset
    one.do_not_save_grid = True
    started = time.monotonic()
    try:
        for axis, place in zip(axes, at, strict=True):
            axis.option.apply(one, axis.values[place], axis.values)
        done = processing.process_images(one)
    except Exception as error:  # noqa: BLE001  one cell must not cost the others
        errors.report(f"X/Y/Z plot, cell {at}: {error}", exc_info=False)
        return Cell(at, [], [], -1, time.monotonic() - started, str(error))
    finally:
        one.close()
    first = done.index_of_first_image
    return Cell(at, done.images[first:], done.infotexts[first:], done.seed, time.monotonic() - started)


# Sheets


def sheets(cells: Sequence[Cell], axes: Sequence[Axis], p: Any, *, legend: bool, margin: int) -> list[Image.Image]:
    """One sheet for each value of Z: X from left to right, Y from top to bottom."""
    pictures = {cell.at: cell.images[0] for cell in cells if cell.images}
    if not pictures:
        return []
    width, height = (max(picture.size[side] for picture in pictures.values()) for side in (0, 1))
    columns, rows, depth = (len(axis.values) for axis in axes)
    found = []
    for z in range(depth):
        sheet = _tiled([pictures.get((x, y, z)) for y in range(rows) for x in range(columns)], columns, width, height)
        if legend:
            above = [[images.GridAnnotation(label)] for label in axes[0].labels(p)]
            beside = [[images.GridAnnotation(label)] for label in axes[1].labels(p)]
            sheet = images.draw_grid_annotations(sheet, width, height, above, beside, margin)
        found.append(sheet)
    return found


def together(found: Sequence[Image.Image], z: Axis, p: Any, *, legend: bool) -> Image.Image:
    """The sheets of all values of Z beside one another."""
    if len(found) == 1:
        return found[0]
    width, height = found[0].size
    whole = _tiled(list(found), len(found), width, height)
    if not legend:
        return whole
    above = [[images.GridAnnotation(label)] for label in z.labels(p)]
    return images.draw_grid_annotations(whole, width, height, above, [[images.GridAnnotation()]])


def _tiled(pictures: Sequence[Image.Image | None], columns: int, width: int, height: int) -> Image.Image:
    """Smaller pictures in the middle of their place; what is missing stays white."""
    sheet = Image.new("RGB", (columns * width, len(pictures) // columns * height), "white")
    for number, picture in enumerate(pictures):
        if picture is not None:
            left = number % columns * width + (width - picture.width) // 2
            sheet.paste(picture, (left, number // columns * height + (height - picture.height) // 2))
    return sheet
