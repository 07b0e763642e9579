"""Writes a safetensors file tensor by tensor: sizes first, then numbers, whole or not at all."""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from modules.diffusion.errors import CheckpointError
from modules.diffusion.weights import NUMBER_FORMATS, TensorInfo

NAMES = {dtype: name for name, dtype in NUMBER_FORMATS.items()}


def write_safetensors(
    path: Path, tensors: Mapping[str, TensorInfo], make: Callable[[str], Tensor], metadata: Mapping[str, str]
) -> None:
    """A new file with these tensors; `make` is asked for one at a time, and only one is in memory.

    Raises: CheckpointError when there is such a file already, the disk is full, or a tensor is not what was announced;
    nothing is left of a file that was not finished.
    """
    _refuse_to_replace(path)
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    half = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with half.open("xb") as file:
            file.write(_header(order, tensors, metadata))
            for name in order:
                file.write(_bytes_of(make(name), name, tensors[name]))
            file.flush()
            os.fsync(file.fileno())
        _refuse_to_replace(path)
        half.rename(path)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be written: {error.strerror or error}.") from error
    finally:
        half.unlink(missing_ok=True)


def _refuse_to_replace(path: Path) -> None:
    if path.exists():
        raise CheckpointError(f"There is a {path.name} already. Choose another name.")


def _header(order: list[str], tensors: Mapping[str, TensorInfo], metadata: Mapping[str, str]) -> bytes:
    """Eight bytes of length and JSON, filled up with spaces so that the numbers begin at a multiple of eight."""
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name in order:
        dtype, shape = tensors[name]
        end = position + math.prod(shape) * dtype.itemsize
        entries[name] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _bytes_of(tensor: Tensor, name: str, announced: TensorInfo) -> memoryview:
    if (tensor.dtype, tuple(tensor.shape)) != (announced.dtype, tuple(announced.shape)):
        raise CheckpointError(f"The tensor {name} is {tuple(tensor.shape)} {tensor.dtype}, not {announced}.")
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy())  # type: ignore[arg-type]
