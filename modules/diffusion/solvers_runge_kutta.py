"""Solvers that look ahead within one step: Euler, Heun, DPM2, Heun++ and Restart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import torch
from torch import Tensor

from modules.diffusion.noise import NoiseFn
from modules.diffusion.sigmas import karras
from modules.diffusion.solvers import Denoise, slope_at

Step = Callable[[Denoise, Tensor, Tensor, Tensor], Tensor]
"""(denoise, x (B, C, h, w), sigma, sigma_next) -> x at `sigma_next`."""


def churned(
    x: Tensor,
    sigma: Tensor,
    noise: NoiseFn,
    steps: int,
    *,
    s_churn: float,
    s_tmin: float,
    s_tmax: float,
    s_noise: float,
) -> tuple[Tensor, Tensor]:
    """(x, sigma) with noise added before a step: lines 4 to 6 of Algorithm 2 of Karras et al. (2022).

    Noise is drawn at every step if at any: so does k-diffusion, and it is the same seed's next noise.
    """
    if s_churn <= 0:
        return x, sigma
    drawn = noise(sigma, sigma)
    gamma = min(s_churn / steps, math.sqrt(2) - 1) if s_tmin <= sigma <= s_tmax else 0.0
    raised = sigma * (1 + gamma)
    return x + drawn * (s_noise * (raised**2 - sigma**2).sqrt()), raised


def _churned_steps(
    step: Step, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, churn: Mapping[str, float]
) -> Iterator[Tensor]:
    """From each sigma to the next, with churn before it."""
    for sigma, sigma_next in pairwise(sigmas):
        x, raised = churned(x, sigma, noise, len(sigmas) - 1, **churn)
        x = step(denoise, x, raised, sigma_next)
        yield x


def euler(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: NoiseFn,
    *,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> Iterator[Tensor]:
    """Euler's method on the probability flow ODE: Algorithm 2 of Karras et al. (2022) without its second order."""
    churn = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax, "s_noise": s_noise}
    return _churned_steps(euler_step, denoise, x, sigmas, noise, churn)


def heun(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: NoiseFn,
    *,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> Iterator[Tensor]:
    """Heun's method on the probability flow ODE: Algorithms 1 and 2 of Karras et al. (2022)."""
    churn = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax, "s_noise": s_noise}
    return _churned_steps(heun_step, denoise, x, sigmas, noise, churn)


def euler_step(denoise: Denoise, x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """x (B, C, h, w) at `sigma_next` by the slope at `sigma`."""
    return x + slope_at(denoise, x, sigma) * (sigma_next - sigma)


def heun_step(denoise: Denoise, x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """x (B, C, h, w) at `sigma_next`: the mean of the slopes at both ends, or the first alone when the end is 0."""
    slope = slope_at(denoise, x, sigma)
    ahead = x + slope * (sigma_next - sigma)
    if sigma_next == 0:
        return ahead
    return x + (slope + slope_at(denoise, ahead, sigma_next)) / 2 * (sigma_next - sigma)


def dpm_2(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: NoiseFn,
    *,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> Iterator[Tensor]:
    """The midpoint method, the middle being that of log sigma: DPM-Solver-2 of Lu et al. (2022a), with churn."""
    churn = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax, "s_noise": s_noise}
    return _churned_steps(midpoint_step, denoise, x, sigmas, noise, churn)


def midpoint_step(denoise: Denoise, x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """x (B, C, h, w) at `sigma_next` by the slope at the geometric mean of both sigmas; Euler's step when it is 0."""
    slope = slope_at(denoise, x, sigma)
    if sigma_next > 0:
        middle = (sigma * sigma_next).sqrt()
        slope = slope_at(denoise, x + slope * (middle - sigma), middle)
    return x + slope * (sigma_next - sigma)


def heun_plus_plus(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: NoiseFn,
    *,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> Iterator[Tensor]:
    """Heun++ of Chen et al. (2023), "A Geometric Perspective on Diffusion Models": it looks two steps ahead.

    The slopes ahead are weighed by their sigma's share of the largest sigma, divided by the number of slopes.
    """
    churn = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax, "s_noise": s_noise}
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x, raised = churned(x, sigma, noise, len(sigmas) - 1, **churn)
        begin = slope = slope_at(denoise, x, raised)
        ahead, at, weighed = x, raised, begin
        later = sigmas[i + 1 : i + 3] if i + 2 < len(sigmas) - 1 else sigmas[i + 1 : -1]
        for further in later:
            ahead, at = ahead + slope * (further - at), further
            slope = slope_at(denoise, ahead, further)
            weighed = weighed + further / ((len(later) + 1) * sigmas[0]) * (slope - begin)
        x = x + weighed * (sigma_next - raised)
        yield x


def restart(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, s_noise: float = 1.0) -> Iterator[Tensor]:
    """Heun's method that goes back up to sigma 2 with fresh noise once it is at 0.1: Algorithm 1 of Xu et al. (2023).

    As in A1111: from 20 steps on 9 of them are spent on one restart, from 36 on a half of them on two; the sigmas
    are then Karras', between the given ends.
    """
    steps = len(sigmas) - 1
    times, spent = (2, steps // 4) if steps >= 36 else (1, 9) if steps >= 20 else (0, 0)
    path = list(pairwise(sigmas))
    if times:
        main = karras(torch.stack([sigmas[-2], sigmas[0]]), steps - times * spent)
        bottom, top = int((main - 0.1).abs().argmin()), int((main - 2).abs().argmin())
        again = karras(torch.stack([main[bottom], main[top]]), spent + 1)[:-1] if top < bottom else main[:0]
        path = [*pairwise(main[: bottom + 1]), *times * list(pairwise(again)), *pairwise(main[bottom:])]
    at = path[0][0]
    for sigma, sigma_next in path:
        if sigma > at:
            x = x + noise(at, sigma) * (s_noise * (sigma**2 - at**2).sqrt())
        x = heun_step(denoise, x, sigma, sigma_next)
        at = sigma_next
        yield x
