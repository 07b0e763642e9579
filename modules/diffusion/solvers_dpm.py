"""DPM-Solver's two ways through the sigmas of its own choice: a number of calls, or a tolerated error."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from modules.diffusion.noise import NoiseFn
from modules.diffusion.solvers import Denoise, ancestral_step, slope_at

RELATIVE, ABSOLUTE = 0.05, 0.0078
"""What an adaptive step may be wrong by: so much of x, and at least one part in 128."""
FIRST_STEP = 0.05
"""The adaptive solver's first step, in log sigma."""
ENOUGH = 0.81
"""The adaptive solver takes a step if the next should be no shorter than this part of it."""


def dpm_fast(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """DPM-Solver-fast: section 3.4 of Lu et al. (2022a). n calls in steps of three, even in log sigma.

    Only the ends of `sigmas` (n + 1,) count, the smallest but 0 being the last: as in A1111 it keeps that noise. It
    yields once a call.
    """
    n = len(sigmas) - 1
    if n == 1:
        yield denoise(x, sigmas[0])
        return
    orders = [3] * (n // 3 - 1) + [2, 1] if n % 3 == 0 else [3] * (n // 3) + [n % 3]
    smallest = sigmas[-2]
    logs = torch.linspace(float(sigmas[0].log()), float(smallest.log()), len(orders) + 1, dtype=sigmas.dtype)
    visited = torch.cat([sigmas[:1], logs[1:-1].exp(), smallest[None]])
    for order, sigma, sigma_next in zip(orders, visited[:-1], visited[1:], strict=True):
        down = torch.maximum(smallest, ancestral_step(sigma, sigma_next, eta)[0])
        slope = slope_at(denoise, x, sigma)
        if order == 1:
            x = x + slope * (down - sigma)
        elif order == 2:
            x = _second_order(denoise, x, slope, sigma, down)
        else:
            x = _third_order(denoise, x, slope, sigma, down)[1]
        if eta > 0:
            x = x + noise(sigma, sigma_next) * (s_noise * (sigma_next**2 - down**2).sqrt())
        yield from [x] * order


def dpm_adaptive(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """DPM-Solver-23: Algorithm 3 of Lu et al. (2022a), its steps so long that the order below differs little.

    Only the ends of `sigmas` (n + 1,) count, the smallest but 0 being the last: as in A1111 it keeps that noise. It
    takes as many steps as it needs and yields n times, when so much of the way has been made. The error is that of
    the whole batch.
    """
    n, yielded, smallest = len(sigmas) - 1, 0, sigmas[-2]
    if n == 1:
        yield denoise(x, sigmas[0])
        return
    sigma, step, error = sigmas[0], FIRST_STEP, torch.zeros(())
    whole = math.log(sigmas[0] / smallest)
    higher = lower_before = x
    while math.log(sigma / smallest) > 1e-5 and not error.isnan():
        sigma_next = torch.maximum(smallest, sigma * math.exp(-step))
        down = torch.maximum(smallest, ancestral_step(sigma, sigma_next, eta)[0])
        lower, higher = _third_order(denoise, x, slope_at(denoise, x, sigma), sigma, down)
        tolerated = (RELATIVE * torch.maximum(lower.abs(), lower_before.abs())).clamp(min=ABSOLUTE)
        error = ((lower - higher) / tolerated).square().mean().sqrt().cpu()
        wish = 1 + math.atan((float(error) + 1e-8) ** (-1 / (1.5 if eta else 3)) - 1)
        if wish >= ENOUGH:
            x, lower_before = higher, lower
            if eta > 0:
                x = x + noise(sigma, sigma_next) * (s_noise * (sigma_next**2 - down**2).sqrt())
            sigma = sigma_next
            reached = int(n * (1 - math.log(sigma / smallest) / whole))
            yield from [x] * (reached - yielded)
            yielded = max(yielded, reached)
        step *= wish
    yield from [higher if error.isnan() else x] * (n - yielded)


def _second_order(denoise: Denoise, x: Tensor, slope: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """DPM-Solver-2, equation 4.1: one more call, in the middle of the step."""
    middle = (sigma * sigma_next).sqrt()
    return x + slope_at(denoise, x + slope * (middle - sigma), middle) * (sigma_next - sigma)


def _third_order(
    denoise: Denoise, x: Tensor, slope: Tensor, sigma: Tensor, sigma_next: Tensor
) -> tuple[Tensor, Tensor]:
    """(the second order's x, the third's): DPM-Solver-3, equation 4.2, at a third and two thirds of the step."""
    h = math.log(sigma / sigma_next)
    if h == 0:
        return x, x
    third, two_thirds = sigma * math.exp(-h / 3), sigma * math.exp(-2 * h / 3)
    change = slope_at(denoise, x + slope * (third - sigma), third) - slope
    straight = x + slope * (sigma_next - sigma)
    lower = straight + 1.5 * change * (sigma_next - sigma)
    bend = 2 * two_thirds * (math.expm1(2 * h / 3) / (2 * h / 3) - 1)
    change = slope_at(denoise, x + slope * (two_thirds - sigma) - bend * change, two_thirds) - slope
    return lower, straight - 1.5 * sigma_next * (math.expm1(h) / h - 1) * change
