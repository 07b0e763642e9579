"""LoRA and its kin: read from a file, worn by a model's networks for a while, taken off exactly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import torch
from torch import Tensor, nn

from modules.diffusion.errors import CheckpointError
from modules.diffusion.ldm_keys import UNET, unet_sources
from modules.diffusion.lora_deltas import Change, change_of
from modules.diffusion.placement import Place
from modules.diffusion.weights import open_weights

if TYPE_CHECKING:
    from modules.diffusion.model import Model

WIDTHS = {768: "SD 1.x", 1024: "SD 2.x", 2048: "SDXL"}
"""Of the text that a UNet's cross-attention reads."""


class Lora(NamedTuple):
    """A file: what it holds for each weight, by the name it gives to the weight's module."""

    path: Path
    parts: Mapping[str, Mapping[str, Tensor]]

    @property
    def made_for(self) -> str:
        """The family, by the width of the text that its cross-attention reads; empty when that does not tell."""
        shapes = ((name, part, tensor.shape) for name, parts in self.parts.items() for part, tensor in parts.items())
        return WIDTHS.get(_text_width(shapes), "")


class Worn(NamedTuple):
    """A LoRA and how much of it, for the text encoders and for the UNet; `rank` cuts a LoRA's ranks."""

    lora: Lora
    text: float = 1.0
    unet: float = 1.0
    rank: int | None = None


def text_width(path: Path) -> int:
    """How wide the text is that the UNet reads for which a file was made, from its header; 0 when that is not told.

    Raises CheckpointError naming the file when it is damaged.
    """
    with open_weights(path) as weights:
        return _text_width((*_split(key), info.shape) for key, info in weights.tensors.items())


def _text_width(shapes: Iterable[tuple[str, str, Sequence[int]]]) -> int:
    """Of the parts of modules: how wide what the keys of cross-attention are made from is."""
    for module, part, shape in shapes:
        if part in ("lora_down.weight", "hada_w1_b") and re.search(r"attn2[._]to_k$", module):
            return shape[1]
    return 0


def read_lora(path: Path) -> Lora:
    """Raises CheckpointError naming the file when it is damaged or holds something else."""
    parts: dict[str, dict[str, Tensor]] = {}
    with open_weights(path) as weights:
        for key in weights.tensors:
            module, part = _split(key)
            if part:
                tensor = weights.read(key)
                if not bool(torch.isfinite(tensor).all()):
                    raise CheckpointError(f"{path.name} cannot be used: its {key} holds NaN or infinity.")
                parts.setdefault(module, {})[part] = tensor
    if not parts:
        raise CheckpointError(f"{path.name} cannot be used: it holds no LoRA.")
    return Lora(path, parts)


@contextmanager
def wearing(model: Model, loras: Sequence[Worn]) -> Iterator[None]:
    """The model's networks with all of these on, in this order, while the block lasts; then the very tensors of before.

    Raises CheckpointError, before anything is changed, naming the file that was made for another kind of model.
    """
    changes: dict[Place, list[tuple[Change, float]]] = {}
    for worn in loras:
        for found in _changes(model, worn):
            changes.setdefault(found.place, []).append((found.change, found.strength))
    with model.placement.replaced({place: partial(_changed, steps) for place, steps in changes.items()}):
        yield


def _changed(steps: Iterable[tuple[Change, float]], weight: Tensor) -> Tensor:
    """Added up in float32, kept in the weight's own number format and layout."""
    result = weight.float()
    for change, strength in steps:
        result = change.applied(result, strength)
    return torch.empty_like(weight).copy_(result)


class _Found(NamedTuple):
    """One change of one weight."""

    place: Place
    change: Change
    strength: float


def _changes(model: Model, worn: Worn) -> Iterator[_Found]:
    """All changes of a LoRA. Raises CheckpointError when a weight is not there, or has another size."""
    places = _places(model)
    for name, parts in worn.lora.parts.items():
        if name not in places:
            _refuse(worn.lora, model, f"the model has no {name}")
        module, is_text = places[name]
        strength = worn.text if is_text else worn.unet
        weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
        for part in BIASES & parts.keys():
            if bias is None or parts[part].shape != bias.shape:
                _refuse(worn.lora, model, f"its {name} has another size")
            yield _Found((module, "bias"), Change(parts[part].float()), strength)
        rest = {part: tensor for part, tensor in parts.items() if part not in BIASES}
        if rest.keys() - {"alpha"} and weight is not None:
            try:
                yield _Found((module, "weight"), change_of(rest, tuple(weight.shape), worn.rank), strength)
            except (ValueError, RuntimeError, KeyError) as error:
                _refuse(worn.lora, model, f"{name}: {error}")


def _refuse(lora: Lora, model: Model, reason: str) -> NoReturn:
    made_for = lora.made_for
    words = f"It is a LoRA for {made_for}, and" if made_for else "It was made for another kind of model:"
    here = "this one has sizes of its own" if model.family.has_own_sizes else f"this is {model.family.name}"
    raise CheckpointError(f"{lora.path.name} cannot be used with {model.checkpoint.name}. {words} {here} ({reason}).")


def _places(model: Model) -> dict[str, tuple[nn.Module, bool]]:
    """Every module that has weights, by each name that files give it, and whether it is a text encoder's."""
    names: dict[str, tuple[nn.Module, bool]] = {}
    unet = {name: module for name, module in model.unet.named_modules() if hasattr(module, "weight")}
    original = unet_sources([f"{name}.weight" for name in unet], model.unet.config)
    for name, module in unet.items():
        ldm = original[f"{name}.weight"].key.removeprefix(UNET).removesuffix(".weight")
        for written in (name, ldm):
            names[f"lora_unet_{written.replace('.', '_')}"] = module, False
        names[f"unet.{name}"] = module, False
    for number, encoder in enumerate(model.text_encoders, start=1):
        marks = [f"te{number}"] if len(model.text_encoders) > 1 else ["te", "te1"]
        folder = "text_encoder" if number == 1 else f"text_encoder_{number}"
        for name, module in encoder.model.named_modules():
            if hasattr(module, "weight"):
                full = f"text_model.{name.removeprefix('text_model.')}" if name != "text_projection" else name
                names |= {f"lora_{mark}_{full.replace('.', '_')}": (module, True) for mark in marks}
                names[f"{folder}.{full}"] = module, True
    return names


def _split(key: str) -> tuple[str, str]:
    """A key of a file as the name of a module and of its part; without a part it is nothing of a LoRA's.

    kohya's way is module_with_underscores.part, that of diffusers and PEFT is module.with.dots.part.
    """
    key = re.sub(r"\.processor\.(to_\w+?)(_out)?_lora\.", r".\1\2.lora.", key).replace("base_model.model.", "")
    for written, part in PARTS.items():
        if key.endswith(f".{written}"):
            return key.removesuffix(f".{written}"), part
    return key, ""


KOHYA = (
    *("lora_up.weight", "lora_down.weight", "lora_mid.weight", "alpha", "dora_scale", "diff", "diff_b"),
    *("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "w_norm", "b_norm"),
    *("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"),
)
PARTS: Mapping[str, str] = {part: part for part in KOHYA} | {
    "lora_A.weight": "lora_down.weight",
    "lora_B.weight": "lora_up.weight",
    "lora.down.weight": "lora_down.weight",
    "lora.up.weight": "lora_up.weight",
    "lora_linear_layer.down.weight": "lora_down.weight",
    "lora_linear_layer.up.weight": "lora_up.weight",
    "lora_magnitude_vector.weight": "dora_scale",
    "lora_magnitude_vector": "dora_scale",
}
"""How the parts are written in files, and what we call them: kohya's and LyCORIS' names."""
BIASES = frozenset({"diff_b", "b_norm"})
