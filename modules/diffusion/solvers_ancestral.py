"""Solvers that go below the next sigma and up to it again with fresh noise: the "a" samplers, DDIM, DDPM and LCM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from torch import Tensor

from modules.diffusion.noise import NoiseFn
from modules.diffusion.solvers import Denoise, ancestral_step
from modules.diffusion.solvers_runge_kutta import Step, euler_step, midpoint_step


def _ancestral_steps(
    step: Step, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, eta: float, s_noise: float
) -> Iterator[Tensor]:
    """`step` down below the next sigma, and fresh noise up to it."""
    for sigma, sigma_next in pairwise(sigmas):
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = step(denoise, x, sigma, down)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * (s_noise * up)
        yield x


def euler_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """Ancestral sampling (Ho et al. 2020) with Euler steps: below the next sigma, then up to it with fresh noise."""
    return _ancestral_steps(euler_step, denoise, x, sigmas, noise, eta, s_noise)


def dpm_2_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """Ancestral sampling (Ho et al. 2020) whose way down is a step of DPM-Solver-2 (Lu et al. 2022a)."""
    return _ancestral_steps(midpoint_step, denoise, x, sigmas, noise, eta, s_noise)


def dpmpp_2s_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """Ancestral sampling whose way down is DPM-Solver++(2S): Algorithm 1 of Lu et al. (2022b), r being 1/2."""
    for sigma, sigma_next in pairwise(sigmas):
        down, up = ancestral_step(sigma, sigma_next, eta)
        denoised = denoise(x, sigma)
        if down > 0:
            middle = (sigma * down).sqrt()
            denoised = denoise(denoised + (middle / sigma) * (x - denoised), middle)
        x = denoised + (down / sigma) * (x - denoised)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * (s_noise * up)
        yield x


def ddim(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 0.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """DDIM: equation 12 of Song et al. (2020). Divided by sqrt(alpha) it is the ancestral Euler step, eta being 0."""
    return euler_ancestral(denoise, x, sigmas, noise, eta=eta, s_noise=s_noise)


def ddim_cfgpp(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: NoiseFn,
    unconditional: Callable[[], Tensor] | None = None,
    *,
    eta: float = 0.0,
    s_noise: float = 1.0,
) -> Iterator[Tensor]:
    """DDIM CFG++: Algorithm 2 of Chung et al. (2024). It is guided as ever, and noised by the unguided prediction.

    `unconditional` () -> (B, C, h, w): what the last call of `denoise` would have given for the negative prompt alone.
    """
    for sigma, sigma_next in pairwise(sigmas):
        denoised = denoise(x, sigma)
        slope = (x - (unconditional() if unconditional else denoised)) / sigma
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = denoised + slope * down
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * (s_noise * up)
        yield x


def ddpm(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, s_noise: float = 1.0) -> Iterator[Tensor]:
    """DDPM: Algorithm 2 of Ho et al. (2020), which is DDIM with an eta of 1."""
    return euler_ancestral(denoise, x, sigmas, noise, eta=1.0, s_noise=s_noise)


def lcm(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """Multistep consistency sampling: Algorithm 1 of Song et al. (2023), for the models of Luo et al. (2023).

    Their boundary condition is left out: at the distilled timesteps it changes x by less than one part in 100,000.
    """
    for sigma, sigma_next in pairwise(sigmas):
        x = denoise(x, sigma)
        if sigma_next > 0:
            x = x + sigma_next * noise(sigma, sigma_next)
        yield x
