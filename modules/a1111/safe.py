"""A1111's `modules.safe`: files of weights read without running what is in them, also where A1111 would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modules.diffusion.unpickle import StoredTensor
from modules.diffusion.weights import PickledFile, SafetensorsFile, open_weights


def check_pt(filename: str, extra_handler: Any = None) -> None:
    """Raises: UnsafePickleError when the file names what weights do not need."""
    with open_weights(Path(filename)):
        pass


def load(filename: Any, *args: Any, **kwargs: Any) -> Any:
    """What torch.load would give, tensors on the CPU. Raises: CheckpointError, UnsafePickleError."""
    with open_weights(Path(filename)) as weights:
        if isinstance(weights, PickledFile):
            return _with_tensors(weights.root, weights)
        assert isinstance(weights, SafetensorsFile)
        return {name: weights.read(name) for name in weights.tensors}


def load_with_extra(filename: Any, extra_handler: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The same: the list of what a file may name is not made longer."""
    return load(filename)


def unsafe_torch_load(filename: Any, *args: Any, **kwargs: Any) -> Any:
    """The same: nothing is loaded in an unsafe way."""
    return load(filename)


class Extra:
    """A1111 lets further names be loaded while it lasts; here the list stays as it is."""

    def __init__(self, handler: Any) -> None:
        self.handler = handler

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _with_tensors(value: Any, weights: PickledFile) -> Any:
    if isinstance(value, StoredTensor):
        return weights.read_stored(value)
    if isinstance(value, dict):
        return {key: _with_tensors(each, weights) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_with_tensors(each, weights) for each in value)
    return value


global_extra_handler = None
