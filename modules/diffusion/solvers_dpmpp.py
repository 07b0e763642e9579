"""Solvers of the DPM-Solver++ family: exact for the linear part, in steps of log sigma."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from modules.diffusion.noise import NoiseFn
from modules.diffusion.solvers import Denoise, ancestral_step


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """DPM-Solver++(2M): Algorithm 2 of Lu et al. (2022b); the second order comes from the step before."""
    before = x
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        target = denoised
        if i > 0 and sigma_next > 0:
            r = (sigmas[i - 1] / sigma).log() / (sigma / sigma_next).log()
            target = denoised + (denoised - before) / (2 * r)
        x = target + (sigma_next / sigma) * (x - target)
        before = denoised
        yield x


def dpmpp_sde(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """DPM-Solver++ for the SDE: two ancestral steps of Lu et al. (2022b), the second with the denoised of the middle.

    Needs Brownian noise: the half step and the whole one look at the same path.
    """
    for sigma, sigma_next in pairwise(sigmas):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            middle = (sigma * sigma_next).sqrt()
            down, up = ancestral_step(sigma, middle, eta)
            halfway = denoised + (down / sigma) * (x - denoised) + noise(sigma, middle) * (s_noise * up)
            denoised = denoise(halfway, middle)
            down, up = ancestral_step(sigma, sigma_next, eta)
            x = denoised + (down / sigma) * (x - denoised) + noise(sigma, sigma_next) * (s_noise * up)
        yield x


def dpmpp_2m_sde(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """SDE-DPM-Solver++(2M) of Lu et al. (2022b), by the midpoint rule."""
    return _multistep_sde(denoise, x, sigmas, noise, eta, s_noise, order=2, midpoint=True)


def dpmpp_2m_sde_heun(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """SDE-DPM-Solver++(2M) of Lu et al. (2022b), with the weight phi 2 of the exponential integrator itself."""
    return _multistep_sde(denoise, x, sigmas, noise, eta, s_noise, order=2)


def dpmpp_3m_sde(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """DPM-Solver++(3M) for the SDE: Crowson's in k-diffusion, with the divided differences of Lu et al. (2022b)."""
    return _multistep_sde(denoise, x, sigmas, noise, eta, s_noise, order=3)


def _multistep_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: NoiseFn,
    eta: float,
    s_noise: float,
    *,
    order: int,
    midpoint: bool = False,
) -> Iterator[Tensor]:
    """The multistep solvers of the SDE; h is a step in -log sigma, and a Taylor term of it has the weight phi."""
    past: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        past = [denoise(x, sigma), *past[: order - 1]]
        if sigma_next == 0:
            x = past[0]
        else:
            h = (sigma / sigma_next).log()
            stretched = h * (1 + eta)
            towards = -torch.expm1(-stretched)
            x = (1 - towards) * x + towards * past[0]
            phi_2 = towards / 2 if midpoint else 1 - towards / stretched
            if len(past) == 2:
                x = x + phi_2 * (past[0] - past[1]) * (h / (sigmas[i - 1] / sigma).log())
            elif len(past) == 3:
                first, second = _differences(past, h, sigmas[i - 2 : i + 1])
                x = x + phi_2 * first - (phi_2 / stretched - 0.5) * second
            x = x + noise(sigma, sigma_next) * (s_noise * sigma_next * (-torch.expm1(-2 * eta * h)).sqrt())
        yield x


def _differences(past: list[Tensor], h: Tensor, sigmas: Tensor) -> tuple[Tensor, Tensor]:
    """The first and second derivative of the denoised x, in units of h, from its last three values (newest first)."""
    r_1, r_2 = (sigmas[1] / sigmas[2]).log() / h, (sigmas[0] / sigmas[1]).log() / h
    newer, older = (past[0] - past[1]) / r_1, (past[1] - past[2]) / r_2
    bend = (newer - older) / (r_1 + r_2)
    return newer + bend * r_1, bend
