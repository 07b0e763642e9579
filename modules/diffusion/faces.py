"""Faces in a picture: where they are, and where their eyes, nose and mouth corners are.

MTCNN, three small networks one after another: Zhang, Zhang, Li and Qiao, "Joint Face Detection and Alignment Using
Multitask Cascaded Convolutional Networks" (2016). Numbers as in facenet-pytorch, whose weights it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from modules.diffusion.errors import CheckpointError
from modules.diffusion.weights import open_weights

SMALLEST_FACE = 20
"""Pixels."""
LONGEST_SIDE = 1024
"""Pixels; larger pictures are looked at in this size."""
SHRINK = 0.709
"""From one size of the picture to the next, in which faces are looked for."""
CELL, STRIDE = 12, 2
"""Pixels that the first network sees at once, and how far it goes on."""
SURE = (0.6, 0.7, 0.7)
"""How sure each of the three networks must be of a face."""


class Face(NamedTuple):
    """A face, in pixels of the picture."""

    box: Tensor
    """(4,): left, top, right, bottom."""
    score: float
    marks: Tensor
    """(5, 2): left eye, right eye, nose, left and right corner of the mouth, as one sees them."""


class FaceFinder:
    """The three networks, on the CPU: they are small."""

    def __init__(self, path: Path) -> None:
        """Raises: CheckpointError when the file holds other weights."""
        self._nets = nn.ModuleDict({"pnet": _Proposer(), "rnet": _Refiner(), "onet": _Finisher()}).eval()
        with open_weights(path) as weights:
            state = {name: weights.read(name).float() for name in weights.tensors}
        try:
            self._nets.load_state_dict(state)
        except RuntimeError:
            raise CheckpointError(f"{path.name} holds no MTCNN.") from None

    def find(self, image: Image.Image) -> list[Face]:
        """The faces of an RGB picture, the largest first."""
        shrunk = max(1.0, max(image.size) / LONGEST_SIDE)
        size = max(1, round(image.width / shrunk)), max(1, round(image.height / shrunk))
        small = image.resize(size, Image.Resampling.BOX) if shrunk > 1 else image
        pixels = torch.from_numpy(np.array(small.convert("RGB"))).movedim(-1, 0)[None].float()
        with torch.inference_mode():
            found = self._find(pixels)
        found = [Face(face.box * shrunk, face.score, face.marks * shrunk) for face in found]
        return sorted(found, key=lambda face: -float(face.box[2] - face.box[0]))

    def _find(self, pixels: Tensor) -> list[Face]:
        """`pixels` is (1, 3, H, W) in [0, 255]."""
        boxes, scores = self._proposed(pixels)
        boxes, scores, shifts, _ = self._judged("rnet", 24, pixels, boxes, SURE[1])
        kept = distinct(boxes, scores, 0.7)
        boxes = _square(_shifted(boxes[kept], shifts[kept], 1))
        boxes, scores, shifts, marks = self._judged("onet", 48, pixels, boxes, SURE[2])
        side = (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]
        marks = boxes[:, None, :2] - 1 + marks.reshape(-1, 2, 5).transpose(1, 2) * side
        boxes = _shifted(boxes, shifts, 1)
        kept = distinct(boxes, scores, 0.7, of_the_smaller=True)
        return [Face(boxes[index], float(scores[index]), marks[index]) for index in kept.tolist()]

    def _proposed(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Squares in which there may be a face, from all sizes of the picture: (N, 4), and (N,) how sure."""
        boxes, scores, shifts = [pixels.new_zeros(0, 4)], [pixels.new_zeros(0)], [pixels.new_zeros(0, 4)]
        for scale in _scales(pixels.shape[2], pixels.shape[3]):
            size = int(pixels.shape[2] * scale + 1), int(pixels.shape[3] * scale + 1)
            shift, sure = self._nets["pnet"](_centered(interpolate(pixels, size, mode="area")))
            places = (sure[0, 1] >= SURE[0]).nonzero()
            corners = places.flip(1).float() * STRIDE + 1
            box = torch.cat([(corners / scale).floor(), ((corners - 1 + CELL) / scale).floor()], 1)
            score = sure[0, 1][places[:, 0], places[:, 1]]
            kept = distinct(box, score, 0.5)
            boxes.append(box[kept])
            scores.append(score[kept])
            shifts.append(shift[0][:, places[:, 0], places[:, 1]].T[kept])
        box, score, shift = torch.cat(boxes), torch.cat(scores), torch.cat(shifts)
        kept = distinct(box, score, 0.7)
        return _square(_shifted(box[kept], shift[kept], 0)), score[kept]

    def _judged(
        self, net: str, side: int, pixels: Tensor, boxes: Tensor, sure: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a network thinks of boxes: those it is sure of, how sure, their shifts and marks."""
        pieces = [_piece(pixels, box, side) for box in boxes.int().tolist()]
        if not pieces:
            return boxes, pixels.new_zeros(0), pixels.new_zeros(0, 4), pixels.new_zeros(0, 10)
        shifts, marks, scores = self._nets[net](_centered(torch.cat(pieces)))
        kept = scores[:, 1] > sure
        return boxes[kept], scores[kept, 1], shifts[kept], marks[kept]


def distinct(boxes: Tensor, scores: Tensor, most: float, *, of_the_smaller: bool = False) -> Tensor:
    """Indices of boxes (N, 4), the surest first, without those that overlap a surer one by more than `most` of their
    union, or of the smaller of the two."""
    areas = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    order = scores.argsort(descending=True)
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        low = torch.maximum(boxes[best, :2], boxes[order, :2])
        high = torch.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = (high - low + 1).clamp(min=0).prod(1)
        whole = torch.minimum(areas[best], areas[order]) if of_the_smaller else areas[best] + areas[order] - shared
        order = order[shared / whole <= most]
    return torch.tensor(kept, dtype=torch.long)


def _scales(height: int, width: int) -> Iterator[float]:
    scale = CELL / SMALLEST_FACE
    while min(height, width) * scale >= CELL:
        yield scale
        scale *= SHRINK


def _centered(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) / 128


def _shifted(boxes: Tensor, shifts: Tensor, one: int) -> Tensor:
    """Boxes with their edges moved by shares of their size; `one` is what counts the last pixel of a side."""
    side = boxes[:, 2:] - boxes[:, :2] + one
    return boxes + shifts * torch.cat([side, side], 1)


def _square(boxes: Tensor) -> Tensor:
    side = (boxes[:, 2:] - boxes[:, :2]).amax(1, keepdim=True)
    corner = (boxes[:, :2] + boxes[:, 2:]) / 2 - side / 2
    return torch.cat([corner, corner + side], 1)


def _piece(pixels: Tensor, box: list[int], side: int) -> Tensor:
    """(1, 3, side, side): what of the box lies in the picture, counted from 1 as the paper's code does; else black."""
    left, top = max(box[0], 1) - 1, max(box[1], 1) - 1
    piece = pixels[:, :, top : max(0, box[3]), left : max(0, box[2])]
    return interpolate(piece, (side, side), mode="area") if piece.numel() else pixels.new_zeros(1, 3, side, side)


class _Proposer(nn.Module):
    """P-Net, over a whole picture."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1, self.pool1 = nn.Conv2d(3, 10, 3), nn.PReLU(10), nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_2(x), self.conv4_1(x).softmax(1)


class _Refiner(nn.Module):
    """R-Net, over pieces of 24 x 24."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1, self.pool1 = nn.Conv2d(3, 28, 3), nn.PReLU(28), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2, self.pool2 = nn.Conv2d(28, 48, 3), nn.PReLU(48), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu3(self.conv3(x)).permute(0, 3, 2, 1).flatten(1)
        x = self.prelu4(self.dense4(x))
        return self.dense5_2(x), x.new_zeros(len(x), 10), self.dense5_1(x).softmax(1)


class _Finisher(nn.Module):
    """O-Net, over pieces of 48 x 48."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1, self.pool1 = nn.Conv2d(3, 32, 3), nn.PReLU(32), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2, self.pool2 = nn.Conv2d(32, 64, 3), nn.PReLU(64), nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3, self.pool3 = nn.Conv2d(64, 64, 3), nn.PReLU(64), nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.pool3(self.prelu3(self.conv3(x)))
        x = self.prelu4(self.conv4(x)).permute(0, 3, 2, 1).flatten(1)
        x = self.prelu5(self.dense5(x))
        return self.dense6_2(x), self.dense6_3(x), self.dense6_1(x).softmax(1)
