"""A1111's `modules.rng`: the noise of a batch, each picture's from its own seed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from modules.diffusion.noise import ImageNoise
from modules.diffusion.noise import slerp as _slerp

from .bridge.opts import present
from .devices import get_optimal_device, randn, randn_local, randn_without_seed

__all__ = [
    "ImageRNG",
    "create_generator",
    "get_noise_source_type",
    "randn",
    "randn_local",
    "randn_without_seed",
    "slerp",
]


def get_noise_source_type() -> str:
    """By what noise is made: CPU, GPU or NV."""
    return str(present().randn_source)


def create_generator(seed: int) -> torch.Generator:
    """One of that seed."""
    return torch.Generator("cpu").manual_seed(int(seed))


def randn_like(x: Tensor) -> Tensor:
    """Noise without a seed of its own."""
    return torch.randn_like(x, device="cpu").to(x)


def manual_seed(seed: int) -> None:
    """Sets torch's seed."""
    torch.manual_seed(seed)


def slerp(val: float, low: Tensor, high: Tensor) -> Tensor:
    """From one noise to another along the sphere."""
    return _slerp(low, high, val)


class ImageRNG:
    """The noise that pictures begin with, and then the noise of one step after another."""

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        subseeds: Sequence[int] | None = None,
        subseed_strength: float = 0.0,
        seed_resize_from_h: int = 0,
        seed_resize_from_w: int = 0,
        noise: ImageNoise | None = None,
    ) -> None:
        """`noise` is ours: that of a job instead of one of its own."""
        self.shape = tuple(map(int, shape))
        self.seeds, self.subseeds, self.subseed_strength = seeds, subseeds, subseed_strength
        self.seed_resize_from_h, self.seed_resize_from_w = seed_resize_from_h, seed_resize_from_w
        resized = (
            (seed_resize_from_h // 8, seed_resize_from_w // 8) if seed_resize_from_h and seed_resize_from_w else None
        )
        self._noise = noise or ImageNoise(
            list(map(int, seeds)),
            self.shape,  # type: ignore[arg-type]
            subseeds=list(map(int, subseeds)) if subseeds is not None else None,
            subseed_strength=subseed_strength,
            seed_delta=present().eta_noise_seed_delta,
            resized_from=resized,
            source=present().randn_source,
            device=get_optimal_device(),
        )
        self.generators = [create_generator(seed) for seed in seeds]
        self.is_first = True

    def first(self) -> Tensor:
        """(B, C, h, w): what sampling begins with."""
        return self._noise.initial()

    def next(self) -> Tensor:
        """(B, C, h, w): at first what sampling begins with, then fresh noise."""
        if self.is_first:
            self.is_first = False
            return self.first()
        nothing = torch.zeros(())
        return self._noise.gaussian(nothing, nothing)
