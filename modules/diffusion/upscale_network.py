"""A network that makes pictures larger, from any file of weights that spandrel knows the architecture of."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from modules.diffusion.errors import CheckpointError, NotANumberError
from modules.diffusion.hardware import Hardware, release_memory
from modules.diffusion.tiles import A1111, Tiles, in_tiles
from modules.diffusion.weights import open_weights

log = logging.getLogger(__name__)

LARGEST_FILE = 2 << 30
"""Bytes; upscalers have some hundred megabytes at most, so a larger file is something else."""
SMALLEST_TILE = 64
"""Pixels; below it tiles would be all edges."""
SMALLEST_SIDE = 16
"""Pixels; networks mirror the edges of what they are given, so it must have some."""

CONVOLUTIONS = ("ESRGAN", "Compact")
"""Architectures of nothing but convolutions, which run 1.4 to 1.9 times as fast with the channels last (on a CPU; the
results are equal). Others may view their tensors in ways that this order does not allow."""


class UpscaleNetwork:
    """One network, on the CPU while nobody uses it."""

    def __init__(self, path: Path, hardware: Hardware) -> None:
        """Raises: CheckpointError naming the file when it is broken, or no network that enlarges pictures."""
        self.path = path
        self._device = hardware.device
        self._network = read_network(path)
        if self._network.purpose not in ("SR", "Restoration") or self._network.input_channels not in (1, 3):
            raise CheckpointError(
                f"{path.name} is no upscaler: a {self._network.architecture.name} network ({self._network.purpose})."
            )
        plain = self._network.architecture.id in CONVOLUTIONS
        self._layout = torch.channels_last if plain else torch.contiguous_format
        self._network.model.to(memory_format=self._layout)
        self._dtype = hardware.dtype if self._runs_in(hardware.dtype) else torch.float32

    @property
    def scale(self) -> int:
        """How many times as wide and high its pictures are; 1 for networks that clean a picture."""
        return int(self._network.scale)

    def enlarge(
        self, image: Image.Image, tiles: Tiles = A1111, before_each: Callable[[], None] = lambda: None
    ) -> Image.Image:
        """The RGB picture, `scale` times as wide and high; `before_each` is called before each tile and may raise.

        Where the memory of the device does not suffice, once more in tiles half as large.
        Raises: NotANumberError when the network gives none, also in float32; torch.OutOfMemoryError.
        """
        try:
            return self._enlarged(image, tiles, before_each)
        except NotANumberError:
            if self._dtype == torch.float32:
                raise
            self._dtype = torch.float32
        except torch.OutOfMemoryError:
            side = min(tiles.size or max(image.size), max(image.size))
            if side <= SMALLEST_TILE:
                raise
            log.warning("%s needs more memory than there is in tiles of %d pixels", self.path.name, side)
            tiles = Tiles(side // 2, tiles.overlap)
        release_memory(self._device)  # only now: while an error is handled, it holds what the network computed
        return self.enlarge(image, tiles, before_each)

    def _enlarged(self, image: Image.Image, tiles: Tiles, before_each: Callable[[], None]) -> Image.Image:
        try:
            self._network.to(self._device, self._dtype)
            return in_tiles(image, tiles, self.scale, self._tile, before_each)
        finally:
            self._network.to(torch.device("cpu"))

    def _runs_in(self, dtype: torch.dtype) -> bool:
        """bfloat16 has too few digits for the 256 values of a pixel, so only float16 is worth it."""
        return dtype == torch.float16 and bool(self._network.supports_half)

    def _tile(self, image: Image.Image) -> Image.Image:
        size = image.width * self.scale, image.height * self.scale
        pixels = tensor_of(_with_edges(image).convert("L" if self._network.input_channels == 1 else "RGB"))
        with torch.inference_mode():
            pixels = pixels.to(self._device, self._dtype).contiguous(memory_format=self._layout)
            made = self._network(pixels)
        if not torch.isfinite(made).all():
            raise NotANumberError(f"{self.path.name} gave no numbers.")
        return image_of(made).crop((0, 0, *size)).convert(image.mode)


def read_network(path: Path) -> Any:
    """spandrel's descriptor of the network in a file: .safetensors, or a pickle that holds nothing but weights.

    Raises: CheckpointError naming the file.
    """
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise CheckpointError(f"{path.name} is too large for an upscaler.")
    with open_weights(path) as weights:
        state = {name: weights.read(name) for name in weights.tensors}
    spandrel, canonicalize = import_module("spandrel"), import_module("spandrel.__helpers.canonicalize")
    try:
        loader = spandrel.ModelLoader(registry=_architectures(spandrel))
        return loader.load_from_state_dict(canonicalize.canonicalize_state_dict(state)).eval()
    except spandrel.UnsupportedModelError:
        raise CheckpointError(
            f"{path.name} is no upscaler or face restorer whose architecture is known here. Some, CodeFormer among "
            f"them, have licences that forbid commercial use, and need: pip install spandrel_extra_arches"
        ) from None
    except Exception as error:  # spandrel reads sizes off keys and shapes, and a stranger's file may hold anything
        raise CheckpointError(f"{path.name} is damaged, or no upscaler ({type(error).__name__}).") from error


def _architectures(spandrel: Any) -> Any:
    """Those that spandrel knows, and those of the package beside it where somebody has installed that."""
    known = spandrel.MAIN_REGISTRY.copy()
    if find_spec("spandrel_extra_arches") is not None:
        known.add(*import_module("spandrel_extra_arches").EXTRA_REGISTRY)
    return known


def tensor_of(image: Image.Image) -> Tensor:
    """(1, C, H, W) in [0, 1]."""
    values = torch.from_numpy(np.array(image)).float() / 255
    return (values if values.ndim == 3 else values[..., None]).movedim(-1, 0)[None]


def image_of(pixels: Tensor) -> Image.Image:
    """(1, C, H, W) in [0, 1] -> RGB, or L when there is one channel."""
    values = (pixels[0].float() * 255).round().clamp(0, 255).to("cpu", torch.uint8).movedim(0, -1).numpy()
    return Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values[..., :3].copy())


def _with_edges(image: Image.Image) -> Image.Image:
    """A picture too narrow for a network, repeated to the right and below."""
    width, height = max(image.width, SMALLEST_SIDE), max(image.height, SMALLEST_SIDE)
    if (width, height) == image.size:
        return image
    repeats = math.ceil(height / image.height), math.ceil(width / image.width), 1
    return Image.fromarray(np.tile(np.array(image), repeats)[:height, :width])
