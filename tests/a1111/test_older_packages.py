"""What numpy and Pillow called things before, for extensions that were written then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from modules.studio.app import App
from tests.a1111.words import word


@pytest.fixture
def numpy(open_extended: Callable[..., App]) -> Iterator[Any]:
    """With an extension there, as any of its sources sees it."""
    open_extended("by_hand")
    return iter([np])


@pytest.mark.usefixtures("numpy")
def test_names_that_numpy_dropped_mean_what_they_meant() -> None:
    older: Any = np
    assert older.float_ is np.float64
    assert (older.Inf, older.NINF) == (np.inf, -np.inf)
    assert older.product([2, 3]) == 6
    assert older.in1d([1, 2], [2]).tolist() == [False, True]


@pytest.mark.usefixtures("numpy")
def test_names_that_pillow_dropped_mean_what_they_meant() -> None:
    older: Any = Image
    sheet: Any = ImageDraw.Draw(Image.new("RGB", (200, 60)))
    font: Any = ImageFont.load_default(20)
    assert older.ANTIALIAS == Image.Resampling.LANCZOS
    width, height = sheet.textsize("a heart", font=font)
    assert font.getsize("a heart") == (width, height)
    sheet.text((0, 0), "a heart", font=font, fill="white")
    _, _, right, bottom = sheet._image.getbbox()
    assert abs(right - width) <= 3
    assert abs(bottom - height) <= 2
    assert sheet.textsize("a\nb", font=font)[1] > height


def test_without_extensions_they_are_as_the_packages_left_them(open_extended: Callable[..., App]) -> None:
    open_extended("by_hand")
    word("bridge.loader").unload()
    assert not hasattr(np, "float_")
    assert not hasattr(np, "NINF")
    assert not hasattr(Image, "ANTIALIAS")
    assert not hasattr(ImageDraw.ImageDraw, "textsize")
    assert not hasattr(ImageFont.FreeTypeFont, "getsize")
