"""What lies over an inpainted picture, in A1111's words: the original as RGBA, transparent where it was painted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PIL import Image, ImageChops

from modules.studio.canvas import Overlay


def laid_over(overlay: Overlay) -> Image.Image:
    """The original, transparent where the new picture shows."""
    image = overlay.original.convert("RGBA")
    image.putalpha(ImageChops.invert(overlay.mask))
    return image


def changed_overlay(overlay: Overlay, image: Any, mask: Any, before: tuple[Any, Any]) -> Overlay | None:
    """The overlay as a hook has left it: another picture to lie above, another mask, or none."""
    if image is None:
        return None
    if image is not before[1] and isinstance(image, Image.Image):
        shown = image.convert("RGBA")
        return replace(overlay, original=shown.convert("RGB"), mask=ImageChops.invert(shown.getchannel("A")))
    return replace(overlay, mask=mask.convert("L")) if isinstance(mask, Image.Image) else overlay
