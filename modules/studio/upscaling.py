"""Upscalers: the ways to make a finished picture larger, one row each, and the Extras that mix two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.image_files import LONGEST_SIDE
from modules.studio.request import MOST_PIXELS, RequestError

NONE = "None"
Size = tuple[int, int]


class Upscaler(NamedTuple):
    """`enlarge` gives the picture the size asked for; `scale` is what clients are told that it is made for."""

    name: str
    enlarge: Callable[[Image.Image, Size], Image.Image]
    scale: float = 4


def _lanczos(image: Image.Image, size: Size) -> Image.Image:
    return image.resize(size, Image.Resampling.LANCZOS)


def _nearest(image: Image.Image, size: Size) -> Image.Image:
    return image.resize(size, Image.Resampling.NEAREST)


UPSCALERS = {
    row.name: row for row in (Upscaler(NONE, _lanczos), Upscaler("Lanczos", _lanczos), Upscaler("Nearest", _nearest))
}
"""In the order in which they are listed; clients expect None first."""


def find_upscaler(name: str) -> Upscaler:
    """By name, whatever its case. Raises: AquatintError saying what there is."""
    wanted = name.strip().casefold() or NONE.casefold()
    for row in UPSCALERS.values():
        if row.name.casefold() == wanted:
            return row
    raise AquatintError(f"No upscaler called '{name:.80}'. There are: {', '.join(UPSCALERS)}.")


@dataclass(frozen=True)
class Enlargement:
    """What is asked of the Extras."""

    upscaler: Upscaler
    second: Upscaler
    second_share: float = 0
    """0 to 1, how much of the second upscaler's picture is mixed in."""
    factor: float = 2
    size: Size | None = None
    """Instead of the factor: the picture covers this size."""
    crop: bool = True
    """With a size: what stands over is cut off, on both sides alike."""

    def apply(self, image: Image.Image) -> tuple[Image.Image, dict[str, str]]:
        """The picture, and A1111's words for what was done to it. The first upscaler None leaves it as it is.

        Raises: RequestError when the result would be too large.
        """
        if self.upscaler.name == NONE:
            return image, {}
        target = self._target(image.size)
        if target[0] * target[1] > MOST_PIXELS or max(target) > LONGEST_SIDE:
            raise RequestError(
                f"upscaling_resize: the result would have {target[0]} x {target[1]} pixels; "
                f"at most {MOST_PIXELS:,} are made.",
                "upscaling_resize",
            )
        result = self.upscaler.enlarge(image, target)
        facts = {"Postprocess upscale to": f"{self.size[0]}x{self.size[1]}"} if self.size else {}
        facts = facts or {"Postprocess upscale by": f"{self.factor:g}"}
        facts["Postprocess upscaler"] = self.upscaler.name
        if self.second.name != NONE and self.second_share > 0:
            result = Image.blend(result, self.second.enlarge(image, target), self.second_share)
            facts["Postprocess upscaler 2"] = self.second.name
        return self._cropped(result), facts

    def _target(self, size: Size) -> Size:
        width, height = size
        if self.size is None:
            return max(1, round(width * self.factor)), max(1, round(height * self.factor))
        factor = max(self.size[0] / width, self.size[1] / height)
        return max(self.size[0], round(width * factor)), max(self.size[1], round(height * factor))

    def _cropped(self, image: Image.Image) -> Image.Image:
        if self.size is None or not self.crop:
            return image
        left, top = (image.width - self.size[0]) // 2, (image.height - self.size[1]) // 2
        return image.crop((left, top, left + self.size[0], top + self.size[1]))
