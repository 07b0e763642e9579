"""A network that restores a face (GFPGAN, CodeFormer, RestoreFormer), and the way of a face to it and back.

Each works on a face of 512 x 512 pixels whose eyes, nose and mouth lie where those of FFHQ's do (Karras et al., 2019).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from modules.diffusion.errors import CheckpointError, NotANumberError
from modules.diffusion.hardware import Hardware
from modules.diffusion.upscale_network import image_of, read_network, tensor_of

SIDE = 512
MARKS = (
    (192.98138, 239.94708),
    (318.90277, 240.19360),
    (256.63416, 314.01935),
    (201.26117, 371.41043),
    (313.08905, 371.15118),
)
"""Where eyes, nose and mouth corners lie, as facexlib has them."""
GRAY = (135, 133, 132)
"""What a face is surrounded by that reaches over the edge of its picture, as the networks were trained."""
INSET, ROUND, SOFT = 40, 120, 16
"""Pixels of the 512: what of the restored face stays out at its edges, and how softly it ends."""


class FaceNetwork:
    """One network, on the CPU while nobody uses it."""

    def __init__(self, path: Path, hardware: Hardware) -> None:
        """Raises: CheckpointError naming the file when it is broken, or restores no faces."""
        self.path = path
        self._device = hardware.device
        self._network = read_network(path)
        if self._network.purpose != "FaceSR":
            raise CheckpointError(f"{path.name} restores no faces: a {self._network.architecture.name} network.")

    def restore(self, face: Image.Image, weight: float = 0.5) -> Image.Image:
        """`face` is 512 x 512, RGB. `weight` counts for CodeFormer: 0 rebuilds the face, 1 keeps near to what is there.

        Raises: NotANumberError.
        """
        asked: dict[str, dict[str, Any]] = {
            "GFPGAN": {"return_rgb": False, "randomize_noise": False},
            "CodeFormer": {"weight": weight, "adain": True},
        }
        try:
            self._network.to(self._device)
            with torch.inference_mode():
                pixels = tensor_of(face).to(self._device) * 2 - 1
                made = self._network.model(pixels, **asked.get(self._network.architecture.id, {}))[0]
        finally:
            self._network.to(torch.device("cpu"))
        if not torch.isfinite(made).all():
            raise NotANumberError(f"{self.path.name} gave no numbers.")
        return image_of((made / 2 + 0.5).clamp(0, 1))


class Turn(NamedTuple):
    """A similarity of the plane, as complex numbers: z -> by * z + to."""

    by: complex
    to: complex

    @property
    def inverse(self) -> Turn:
        return Turn(1 / self.by, -self.to / self.by)

    def affine(self, left: float = 0, top: float = 0) -> tuple[float, ...]:
        """Pillow's six numbers for a picture whose corner lies at (left, top): from its pixels to those they show."""
        to = self.by * complex(left, top) + self.to
        return self.by.real, -self.by.imag, to.real, self.by.imag, self.by.real, to.imag


def turn_to_template(marks: Tensor) -> Turn:
    """What brings the marks (5, 2) of a face nearest to where they ought to be, by least squares (Umeyama, 1991)."""
    here, there = (np.asarray(points, dtype=np.float64) @ (1, 1j) for points in (marks.numpy(), MARKS))
    from_middle = here - here.mean()
    by = complex((from_middle.conj() * (there - there.mean())).sum() / (abs(from_middle) ** 2).sum())
    return Turn(by, complex(there.mean() - by * here.mean()))


def cut_out(image: Image.Image, turn: Turn) -> Image.Image:
    """The face, 512 x 512."""
    method = Image.Transform.AFFINE
    return image.transform((SIDE, SIDE), method, turn.inverse.affine(), Image.Resampling.BICUBIC, fillcolor=GRAY)


def put_back(image: Image.Image, face: Image.Image, turn: Turn, share: float) -> Image.Image:
    """The picture with the restored face in it, mixed in by `share`, 0 to 1."""
    back = turn.inverse
    corners = [back.by * corner + back.to for corner in (0, SIDE, SIDE * 1j, complex(SIDE, SIDE))]
    left, top = (max(0, int(min(side))) for side in zip(*((z.real, z.imag) for z in corners), strict=True))
    right = min(image.width, int(max(z.real for z in corners)) + 1)
    bottom = min(image.height, int(max(z.imag for z in corners)) + 1)
    if right <= left or bottom <= top:
        return image
    size, affine = (right - left, bottom - top), turn.affine(left, top)
    placed = face.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)
    mask = _soft_mask().point(lambda value: value * share)
    made = image.copy()
    made.paste(placed, (left, top), mask.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))
    return made


def _soft_mask() -> Image.Image:
    mask = Image.new("L", (SIDE, SIDE))
    box = (INSET + SOFT, INSET + SOFT, SIDE - INSET - SOFT, SIDE - INSET - SOFT)
    ImageDraw.Draw(mask).rounded_rectangle(box, ROUND, fill=255)
    return mask.filter(ImageFilter.GaussianBlur(SOFT))
