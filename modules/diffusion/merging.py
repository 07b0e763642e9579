"""The checkpoint merger: two or three checkpoints become one, tensor by tensor, never whole in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from modules.diffusion.errors import CheckpointError
from modules.diffusion.ldm_keys import UNET, VAE
from modules.diffusion.weights import TensorInfo, Weights, open_weights
from modules.diffusion.weights_writer import write_safetensors

Method = Literal["No interpolation", "Weighted sum", "Add difference"]
NEEDED: Mapping[Method, int] = {"No interpolation": 1, "Weighted sum": 2, "Add difference": 3}
"""How many checkpoints each method takes."""
FIRST = f"{UNET}input_blocks.0.0.weight"
"""The only weight that an inpainting model has in another size."""
KEPT = re.compile(r"position_ids$|^(betas|alphas_cumprod|sqrt_|log_one_minus|posterior_)")
"""Tensors of the first checkpoint that are no weights to be mixed."""


@dataclass(frozen=True)
class Merge:
    """What to do. `multiplier` is M in A(1 - M) + BM and A + (B - C)M."""

    method: Method = "Weighted sum"
    multiplier: float = 0.5
    save_as_half: bool = False
    discard: str = ""
    """A regular expression; weights whose names it finds are left out."""


def merge(
    checkpoints: Sequence[Path],
    into: Path,
    recipe: Merge,
    vae: Path | None = None,
    report: Callable[[int, int], None] = lambda done, count: None,
) -> None:
    """Writes the merged checkpoint as safetensors to `into`, a file that is not there yet.

    The first checkpoint says which weights there are. Takes the memory of one weight of each file. `vae` replaces the
    VAE inside. `report` hears how many weights are done. Raises: CheckpointError naming the file and the weight.
    """
    if len(checkpoints) != NEEDED[recipe.method]:
        raise CheckpointError(f"{recipe.method} takes {NEEDED[recipe.method]} checkpoints, not {len(checkpoints)}.")
    if not -10 <= recipe.multiplier <= 10:
        raise CheckpointError("The multiplier must be a number from -10 to 10.")
    with ExitStack() as stack:
        files = [stack.enter_context(open_weights(_single_file(path))) for path in checkpoints]
        baked = stack.enter_context(open_weights(vae)) if vae else None
        mix = _Mix(files, baked, recipe)
        tensors = mix.announced()
        done = 0

        def make(name: str) -> Tensor:
            nonlocal done
            done += 1
            report(done, len(tensors))
            return mix.mixed(name).to(tensors[name].dtype)

        metadata = {"format": "pt", "sd_merge_recipe": _written(recipe, checkpoints, vae)}
        write_safetensors(into, tensors, make, metadata)


class _Mix:
    """Open files and what to make of them, weight by weight."""

    def __init__(self, files: Sequence[Weights], vae: Weights | None, recipe: Merge) -> None:
        self.files, self.vae, self.recipe = files, vae, recipe
        self._vae_names = {} if vae is None else _vae_names(vae)
        for other in files[1:]:
            self._check(other)

    def announced(self) -> dict[str, TensorInfo]:
        """The weights that there will be. Raises: CheckpointError for a pattern that is none."""
        try:
            unwanted = re.compile(self.recipe.discard) if self.recipe.discard else None
        except re.error as error:
            raise CheckpointError(f"What to discard is no regular expression: {error}.") from None
        first = self.files[0].tensors
        names = [name for name in first if unwanted is None or not unwanted.search(name)]
        return {name: TensorInfo(self._dtype(first[name].dtype), tuple(first[name].shape)) for name in names}

    def mixed(self, name: str) -> Tensor:
        """One weight of the result."""
        if name in self._vae_names and self.vae is not None:
            return self.vae.read(self._vae_names[name])
        tensor = self.files[0].read(name)
        if not tensor.is_floating_point() or KEPT.search(name) or any(name not in each.tensors for each in self.files):
            return tensor
        result = self._interpolated(name, tensor)
        if not bool(torch.isfinite(result.to(self._dtype(tensor.dtype))).all()):
            raise CheckpointError(f"The merged weight {name} is not a number (NaN or infinity).")
        return result

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
        return torch.float16 if self.recipe.save_as_half and dtype == torch.float32 else dtype

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
            elif a != b:
                raise CheckpointError(
                    f"{first.path.name} and {other.path.name} are of different families: {name} is {tuple(a)} in one "
                    f"and {tuple(b)} in the other."
                )


def _vae_names(vae: Weights) -> dict[str, str]:
    """{name in a checkpoint: name in the VAE's file}; some files have the checkpoint's prefix, some have none."""
    return {name if name.startswith(VAE) else VAE + name: name for name in vae.tensors}


def _single_file(path: Path) -> Path:
    if path.is_dir():
        raise CheckpointError(f"{path.name} is a folder in diffusers' layout. Only single files can be merged.")
    return path


def _written(recipe: Merge, checkpoints: Sequence[Path], vae: Path | None) -> str:
    """For the metadata, so that people can tell later what it was made of."""
    models = [path.name for path in checkpoints]
    return json.dumps(
        {"type": "aquatint", **asdict(recipe), "models": models, "bake_in_vae": vae.name if vae else None}
    )
