"""Seed -> noise, image by image: a picture's noise is the same alone and in a batch, and from CPU and NV everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
import torchsde
from torch import Generator, Tensor
from torchsde._brownian import brownian_interval

from modules.diffusion.philox import PhiloxNormals

NoiseFn = Callable[[Tensor, Tensor], Tensor]
"""(sigma, sigma_next) -> noise of unit variance (B, C, h, w) for the step between them."""
NoiseKind = Literal["none", "gaussian", "brownian"]
NoiseSource = Literal["GPU", "CPU", "NV"]
"""Whose random numbers: the device's own (the CPU's if that is the device), the CPU's, or those of CUDA, anywhere."""
WITHOUT_ITS_OWN = ("cpu", "mps")
"""Kinds of device on which A1111's "GPU" is the CPU's generator."""
TREE_DIGITS = 6
"""torchsde.BrownianTree resolves time to its default tolerance, 1e-6, and rounds its ends to that."""


class ImageNoise:
    """The noise of one batch of images, each image's from its own seed.

    Everything is drawn in float32 and then moved.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: tuple[int, int, int],
        *,
        subseeds: Sequence[int] | None = None,
        subseed_strength: float = 0.0,
        seed_delta: int = 0,
        resized_from: tuple[int, int] | None = None,
        source: NoiseSource = "CPU",
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        """`seeds` (B,); `shape` (C, h, w) of one image's latents.

        `subseeds` (B,) and `subseed_strength` (0 to 1) bend the first noise towards that of a second seed.
        `seed_delta` is A1111's "eta noise seed delta" (ENSD): it is added to the seed of the gaussian noise drawn
        during sampling, and changes neither the first noise nor the Brownian one.
        `resized_from` (h, w) is A1111's "seed resize": in the middle lies the noise that a picture of those latents
        would begin with, so that it stays recognisable in another shape.
        """
        self._seeds = tuple(seeds)
        self._shape = shape
        self._dtype = dtype
        self._device = device
        self._source = source
        streams = [self._stream(seed) for seed in self._seeds]
        inner = shape if resized_from is None else (shape[0], *resized_from)
        first = [draw(inner) for draw in (streams if inner == shape else map(self._stream, self._seeds))]
        if subseeds is not None and subseed_strength != 0:
            other = [self._stream(subseed)(inner) for subseed in subseeds]
            first = [slerp(a, b, subseed_strength) for a, b in zip(first, other, strict=True)]
        if inner != shape:
            first = [in_the_middle(a, draw(shape)) for a, draw in zip(first, streams, strict=True)]
        self._first = torch.stack(first)
        if seed_delta:
            streams = [self._stream(seed + seed_delta) for seed in self._seeds]
        self._streams = streams

    def initial(self) -> Tensor:
        """(B, C, h, w): the noise that sampling starts from; the same at every call."""
        return self._placed(self._first)

    def gaussian(self, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        """(B, C, h, w): the next independent noise of each image; the sigmas make no difference."""
        return self._placed(torch.stack([draw(self._shape) for draw in self._streams]))

    def brownian(self, sigma_min: Tensor | float, sigma_max: Tensor | float) -> NoiseFn:
        """A Brownian motion for each image over [sigma_min, sigma_max]: two half steps add up to the whole one.

        Its increments are divided by the root of the interval, as in Katherine Crowson's k-diffusion.
        """
        blank = torch.zeros(self._shape)
        trees: list[torchsde.BrownianTree] = []

        def increment(sigma: Tensor, sigma_next: Tensor) -> Tensor:
            start, end = sorted((round(float(sigma), TREE_DIGITS), round(float(sigma_next), TREE_DIGITS)))
            sign = -1 if sigma > sigma_next else 1
            with self._growing_trees():
                if not trees:  # only now: a run of a single step asks for no noise, and its interval is empty
                    low, high = float(sigma_min), float(sigma_max)
                    trees.extend(torchsde.BrownianTree(t0=low, w0=blank, t1=high, entropy=seed) for seed in self._seeds)
                steps = torch.stack([tree(start, end) for tree in trees])
            return self._placed(steps * (sign / (end - start) ** 0.5))

        return increment

    def while_sampling(self, kind: NoiseKind, sigmas: Tensor) -> NoiseFn:
        """The noise that a sampler wants on its way through `sigmas` (n + 1,), by the `noise` of its row."""
        if kind == "brownian":
            return self.brownian(sigmas[sigmas > 0].min(), sigmas.max())
        return self.gaussian

    def _stream(self, seed: int) -> Callable[[tuple[int, ...]], Tensor]:
        """Draws from the seed, shape by shape."""
        if self._source == "NV":
            return PhiloxNormals(seed).draw
        own = self._source == "GPU" and torch.device(self._device).type not in WITHOUT_ITS_OWN
        where = self._device if own else "cpu"
        generator = Generator(where).manual_seed(seed)
        return lambda shape: torch.randn(shape, generator=generator, device=where)

    @contextmanager
    def _growing_trees(self) -> Iterator[None]:
        """While the block lasts torchsde draws from our source: it knows no other than torch's, and asks for nothing
        but the seeds of a tree's branches."""
        theirs = brownian_interval._randn

        def ours(size: tuple[int, ...], dtype: torch.dtype, device: Any, seed: int) -> Tensor:
            return self._stream(int(seed))(tuple(size)).to(device, dtype)

        brownian_interval._randn = theirs if self._source == "CPU" else ours
        try:
            yield
        finally:
            brownian_interval._randn = theirs

    def _placed(self, noise: Tensor) -> Tensor:
        return noise.to(self._device, self._dtype, copy=True)


def in_the_middle(inner: Tensor, outer: Tensor) -> Tensor:
    """`outer` (C, h, w) with as much of `inner` (C, h', w') in its middle as there is room for.

    Where an odd number of cells is too many A1111 leaves out one more, and so do we: seeds are to agree.
    """
    result = outer.clone()
    rows, columns = ((large - small) // 2 for small, large in zip(inner.shape[1:], outer.shape[1:], strict=True))
    part = inner[
        :, max(0, -rows) : inner.shape[1] - max(0, -rows), max(0, -columns) : inner.shape[2] - max(0, -columns)
    ]
    top, left = max(0, rows), max(0, columns)
    result[:, top : top + part.shape[1], left : left + part.shape[2]] = part
    return result


def slerp(low: Tensor, high: Tensor, weight: float) -> Tensor:
    """Spherical interpolation of two noises (C, h, w), column by column (along h) as A1111 does.

    `weight` 0 gives `low`, 1 gives `high`.
    """
    dot = (low / low.norm(dim=1, keepdim=True) * (high / high.norm(dim=1, keepdim=True))).sum(dim=1, keepdim=True)
    if dot.mean() > 0.9995:  # parallel: the angle between them is lost in rounding
        return torch.lerp(low, high, weight)
    omega = torch.acos(dot)
    return (torch.sin((1 - weight) * omega) * low + torch.sin(weight * omega) * high) / torch.sin(omega)
