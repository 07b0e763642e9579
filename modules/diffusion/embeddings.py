"""Textual inversions: words that somebody trained, as vectors for a model's text encoders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from modules.diffusion.finding import files_below
from modules.diffusion.unpickle import StoredTensor
from modules.diffusion.weights import PickledFile, Weights, fail, open_weights

SUFFIXES = (".safetensors", ".pt", ".bin")
SDXL_NAMES = ("clip_l", "clip_g")
NOTES = ("step", "sd_checkpoint", "sd_checkpoint_name")
FAMILIES = {(768,): "SD 1.x", (1024,): "SD 2.x", (768, 1280): "SDXL", (1280,): "the SDXL refiner"}
"""The widths of the encoders' tokens, and whose they are."""


class Embedding(NamedTuple):
    """A word: `vectors` has one (tokens, width) for each text encoder that it was trained for."""

    name: str
    path: Path
    vectors: tuple[Tensor, ...]
    notes: Mapping[str, str | int] = MappingProxyType({})
    """What A1111's training wrote of itself, of NOTES."""

    @property
    def tokens(self) -> int:
        """How many tokens it takes up in a prompt."""
        return self.vectors[0].shape[0]

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(each.shape[1] for each in self.vectors)

    @property
    def made_for(self) -> str:
        """The family; empty when the widths are nobody's."""
        return FAMILIES.get(self.widths, "")


def read_embedding(path: Path) -> Embedding:
    """Reads what A1111, diffusers, kohya and others write. Raises: CheckpointError naming the file."""
    with open_weights(path) as weights:
        vectors = tuple(_vectors(weights))
        notes = dict(_notes(weights))
    if not vectors or any(each.shape[0] == 0 or each.shape[0] != vectors[0].shape[0] for each in vectors):
        fail(path, "it holds no embedding.")
    if not all(bool(torch.isfinite(each).all()) for each in vectors):
        fail(path, "it holds NaN or infinity.")
    return Embedding(path.stem, path, vectors, notes)


def find_embeddings(folders: Iterable[Path]) -> dict[str, Path]:
    """{name: file} of all embeddings below some folders, by name; the first of a name counts. Nothing is opened."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(files_below([folder], SUFFIXES), key=lambda path: (path.stem.casefold(), str(path))):
            if ".preview" not in path.name:
                found.setdefault(path.stem, path)
    return found


def _vectors(weights: Weights) -> Iterator[Tensor]:
    """(tokens, width) for each text encoder, in float32."""
    if isinstance(weights, PickledFile) and isinstance(weights.root, dict):
        nested = weights.root.get("string_to_param")
        if isinstance(nested, Mapping):
            yield from (_matrix(weights.read_stored(each), weights.path) for each in _stored(nested))
            return
    names = list(weights.tensors)
    if set(SDXL_NAMES) <= set(names):
        names = list(SDXL_NAMES)
    elif "emb_params" in names:
        names = ["emb_params"]
    if len(names) > 2:
        fail(weights.path, "it is no embedding: it holds too many tensors.")
    yield from (_matrix(weights.read(name), weights.path) for name in names)


def _notes(weights: Weights) -> Iterator[tuple[str, str | int]]:
    root = weights.root if isinstance(weights, PickledFile) else None
    written = root if isinstance(root, dict) else {}
    yield from ((name, value) for name in NOTES if isinstance(value := written.get(name), (str, int)))


def _stored(nested: Mapping[Any, Any]) -> list[StoredTensor]:
    """The one vector of A1111's .pt files, which they keep under the placeholder "*"."""
    return [each for each in nested.values() if isinstance(each, StoredTensor)][:1]


def _matrix(tensor: Tensor, path: Path) -> Tensor:
    if tensor.ndim not in (1, 2) or not tensor.is_floating_point():
        fail(path, "it is no embedding: that is a vector, or a few of them.")
    return tensor.reshape(-1, tensor.shape[-1]).float()
