"""How large the second pass of hires fix is, by A1111's arithmetic."""

from __future__ import annotations

from typing import Any, NamedTuple


def floored_to_eight(value: Any) -> Any:
    """A1111 makes latents of size // 8, so 500 pixels become 496: say so in the request rather than in the picture."""
    return value - value % 8 if isinstance(value, int) and not isinstance(value, bool) else value


class HiresSize(NamedTuple):
    """Sizes in pixels, (width, height)."""

    upscaled: tuple[int, int]
    """What the first pass's picture is enlarged to."""
    final: tuple[int, int]
    """What is left of that: its middle."""


def hires_size(width: int, height: int, scale: float, resize_x: int, resize_y: int) -> HiresSize:
    """The size of the second pass: the first one's times `scale`, or what it is resized to and cut to, as in A1111."""
    if not resize_x and not resize_y:
        wanted = floored_to_eight(int(width * scale)), floored_to_eight(int(height * scale))
        return HiresSize(wanted, wanted)
    final = resize_x or resize_y * width // height, resize_y or resize_x * height // width
    if width * final[1] < final[0] * height:
        upscaled = final[0], final[0] * height // width
    else:
        upscaled = final[1] * width // height, final[1]
    return HiresSize(*((floored_to_eight(size[0]), floored_to_eight(size[1])) for size in (upscaled, final)))
