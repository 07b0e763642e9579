"""Hypernetworks: small networks, one pair a width, that change what the keys and values of attention are made from.

What A1111 trains: a .pt file with, for each width that a UNet's attention reads, the layers before its keys and those
before its values. `x + strength * layers(x)` goes where x went, in self-attention and cross-attention alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from modules.diffusion.errors import AquatintError
from modules.diffusion.finding import files_below
from modules.diffusion.lora import WIDTHS
from modules.diffusion.unpickle import StoredTensor
from modules.diffusion.weights import PickledFile, fail, open_weights

if TYPE_CHECKING:
    from modules.diffusion.model import Model

SUFFIXES = (".pt", ".ckpt", ".safetensors")
SAME_NAMES = (
    *("relu", "elu", "selu", "celu", "gelu", "silu", "mish", "relu6", "tanh", "sigmoid", "softplus", "softsign"),
    *("hardswish", "hardsigmoid", "hardtanh", "hardshrink", "softshrink", "tanhshrink", "logsigmoid"),
)
OTHER_NAMES = {"leakyrelu": "leaky_relu", "swish": "hardswish"}
"""A1111's activations, and PyTorch's functions of them, with their defaults; "linear" is none."""
OLD_NAMES = {"linear1": "linear.0", "linear2": "linear.1"}


class Layer(NamedTuple):
    """A linear layer (out, in), or a layer norm (width,)."""

    weight: Tensor
    bias: Tensor | None


class Layers(NamedTuple):
    """What x goes through."""

    layers: Sequence[Layer]
    activation: str
    """A function of PyTorch's; empty for none. After each linear layer but the last."""
    activate_output: bool
    """Whether it comes after the last one, too."""

    def __call__(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width), float32."""
        last = max(number for number, layer in enumerate(self.layers) if layer.weight.ndim == 2)
        for number, layer in enumerate(self.layers):
            if layer.weight.ndim == 1:
                x = functional.layer_norm(x, layer.weight.shape, *layer)
                continue
            x = functional.linear(x, *layer)
            if self.activation and (number < last or self.activate_output):
                x = getattr(functional, self.activation)(x)
        return x

    def on(self, device: torch.device) -> Layers:
        """The same on a device."""
        moved = [Layer(weight.to(device), bias if bias is None else bias.to(device)) for weight, bias in self.layers]
        return self._replace(layers=moved)


class Hypernetwork(NamedTuple):
    """A file: for each width the layers before keys and those before values."""

    path: Path
    pairs: Mapping[int, tuple[Layers, Layers]]

    def on(self, device: torch.device) -> Hypernetwork:
        """The same on a device."""
        pairs = {width: (keys.on(device), values.on(device)) for width, (keys, values) in self.pairs.items()}
        return self._replace(pairs=pairs)

    def misfit(self, width: int) -> str:
        """For whom it was made, if not for a model whose UNet reads texts so wide; else empty."""
        texts = [each for each in self.pairs if each in WIDTHS]
        return WIDTHS[texts[0]] if texts and width not in self.pairs else ""


def find_hypernetworks(folder: Path) -> dict[str, Path]:
    """{name: file} of all below a folder; the first of a name counts. Nothing is opened."""
    found: dict[str, Path] = {}
    for path in sorted(files_below([folder], SUFFIXES), key=lambda path: (path.stem.casefold(), str(path))):
        found.setdefault(path.stem, path)
    return found


def find_hypernetwork(folder: Path, name: str) -> Path:
    """By name, whatever its case. Raises: AquatintError saying what there is."""
    known = find_hypernetworks(folder)
    found = known.get(name) or {each.casefold(): path for each, path in known.items()}.get(name.casefold())
    if found is None:
        there = ", ".join(list(known)[:20]) or "none"
        raise AquatintError(f"No hypernetwork called '{name:.80}' in {folder.name}. Found: {there}.")
    return found


def read_hypernetwork(path: Path) -> Hypernetwork:
    """Raises CheckpointError naming the file when it is damaged, or holds something else."""
    with open_weights(path) as weights:
        root = weights.root if isinstance(weights, PickledFile) else None
        if not isinstance(weights, PickledFile) or not isinstance(root, dict):
            fail(path, "it is no hypernetwork.")
        named = str(root.get("activation_func") or "linear").lower()
        if named not in ("linear", *SAME_NAMES, *OTHER_NAMES):
            fail(path, f"its activation function '{named:.40}' is not known.")
        facts = ("" if named == "linear" else OTHER_NAMES.get(named, named), bool(root.get("activate_output")))
        pairs = {
            width: tuple(Layers(_layers(weights, state, width), *facts) for state in pair[:2])
            for width, pair in root.items()
            if isinstance(width, int) and isinstance(pair, (tuple, list)) and len(pair) >= 2
        }
    if not pairs:
        fail(path, "it holds no hypernetwork.")
    return Hypernetwork(path, {width: (keys, values) for width, (keys, values) in pairs.items()})


@contextmanager
def led_by(model: Model, hypernetworks: Iterable[tuple[Hypernetwork, float]]) -> Iterator[None]:
    """The model's UNet with these before its keys and values, in this order, each as strong as said, while the block
    lasts. No weight is touched."""
    with ExitStack() as stack:
        for hypernetwork, strength in ((each.on(model.device), strength) for each, strength in hypernetworks):
            for name, module in model.unet.named_modules():
                side = ("to_k", "to_v").index(name[-4:]) if re.search(r"\.attn[12]\.to_[kv]$", name) else None
                pair = hypernetwork.pairs.get(module.in_features) if side is not None else None
                if side is not None and pair is not None:
                    stack.callback(module.register_forward_pre_hook(_before(pair[side], strength)).remove)
        yield


def _before(layers: Layers, strength: float) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    """A hook that changes what a module is given."""

    def change(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x, *rest = inputs
        changed: Tensor = x.float() + strength * layers(x.float())
        return changed.to(x.dtype), *rest

    return change


def _layers(weights: PickledFile, state: object, width: int) -> list[Layer]:
    """The layers in their order: the numbers in their names count activations and dropouts, too."""
    tensors: dict[int, dict[str, Tensor]] = {}
    for key, stored in state.items() if isinstance(state, dict) else ():
        for old, new in OLD_NAMES.items():
            key = key.replace(f"{old}.", f"{new}.")
        named = re.fullmatch(r"linear\.(\d+)\.(weight|bias)", key)
        if named is None or not isinstance(stored, StoredTensor):
            fail(weights.path, f"it holds {key:.60}, which is nothing of a hypernetwork's.")
        tensors.setdefault(int(named[1]), {})[named[2]] = weights.read_stored(stored).float()
    layers = [Layer(part["weight"], part.get("bias")) for _, part in sorted(tensors.items()) if "weight" in part]
    _check(weights.path, layers, len(tensors), width)
    return layers


def _check(path: Path, layers: Sequence[Layer], count: int, width: int) -> None:
    """That the layers lead from a width to the same."""
    now, has_linear = width, False
    for layer in layers:
        out = layer.weight.shape[0] if layer.weight.ndim in (1, 2) else -1
        if layer.weight.shape[-1] != now or out < 1 or (layer.bias is not None and layer.bias.shape != (out,)):
            fail(path, f"its layers for {width} do not fit together.")
        if not all(bool(torch.isfinite(each).all()) for each in layer if each is not None):
            fail(path, "it holds NaN or infinity.")
        now, has_linear = out, has_linear or layer.weight.ndim == 2
    if len(layers) != count or now != width or not has_linear:
        fail(path, f"its layers for {width} do not fit together.")
