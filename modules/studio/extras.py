"""The Extras: finished pictures made larger, by one upscaler or a mixture of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from modules.diffusion.tiles import Size
from modules.studio.upscaling import NONE, Upscaler, refuse_too_large

Enlarge = Callable[[Image.Image, Upscaler, Size], Image.Image]


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

    def apply(self, image: Image.Image, enlarge: Enlarge) -> tuple[Image.Image, dict[str, str]]:
        """The picture, and A1111's words for what was done to it. The first upscaler None leaves it as it is.

        Raises: RequestError when the result would be too large, and what `enlarge` raises.
        """
        if self.upscaler.name == NONE:
            return image, {}
        target = self._target(image.size)
        refuse_too_large(target)
        result = enlarge(image, self.upscaler, target)
        facts = {"Postprocess upscale to": f"{self.size[0]}x{self.size[1]}"} if self.size else {}
        facts = facts or {"Postprocess upscale by": f"{self.factor:g}"}
        facts["Postprocess upscaler"] = self.upscaler.name
        if self.second.name != NONE and self.second_share > 0:
            result = Image.blend(result, enlarge(image, self.second, target), self.second_share)
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
