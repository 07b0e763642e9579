"""Samplers: the ways from noise to a picture, one small generator and one row each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.noise import NoiseFn, NoiseKind
from modules.diffusion.sigmas import AUTOMATIC, SCHEDULES, Schedule, find_schedule

Denoise = Callable[[Tensor, Tensor], Tensor]
"""(x (B, C, h, w), sigma ()) -> the denoised x, of the same shape."""
Sampler = Callable[..., Iterator[Tensor]]
"""(denoise, x (B, C, h, w), sigmas (n + 1,) descending, noise: NoiseFn) -> yields x after each of the n steps.

x carries noise of standard deviation sigma: x = picture + sigma * noise. Some take `eta` (how much of each step is
redrawn as fresh noise, 0 is deterministic) and `s_noise` (a factor on that noise), both by keyword.
"""


def euler(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """Euler's method on the probability flow ODE: Algorithm 2 of Karras et al. (2022) without its second order."""
    for sigma, sigma_next in pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma
        x = x + slope * (sigma_next - sigma)
        yield x


def euler_ancestral(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 1.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """Ancestral sampling (Ho et al. 2020) with Euler steps: below the next sigma, then up to it with fresh noise."""
    for sigma, sigma_next in pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma
        down, up = ancestral_step(sigma, sigma_next, eta)
        x = x + slope * (down - sigma)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * (s_noise * up)
        yield x


def heun(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """Heun's method on the probability flow ODE: Algorithm 1 of Karras et al. (2022)."""
    for sigma, sigma_next in pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma
        ahead = x + slope * (sigma_next - sigma)
        if sigma_next > 0:
            slope_ahead = (ahead - denoise(ahead, sigma_next)) / sigma_next
            ahead = x + (slope + slope_ahead) / 2 * (sigma_next - sigma)
        x = ahead
        yield x


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
    """SDE-DPM-Solver++(2M) of Lu et al. (2022b), by the midpoint rule; h is a step in -log sigma."""
    before = x
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            h = (sigma / sigma_next).log()
            towards = -torch.expm1(-h * (1 + eta))
            x = (1 - towards) * x + towards * denoised
            if i > 0:
                r = (sigmas[i - 1] / sigma).log() / h
                x = x + towards * (denoised - before) / (2 * r)
            x = x + noise(sigma, sigma_next) * (s_noise * sigma_next * (-torch.expm1(-2 * eta * h)).sqrt())
        before = denoised
        yield x


def ddim(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, *, eta: float = 0.0, s_noise: float = 1.0
) -> Iterator[Tensor]:
    """DDIM: equation 12 of Song et al. (2020). Divided by sqrt(alpha) it is the ancestral Euler step, eta being 0."""
    return euler_ancestral(denoise, x, sigmas, noise, eta=eta, s_noise=s_noise)


def lcm(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn) -> Iterator[Tensor]:
    """Multistep consistency sampling: Algorithm 1 of Song et al. (2023), for the models of Luo et al. (2023).

    Their boundary condition is left out: at the distilled timesteps it changes x by less than one part in 100,000.
    """
    for sigma, sigma_next in pairwise(sigmas):
        x = denoise(x, sigma)
        if sigma_next > 0:
            x = x + sigma_next * noise(sigma, sigma_next)
        yield x


def ancestral_step(sigma: Tensor, sigma_next: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """(down, up): go down to the first without noise, then add noise of the second: down² + up² = sigma_next²."""
    up = torch.minimum(sigma_next, eta * sigma_next * (1 - (sigma_next / sigma) ** 2).sqrt())
    return (sigma_next**2 - up**2).sqrt(), up


@dataclass(frozen=True)
class SamplerRow:
    """One sampler, by the names A1111 knows it by, and what has to be known to run it."""

    name: str
    function: Sampler
    aliases: tuple[str, ...]
    default_schedule: str = "Uniform"
    """The label of the schedule that "Automatic" means."""
    noise: NoiseKind = "none"
    """What it draws during sampling."""
    calls_per_step: Literal[1, 2] = 1
    discard_penultimate: bool = False
    """The smallest sigma is left out: its last step is too long a way for it otherwise."""
    uses_ensd: bool = False
    """A1111 names the eta noise seed delta in this sampler's infotext."""
    on_timesteps: bool = False
    """A1111 runs it on whole timesteps: the schedule is its own, whatever was asked, and x begins at variance 1."""
    distilled_steps: int | None = None
    """The model was distilled on this many evenly spaced timesteps, and knows no others."""

    @property
    def options(self) -> Mapping[str, float]:
        """The keywords that its function takes, and their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}

    def sample(
        self, denoise: Denoise, x: Tensor, sigmas: Tensor, noise: NoiseFn, **options: float | None
    ) -> Iterator[Tensor]:
        """Its function with those of `options` that it takes; None and what it does not know are passed over."""
        known = {name: options[name] for name in self.options if options.get(name) is not None}
        return self.function(denoise, x, sigmas, noise, **known)


ROWS = (
    SamplerRow("DPM++ 2M", dpmpp_2m, ("k_dpmpp_2m",), "Karras"),
    SamplerRow("DPM++ SDE", dpmpp_sde, ("k_dpmpp_sde",), "Karras", "brownian", calls_per_step=2),
    SamplerRow("DPM++ 2M SDE", dpmpp_2m_sde, ("k_dpmpp_2m_sde",), "Exponential", "brownian"),
    SamplerRow("Euler a", euler_ancestral, ("k_euler_a", "k_euler_ancestral"), noise="gaussian", uses_ensd=True),
    SamplerRow("Euler", euler, ("k_euler",)),
    SamplerRow("Heun", heun, ("k_heun",), calls_per_step=2),
    SamplerRow("DDIM", ddim, ("ddim",), "DDIM", "gaussian", on_timesteps=True),
    SamplerRow("LCM", lcm, ("k_lcm",), noise="gaussian", distilled_steps=50),
)
SAMPLERS = {row.name: row for row in ROWS}


def find_sampler(name: str) -> SamplerRow:
    """The sampler with that name or alias, in whatever case.

    Raises: AquatintError naming what exists.
    """
    for row in SAMPLERS.values():
        if name.casefold() in (known.casefold() for known in (row.name, *row.aliases)):
            return row
    raise AquatintError(f"No sampler called '{name}'. There are: {', '.join(SAMPLERS)}.")


def split_merged_name(name: str) -> tuple[str, str | None]:
    """("DPM++ 2M", "Automatic") from "DPM++ 2M Karras", the way A1111 named samplers before 1.9.

    The schedule is its label, "Automatic" if it is the sampler's own default, or None if the name holds none.
    """
    for schedule in SCHEDULES.values():
        for known in schedule.names:
            sampler = name[: -len(known) - 1]
            if sampler and name.casefold() == f"{sampler} {known}".casefold():
                row = SAMPLERS.get(sampler)
                return sampler, AUTOMATIC if row and row.default_schedule == schedule.label else schedule.label
    return name, None


def schedule_for(sampler: SamplerRow, name: str | None) -> Schedule:
    """The schedule of that label, id or alias; the sampler's own for "Automatic", None and an empty name.

    Raises: AquatintError naming what exists.
    """
    if sampler.on_timesteps or not name or name.casefold() == AUTOMATIC.casefold():
        return SCHEDULES[sampler.default_schedule]
    return find_schedule(name)


def sampling_sigmas(
    sampler: SamplerRow, schedule: Schedule, training_sigmas: Tensor, steps: int, last: int | None = None
) -> Tensor:
    """The sigmas of one run, on the CPU: (n + 1,) strictly descending, ending in 0.

    n is `steps`, or `last` if only so many of the final steps are wanted; it is less where there are not so many
    different trained sigmas, and can be more with the schedule DDIM. `training_sigmas` (T,) ascend.
    """
    trained = training_sigmas.cpu()
    if sampler.distilled_steps:
        spacing = len(trained) // sampler.distilled_steps
        trained = trained[spacing - 1 :: spacing]
    sigmas = schedule.function(trained, steps + sampler.discard_penultimate)
    if sampler.discard_penultimate:
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    if sampler.distilled_steps:
        nearest = (sigmas[:-1, None].log() - trained.log()).abs().argmin(dim=1)
        sigmas = torch.cat([trained[nearest], sigmas[-1:]])
    distinct: Tensor = torch.unique_consecutive(sigmas if last is None else sigmas[-last - 1 :])
    return distinct
