"""What a LoRA or one of its kin adds to a weight: one small function and one row for each way to write a difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

Parts = Mapping[str, Tensor]
"""The tensors that a file holds for one weight, by the end of their keys: "lora_up.weight", "alpha"."""


class Change(NamedTuple):
    """What `parts` do to a weight: added to it, or `dora` after that, which sets the length of its vectors."""

    delta: Tensor
    dora: Tensor | None = None

    def applied(self, weight: Tensor, strength: float) -> Tensor:
        """`weight` (out, in) or (out, in, h, w) in float32 with so much of the change."""
        delta = self.delta.reshape(weight.shape)
        if self.dora is None:
            return weight + strength * delta
        return weight + strength * (_with_lengths(weight + delta, self.dora) - weight)


def change_of(parts: Parts, shape: tuple[int, ...], rank: int | None = None) -> Change:
    """The change that `parts` describe for a weight of `shape`; `rank` keeps only the first so many of a LoRA's ranks.

    Raises: ValueError saying what is wrong with them.
    """
    for kind in KINDS:
        if kind.marks <= parts.keys():
            delta = kind.read(parts, shape, rank)
            if delta.numel() != math.prod(shape):
                raise ValueError(f"its difference has {delta.numel():,} numbers, the weight {math.prod(shape):,}")
            dora = parts.get("dora_scale")
            return Change(delta, None if dora is None else dora.float())
    raise ValueError(f"nobody knows what its parts mean: {', '.join(sorted(parts))}")


def _with_lengths(weight: Tensor, lengths: Tensor) -> Tensor:
    """Each output's (or input's) vector stretched to a length: equation 5 of Liu et al. 2024, DoRA (2402.09353).

    `lengths` is (out, 1) or (out, 1, 1, 1) for outputs, (1, in) or (1, in, 1, 1) for inputs.
    """
    kept = 0 if lengths.shape[0] == weight.shape[0] else 1
    lengths = lengths.reshape([-1 if axis == kept else 1 for axis in range(weight.ndim)])
    others = [axis for axis in range(weight.ndim) if axis != kept]
    norm = weight.square().sum(others, keepdim=True).sqrt()
    return weight * (lengths / (norm + torch.finfo(weight.dtype).eps))


def _scale(parts: Parts, rank: int) -> float:
    """alpha / rank; without an alpha the difference counts as it is."""
    alpha = parts.get("alpha")
    return 1.0 if alpha is None else float(alpha) / rank


def _float(parts: Parts, *names: str) -> list[Tensor]:
    return [parts[name].float() for name in names]


def lora(parts: Parts, shape: tuple[int, ...], rank: int | None) -> Tensor:
    """up @ down (Hu et al. 2021); for convolutions up is 1x1, and a core between them makes it Tucker's (LoCon)."""
    up, down = _float(parts, *LORA)
    scale = _scale(parts, down.shape[0])
    up, down = up.flatten(1)[:, :rank], down.flatten(1)[:rank]
    if "lora_mid.weight" in parts:
        core = parts["lora_mid.weight"].float()[:rank, :rank]
        return torch.einsum("o r, r s ..., s i -> o i ...", up, core, down) * scale
    return up @ down * scale


def loha(parts: Parts, shape: tuple[int, ...], rank: int | None) -> Tensor:
    """The product, number by number, of two low-rank matrices (Hyeon-Woo et al. 2021, FedPara), or of Tucker's."""
    w1_a, w1_b, w2_a, w2_b = _float(parts, *LOHA)
    scale = _scale(parts, w1_b.shape[0])
    if "hada_t1" in parts:
        first, second = _tucker(parts["hada_t1"], w1_a, w1_b), _tucker(parts["hada_t2"], w2_a, w2_b)
        return first * second * scale
    return (w1_a @ w1_b) * (w2_a @ w2_b) * scale


def lokr(parts: Parts, shape: tuple[int, ...], rank: int | None) -> Tensor:
    """Kronecker's product of a small matrix and a larger one, each whole or of low rank (Yeh et al. 2023, LyCORIS)."""
    first, first_rank = _factor(parts, "lokr_w1")
    second, second_rank = _factor(parts, "lokr_w2")
    found = second_rank or first_rank
    if first.ndim < second.ndim:
        first = first.reshape(*first.shape, *(1,) * (second.ndim - first.ndim))
    return torch.kron(first.contiguous(), second.contiguous()) * (_scale(parts, found) if found else 1.0)


def whole(parts: Parts, shape: tuple[int, ...], rank: int | None) -> Tensor:
    """The difference itself."""
    return next(parts[name] for name in WHOLE if name in parts).float()


def _factor(parts: Parts, name: str) -> tuple[Tensor, int]:
    """One of Kronecker's factors, and its rank; 0 when it is whole."""
    if name in parts:
        return parts[name].float(), 0
    a, b = _float(parts, f"{name}_a", f"{name}_b")
    if "lokr_t2" in parts and name == "lokr_w2":
        return _tucker(parts["lokr_t2"], a, b), b.shape[0]
    return (a @ b.flatten(1)).reshape(a.shape[0], *b.shape[1:]), b.shape[0]


def _tucker(core: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """(r, r, h, w), (r, out), (r, in) -> (out, in, h, w)."""
    return torch.einsum("r s ..., r o, s i -> o i ...", core.float(), a, b)


class Kind(NamedTuple):
    """A way to write a difference: which parts it has, and how they are read."""

    marks: frozenset[str]
    read: Callable[[Parts, tuple[int, ...], int | None], Tensor]


LORA = ("lora_up.weight", "lora_down.weight")
LOHA = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
WHOLE = ("diff", "w_norm")
KINDS = (
    Kind(frozenset(LORA), lora),
    Kind(frozenset(LOHA), loha),
    Kind(frozenset({"lokr_w1", "lokr_w2"}), lokr),
    Kind(frozenset({"lokr_w1", "lokr_w2_a", "lokr_w2_b"}), lokr),
    Kind(frozenset({"lokr_w1_a", "lokr_w1_b", "lokr_w2"}), lokr),
    Kind(frozenset({"lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b"}), lokr),
    *(Kind(frozenset({name}), whole) for name in WHOLE),
)
