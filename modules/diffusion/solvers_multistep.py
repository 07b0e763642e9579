"""Solvers that remember the steps before: LMS, PLMS, iPNDM, DEIS and UniPC."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor

from modules.diffusion.noise import NoiseFn
from modules.diffusion.solvers import Denoise, slope_at, weights_for

UniPCVariant = Literal["bh1", "bh2", "vary_coeff"]
"""How a step weighs what it knows when that is one difference: by half of B(h), which is h or exp(h) - 1, or exactly.
More differences are weighed the same by all."""
ADAMS_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""The weights of the newest slope and those before, for even steps; a row an order."""


def lms(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """The linear multistep method: Adams and Bashforth's of order 4, for the steps in sigma as they are."""
    slopes: list[Tensor] = []
    for i, sigma in enumerate(sigmas[:-1]):
        slopes = [slope_at(denoise, x, sigma), *slopes[:3]]
        x = x + _adams_bashforth(slopes, sigmas[i - len(slopes) + 1 : i + 2])
        yield x


def ipndm_v(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """iPNDM of Zhang and Chen (2023) with weights for the steps as they are; the step to 0 is Euler's."""
    slopes: list[Tensor] = []
    for i, sigma in enumerate(sigmas[:-1]):
        slopes = [slope_at(denoise, x, sigma), *slopes[:3]]
        used = slopes if sigmas[i + 1] > 0 else slopes[:1]
        x = x + _adams_bashforth(used, sigmas[i - len(used) + 1 : i + 2])
        yield x


def ipndm(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """iPNDM of order 4: section 4 of Zhang and Chen (2023). Its weights are for even steps; the last is Euler's."""
    slopes: list[Tensor] = []
    for sigma, sigma_next in pairwise(sigmas):
        slopes = [slope_at(denoise, x, sigma), *slopes[:3]]
        x = x + _even_steps(slopes if sigma_next > 0 else slopes[:1]) * (sigma_next - sigma)
        yield x


def plms(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """PLMS of Liu et al. (2022), equation 12 with Crowson's start: the first step is Heun's, the others as iPNDM's."""
    slopes: list[Tensor] = []
    for sigma, sigma_next in pairwise(sigmas):
        slopes = [slope_at(denoise, x, sigma), *slopes[:3]]
        slope = _even_steps(slopes)
        if len(slopes) == 1 and sigma_next > 0:
            slope = (slope + slope_at(denoise, x + slope * (sigma_next - sigma), sigma_next)) / 2
        x = x + slope * (sigma_next - sigma)
        yield x


def deis(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """DEIS of order 3: Zhang and Chen (2023), equation 15, the slope being a polynomial in log sigma.

    The step to 0, where there is no logarithm, is Euler's.
    """
    slopes: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        slopes = [slope_at(denoise, x, sigma), *slopes[:2]]
        if sigma_next == 0:
            x = x + slopes[0] * (sigma_next - sigma)
        else:
            h = math.log(sigma_next / sigma)
            moments = [math.expm1(h)]  # of exp(h s) h ds for s from 0 to 1: by parts, each from the one before
            for power in range(1, len(slopes)):
                moments.append(math.exp(h) - power / h * moments[-1])
            nodes = [math.log(sigmas[i - back] / sigma) / h for back in range(len(slopes))]
            x = x + _weighed(weights_for(nodes, moments), slopes) * sigma
        yield x


def uni_pc(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: NoiseFn,
    *,
    variant: UniPCVariant = "bh1",
    order: int = 3,
    lower_order_final: bool = True,
) -> Iterator[Tensor]:
    """UniPC: Algorithms 5 and 6 of Zhao et al. (2023), which predict the denoised x.

    With `lower_order_final` the order falls to 1 towards the end; the last step has nothing to be corrected with.
    """
    before: list[tuple[Tensor, Tensor]] = []
    begin = x
    for left, (sigma, sigma_next) in zip(range(len(sigmas) - 1, 0, -1), pairwise(sigmas), strict=True):
        denoised = denoise(x, sigma)
        if before:
            x = _unified_step(begin, before, sigma, variant, denoised)
        before = [(sigma, denoised), *before][: min(order, left) if lower_order_final else order]
        begin = x
        x = _unified_step(begin, before, sigma_next, variant)
        yield x


def _unified_step(
    x: Tensor,
    known: Sequence[tuple[Tensor, Tensor]],
    sigma_next: Tensor,
    variant: UniPCVariant,
    ahead: Tensor | None = None,
) -> Tensor:
    """x (B, C, h, w) at `sigma_next`: UniP, or with the denoised x found there (`ahead`) UniC.

    `known`: sigmas and denoised x, the newest first, where the step begins.
    """
    (sigma, denoised), *older = known
    x_next = denoised + (sigma_next / sigma) * (x - denoised)
    if sigma_next == 0:
        return x_next
    h = math.log(sigma / sigma_next)
    nodes = [math.log(sigma / each) / h for each, _ in older]
    differences = [each - denoised for _, each in older]
    if ahead is not None:
        nodes.append(1.0)
        differences.append(ahead - denoised)
    if not nodes:
        return x_next
    if len(nodes) == 1 and variant != "vary_coeff":
        return x_next + differences[0] * ((h if variant == "bh1" else -math.expm1(-h)) / (2 * nodes[0]))
    phi, moments = -math.expm1(-h) / h - 1, list[float]()
    for k in range(1, len(nodes) + 1):
        moments.append(-phi * math.factorial(k))
        phi = -phi / h - 1 / math.factorial(k + 1)
    weights = weights_for(nodes, moments)
    return x_next + _weighed([weight / node for weight, node in zip(weights, nodes, strict=True)], differences)


def _even_steps(slopes: Sequence[Tensor]) -> Tensor:
    return _weighed(ADAMS_BASHFORTH[len(slopes) - 1], slopes)


def _adams_bashforth(slopes: Sequence[Tensor], sigmas: Tensor) -> Tensor:
    """The integral of the polynomial through `slopes`, newest first, over the last of the steps between `sigmas`."""
    *past, begin, end = sigmas.double().tolist()
    length: float = end - begin
    nodes = [(each - begin) / length for each in (begin, *reversed(past))]
    weights = weights_for(nodes, [1 / (power + 1) for power in range(len(nodes))])
    return _weighed(weights, slopes) * length


def _weighed(weights: Sequence[float], tensors: Sequence[Tensor]) -> Tensor:
    total = tensors[0] * weights[0]
    for weight, tensor in zip(weights[1:], tensors[1:], strict=True):
        total = total + tensor * weight
    return total
