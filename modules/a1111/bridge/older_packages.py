"""Names that numpy 2 and Pillow 10 dropped, as A1111's numpy 1.26 and Pillow 9.5 have them: extensions ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

NUMPYS = {
    **{"float_": "float64", "complex_": "complex128", "cfloat": "complex128", "singlecomplex": "complex64"},
    **{"longfloat": "longdouble", "unicode_": "str_", "string_": "bytes_", "bool8": "bool", "int0": "intp"},
    **{"Inf": "inf", "Infinity": "inf", "infty": "inf", "PINF": "inf", "NaN": "nan", "NAN": "nan"},
    **{"product": "prod", "cumproduct": "cumprod", "sometrue": "any", "alltrue": "all", "round_": "round"},
    **{"in1d": "isin", "trapz": "trapezoid", "mat": "asmatrix"},
}
"""What numpy calls it now, by the name of then."""
PILLOWS = {"ANTIALIAS": "LANCZOS", "LINEAR": "BILINEAR", "CUBIC": "BICUBIC"}


def textsize(
    self: Any,
    text: Any,
    font: Any = None,
    spacing: float = 4,
    direction: str | None = None,
    features: Any = None,
    language: str | None = None,
    stroke_width: float = 0,
) -> tuple[float, float]:
    """The room that a text takes below the line where it begins."""
    left, _, right, bottom = self.textbbox(
        (0, 0),
        text,
        font,
        spacing=spacing,
        direction=direction,
        features=features,
        language=language,
        stroke_width=stroke_width,
    )
    return right - left, bottom


def getsize(self: Any, text: Any, *others: Any, **words: Any) -> tuple[float, float]:
    """The same, for a font without a picture."""
    left, _, right, bottom = self.getbbox(text, *others, **words)
    return right - left, bottom


def _names() -> Iterator[tuple[Any, str, Any]]:
    """Where each name belongs, and what it is."""
    yield from ((np, name, vars(np)[now]) for name, now in NUMPYS.items())
    yield np, "NINF", -np.inf
    yield from ((Image, name, vars(Image)[now]) for name, now in PILLOWS.items())
    yield ImageDraw.ImageDraw, "textsize", textsize
    yield ImageDraw.ImageDraw, "multiline_textsize", textsize
    for font in (ImageFont.ImageFont, ImageFont.FreeTypeFont, ImageFont.TransposedFont):
        yield font, "getsize", getsize


def teach() -> None:
    """From now on those that are not there are there."""
    for place, name, value in _names():
        if name not in vars(place):
            setattr(place, name, value)


def forget() -> None:
    """As the packages left it."""
    for place, name, value in _names():
        found = vars(place).get(name)
        if found is value or (name == "NINF" and found == value):
            delattr(place, name)
