"""The checkpoint merger: one, two or three checkpoints become a new one, weight by weight, never whole in memory."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import regex
import torch
from torch import Tensor

from modules.diffusion.errors import CheckpointError
from modules.diffusion.folder_weights import as_original, open_folder, original_vae_names
from modules.diffusion.ldm_keys import UNET, VAE
from modules.diffusion.sizes import below, vae_sizes
from modules.diffusion.weights import TensorInfo, Weights, fail, open_weights
from modules.diffusion.weights_writer import write_safetensors

Method = Literal["No interpolation", "Weighted sum", "Add difference"]
NEEDED: Mapping[Method, int] = {"No interpolation": 1, "Weighted sum": 2, "Add difference": 3}
"""How many checkpoints each method takes."""
FIRST = f"{UNET}input_blocks.0.0.weight"
"""The only weight that an inpainting model has in another size."""
KEPT = re.compile(r"position_ids$|^(betas|alphas_cumprod|sqrt_|log_one_minus|posterior_)")
"""Tensors of the first checkpoint that are no weights to be mixed."""
OF_A_VAE = re.compile(r"(encoder|decoder|quant_conv|post_quant_conv)\.")
LATENT_CHANNELS = 4
"""Of every family that can be merged."""
HALVED = (torch.float32, torch.float64, torch.bfloat16)
PATIENCE = 1.0
"""Seconds for all names; a pattern that takes longer would take for ever."""


@dataclass(frozen=True)
class Merge:
    """What to do. `multiplier` is M in A(1 - M) + BM and A + (B - C)M."""

    method: Method = "Weighted sum"
    multiplier: float = 0.5
    save_as_half: bool = False
    discard: str = ""
    """A regular expression; weights whose names it finds are left out."""


@contextmanager
def open_merge(checkpoints: Sequence[Path], recipe: Merge, vae: Path | None = None) -> Iterator[Merging]:
    """The files opened and compared, nothing read but their headers and nothing written.

    The first checkpoint says which weights there are; a weighted sum has those besides that only the second has, as in
    A1111. `vae` takes the place of the VAE inside. Raises: CheckpointError naming the file and what is wrong with it.
    """
    if len(checkpoints) != NEEDED[recipe.method]:
        raise CheckpointError(f"{recipe.method} takes {NEEDED[recipe.method]} checkpoints, not {len(checkpoints)}.")
    if not -10 <= recipe.multiplier <= 10:
        raise CheckpointError("The multiplier must be a number from -10 to 10.")
    with ExitStack() as stack:
        files = [
            stack.enter_context(open_folder(path) if path.is_dir() else open_weights(path)) for path in checkpoints
        ]
        baked = stack.enter_context(open_weights(vae)) if vae else None
        yield Merging(files, baked, recipe)


class Merging:
    """Open files and what to make of them, weight by weight."""

    def __init__(self, files: Sequence[Weights], vae: Weights | None, recipe: Merge) -> None:
        self.files, self.recipe = files, recipe
        for other in files[1:]:
            self._check(other)
        self._vae = None if vae is None else _Vae(vae, self.files[0])
        self.tensors: Mapping[str, TensorInfo] = self._announced()

    @property
    def is_inpainting(self) -> bool:
        """Whether the result is an inpainting model because the first one is, and others are not."""
        channels = [file.tensors[FIRST].shape[1] for file in self.files if FIRST in file.tensors]
        return max(channels, default=0) > min(channels, default=0)

    @property
    def size(self) -> int:
        """Bytes of the result, without its header."""
        return sum(math.prod(info.shape) * info.dtype.itemsize for info in self.tensors.values())

    def write(
        self, into: Path, metadata: Mapping[str, str], report: Callable[[int, int], None] = lambda done, count: None
    ) -> None:
        """Writes the merged checkpoint as safetensors to `into`, a file that is not there yet.

        Takes the memory of one weight of each file. `report` hears how many weights are done; what it raises ends the
        work and leaves nothing behind. Raises: CheckpointError naming the file and the weight.
        """
        done = 0

        def make(name: str) -> Tensor:
            nonlocal done
            done += 1
            report(done, len(self.tensors))
            return self._mixed(name).to(self.tensors[name].dtype)

        write_safetensors(into, self.tensors, make, metadata)

    def _announced(self) -> dict[str, TensorInfo]:
        first = self.files[0].tensors
        infos = dict(first)
        if self.recipe.method == "Weighted sum":
            infos = {**{name: info for name, info in self.files[1].tensors.items() if "model" in name}, **infos}
        if self._vae is not None:
            infos = {**self._vae.tensors, **infos}
        unwanted = _found_by(self.recipe.discard, infos) if self.recipe.discard else frozenset()
        lost = [name for name in unwanted if name.startswith(UNET) or "token_embedding" in name]
        if lost:
            raise CheckpointError(
                f"Without {min(lost)} no picture can be made: the names to be discarded must not be found in the UNet "
                "and the words of the text encoder."
            )
        kept = {name: info for name, info in infos.items() if name not in unwanted}
        return {name: TensorInfo(self._dtype(info.dtype), tuple(info.shape)) for name, info in kept.items()}

    def _mixed(self, name: str) -> Tensor:
        """One weight of the result."""
        if self._vae is not None and name in self._vae.tensors:
            return self._finite(name, self._vae.read(name, self.tensors[name].shape))
        if name not in self.files[0].tensors:
            return self._finite(name, self.files[1].read(name))
        tensor = self.files[0].read(name)
        if not tensor.is_floating_point() or KEPT.search(name):
            return tensor
        whole = all(name in each.tensors for each in self.files)
        return self._finite(name, self._interpolated(name, tensor) if whole else tensor)

    def _finite(self, name: str, tensor: Tensor) -> Tensor:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.to(self.tensors[name].dtype)).all()):
            raise CheckpointError(f"The merged weight {name} is not a number (NaN or infinity).")
        return tensor

    def _interpolated(self, name: str, tensor: Tensor) -> Tensor:
        """In float32. Of an inpainting model only the channels that the others have too are mixed."""
        if self.recipe.method == "No interpolation":
            return tensor
        a, m = tensor.float(), self.recipe.multiplier
        others = [each.read(name).float() for each in self.files[1:]]
        shared = min(each.shape[1] for each in (a, *others)) if name == FIRST else None
        part = a if shared is None else a[:, :shared]
        others = [each if shared is None else each[:, :shared] for each in others]
        if self.recipe.method == "Weighted sum":
            mixed = part * (1 - m) + others[0] * m
        else:
            mixed = part + (others[0] - others[1]) * m
        return mixed if shared is None else torch.cat([mixed, a[:, shared:]], dim=1)

    def _dtype(self, dtype: torch.dtype) -> torch.dtype:
        return torch.float16 if self.recipe.save_as_half and dtype in HALVED else dtype

    def _check(self, other: Weights) -> None:
        """Raises: CheckpointError when they are of different families, or an inpainting model does not come first."""
        first = self.files[0]
        common = first.tensors.keys() & other.tensors.keys()
        if FIRST not in common:
            raise CheckpointError(
                f"{first.path.name} and {other.path.name} are not of one kind: nothing fits together."
            )
        for name in sorted(common):
            a, b = first.tensors[name].shape, other.tensors[name].shape
            if name == FIRST and len(a) == len(b) and a[0] == b[0] and a[2:] == b[2:]:
                if a[1] < b[1]:
                    raise CheckpointError(f"{other.path.name} is an inpainting model: it has to be the first of them.")
            elif a != b and not KEPT.search(name):
                raise CheckpointError(
                    f"{first.path.name} and {other.path.name} are of different families: {name} is {tuple(a)} in one "
                    f"and {tuple(b)} in the other."
                )


class _Place(NamedTuple):
    name: str
    """In the VAE's file."""
    info: TensorInfo


class _Vae:
    """A VAE's file by the names that its weights have in a checkpoint, whatever it calls them itself."""

    def __init__(self, file: Weights, checkpoint: Weights) -> None:
        """Raises: CheckpointError when it is no VAE, or does not fit."""
        self._file = file
        prefix = VAE if any(name.startswith(VAE) for name in file.tensors) else ""
        names = [prefix + name for name in below(dict.fromkeys(file.tensors, ()), prefix) if OF_A_VAE.match(name)]
        originals = {name: name for name in names} if prefix else original_vae_names(names)
        self._places = {ours: _Place(name, as_original(ours, file.tensors[name])) for ours, name in originals.items()}
        self.tensors = {name: place.info for name, place in self._places.items()}
        self._check(checkpoint)

    def read(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return self._file.read(self._places[name].name).reshape(shape)

    def _check(self, checkpoint: Weights) -> None:
        shapes = {name: tuple(info.shape) for name, info in self.tensors.items()}
        try:
            sizes = vae_sizes(below(shapes, VAE))
        except (KeyError, IndexError):
            fail(self._file.path, "its keys are not those of a VAE.")
        if sizes["latent_channels"] != LATENT_CHANNELS:
            fail(self._file.path, f"it has {sizes['latent_channels']} latent channels, the model {LATENT_CHANNELS}.")
        own = below({name: tuple(info.shape) for name, info in checkpoint.tensors.items()}, VAE)
        wrong = sorted(
            VAE + name for name, shape in own.items() if OF_A_VAE.match(name) and shapes.get(VAE + name) != shape
        )
        if wrong:
            here, there = shapes.get(wrong[0], "missing"), tuple(checkpoint.tensors[wrong[0]].shape)
            fail(
                self._file.path,
                f"this VAE does not fit {checkpoint.path.name}: {wrong[0]} is {here} in one and {there} in the other.",
            )


def _found_by(pattern: str, names: Collection[str]) -> frozenset[str]:
    """The names that a regular expression finds. Raises: CheckpointError when it is none, or never ends."""
    try:
        unwanted = regex.compile(pattern)
        end = time.monotonic() + PATIENCE
        return frozenset(name for name in names if unwanted.search(name, timeout=max(0, end - time.monotonic())))
    except regex.error as error:
        raise CheckpointError(f"What to discard is no regular expression: {error}.") from None
    except TimeoutError:
        raise CheckpointError("What to discard takes too long to look for: use a simpler regular expression.") from None
