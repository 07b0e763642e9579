"""Networks in ncnn's two files: layers as text (.param) and their numbers (.bin), under the names that PyTorch has.

Formats: ncnn's wiki, "param and model file structure"; https://github.com/Tencent/ncnn. Two architectures are known:
Real-ESRGAN's compact one (SRVGG) and RRDB (Wang et al., "ESRGAN", 2018).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from modules.diffusion.errors import CheckpointError

MAGIC = "7767517"
HALF = 0x01306B47
"""The mark before weights in float16; before those in float32 it is 0."""
BEFORE_BLOCKS, AFTER_BLOCKS, A_BLOCK = 1, 5, 15
"""RRDB's convolutions: the first, those behind the blocks, and those of a block, five in each of its three parts."""
LAST = ("conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last")


class Layer(NamedTuple):
    """A line of a .param file that has numbers in the .bin file."""

    kind: str
    settings: dict[str, str]

    def number(self, key: str) -> int:
        return int(self.settings.get(key, "0"))


def read_ncnn(param: str, numbers: bytes) -> dict[str, Tensor]:
    """The weights by the names that spandrel (and the networks' authors) know them by.

    Raises: CheckpointError when the files do not fit together, or it is another architecture.
    """
    try:
        layers = list(_layers(param))
        stored = _Numbers(numbers)
        tensors = [stored.read(layer) for layer in layers]
        stored.require_end()
    except (ValueError, IndexError, struct.error) as error:
        raise CheckpointError(f"These are no files of ncnn that fit together: {error}.") from None
    if any(layer.kind == "PReLU" for layer in layers):
        names = [f"body.{index}" for index in range(len(layers))]
    else:
        names = list(_rrdb_names(len(layers)))
    return {
        f"{name}.{part}": tensor
        for name, parts in zip(names, tensors, strict=True)
        for part, tensor in zip(("weight", "bias"), parts, strict=False)
    }


def _layers(param: str) -> Iterator[Layer]:
    magic, _, *lines = param.splitlines()
    if magic.strip() != MAGIC:
        raise ValueError("the first line of the .param file is another")
    for line in lines:
        kind, _name, inputs, outputs, *rest = line.split()
        settings = dict(word.split("=", 1) for word in rest[int(inputs) + int(outputs) :])
        if kind in ("Convolution", "PReLU"):
            yield Layer(kind, settings)


class _Numbers:
    """The .bin file, read from its start: tensors one behind the other, without names."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, layer: Layer) -> list[Tensor]:
        """The weight of a layer and, where it has one, its bias."""
        if layer.kind == "PReLU":
            return [self._take(layer.number("0"), torch.float32)]
        outputs, side, size = layer.number("0"), layer.number("1"), layer.number("6")
        (mark,) = struct.unpack("<I", self._bytes(4))
        if mark not in (0, HALF) or min(outputs, side, size) < 1:
            raise ValueError("a convolution is stored in a way that is not known")
        weight = self._take(size, torch.float16 if mark == HALF else torch.float32)
        weight = weight.reshape(outputs, -1, side, side)
        return [weight, self._take(outputs, torch.float32)] if layer.number("5") else [weight]

    def require_end(self) -> None:
        """Raises: ValueError when something is left."""
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at:,} bytes are left over")

    def _take(self, count: int, dtype: torch.dtype) -> Tensor:
        """Float16 is filled up to a multiple of four bytes."""
        length = count * dtype.itemsize
        raw = self._bytes(math.ceil(length / 4) * 4)[:length]
        return torch.frombuffer(bytearray(raw), dtype=dtype).clone()

    def _bytes(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise ValueError("the .bin file is cut short")
        self._at += count
        return found


def _rrdb_names(count: int) -> Iterator[str]:
    blocks, rest = divmod(count - BEFORE_BLOCKS - AFTER_BLOCKS, A_BLOCK)
    if blocks < 1 or rest:
        raise CheckpointError(f"A network of {count} convolutions is not known here.")
    yield "conv_first"
    for block in range(blocks):
        for place in range(A_BLOCK):
            yield f"body.{block}.rdb{place // 5 + 1}.conv{place % 5 + 1}"
    yield from LAST
