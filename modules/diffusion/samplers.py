"""Samplers: the ways from noise to a picture, one row each; their solvers are in the files beside this one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.noise import NoiseFn, NoiseKind
from modules.diffusion.sigmas import AUTOMATIC, SCHEDULES, SKIP_TYPES, Schedule, find_schedule
from modules.diffusion.solvers import Denoise, Sampler
from modules.diffusion.solvers_ancestral import (
    ddim,
    ddim_cfgpp,
    ddpm,
    dpm_2_ancestral,
    dpmpp_2s_ancestral,
    euler_ancestral,
    lcm,
)
from modules.diffusion.solvers_dpm import dpm_adaptive, dpm_fast
from modules.diffusion.solvers_dpmpp import dpmpp_2m, dpmpp_2m_sde, dpmpp_2m_sde_heun, dpmpp_3m_sde, dpmpp_sde
from modules.diffusion.solvers_multistep import deis, ipndm, ipndm_v, lms, plms, uni_pc
from modules.diffusion.solvers_runge_kutta import dpm_2, euler, heun, heun_plus_plus, restart


@dataclass(frozen=True)
class SamplerRow:
    """One sampler, by the names A1111 knows it by, and what has to be known to run it."""

    name: str
    function: Sampler
    aliases: tuple[str, ...]
    default_schedule: str = "Uniform"
    """The label of the schedule that "Automatic" means."""
    noise: NoiseKind = "none"
    """What it draws during sampling; for those with `s_churn`, only when that is asked for."""
    calls_per_step: int | None = 1
    """How often it calls the model; the first and last steps may differ. None: as often as it needs."""
    discard_penultimate: bool = False
    """The smallest sigma is left out: its last step is too long a way for it otherwise."""
    uses_ensd: bool = False
    """A1111 names the eta noise seed delta in this sampler's infotext."""
    on_timesteps: bool = False
    """A1111 runs it on whole timesteps: the schedule is its own, whatever was asked, and x begins at variance 1."""
    cfg_divisor: float = 1.0
    """The guidance scale is divided by this; with more than 1 it is asked for the unguided prediction as well."""
    distilled_steps: int | None = None
    """The model was distilled on this many evenly spaced timesteps, and knows no others."""
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    """Its own schedules, by what it calls them; the first is its default."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The keywords that its function takes, and their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}

    @property
    def sees_unconditional(self) -> bool:
        """Whether it looks at what the model says to the negative prompt alone."""
        return self.cfg_divisor > 1

    def sample(
        self,
        denoise: Denoise,
        x: Tensor,
        sigmas: Tensor,
        noise: NoiseFn,
        unconditional: Callable[[], Tensor] | None = None,
        /,
        **options: Any,
    ) -> Iterator[Tensor]:
        """Its function with those of `options` that it takes; None and what it does not know are passed over.

        `unconditional` () -> (B, C, h, w): what the last call of `denoise` said to the negative prompts alone.
        """
        known = {name: options[name] for name in self.options if options.get(name) is not None}
        if self.sees_unconditional:
            return self.function(denoise, x, sigmas, noise, unconditional, **known)
        return self.function(denoise, x, sigmas, noise, **known)


ROWS = (
    SamplerRow("DPM++ 2M", dpmpp_2m, ("k_dpmpp_2m",), "Karras"),
    SamplerRow("DPM++ SDE", dpmpp_sde, ("k_dpmpp_sde",), "Karras", "brownian", calls_per_step=2),
    SamplerRow("DPM++ 2M SDE", dpmpp_2m_sde, ("k_dpmpp_2m_sde",), "Exponential", "brownian"),
    SamplerRow("DPM++ 2M SDE Heun", dpmpp_2m_sde_heun, ("k_dpmpp_2m_sde_heun",), "Exponential", "brownian"),
    SamplerRow("DPM++ 2S a", dpmpp_2s_ancestral, ("k_dpmpp_2s_a",), "Karras", "gaussian", 2, uses_ensd=True),
    SamplerRow("DPM++ 3M SDE", dpmpp_3m_sde, ("k_dpmpp_3m_sde",), "Exponential", "brownian", discard_penultimate=True),
    SamplerRow("Euler a", euler_ancestral, ("k_euler_a", "k_euler_ancestral"), noise="gaussian", uses_ensd=True),
    SamplerRow("Euler", euler, ("k_euler",), noise="gaussian"),
    SamplerRow("LMS", lms, ("k_lms",)),
    SamplerRow("Heun", heun, ("k_heun",), noise="gaussian", calls_per_step=2),
    SamplerRow("DPM2", dpm_2, ("k_dpm_2",), "Karras", "gaussian", 2, discard_penultimate=True),
    SamplerRow(
        "DPM2 a", dpm_2_ancestral, ("k_dpm_2_a",), "Karras", "gaussian", 2, discard_penultimate=True, uses_ensd=True
    ),
    SamplerRow("DPM fast", dpm_fast, ("k_dpm_fast",), noise="gaussian", uses_ensd=True),
    SamplerRow("DPM adaptive", dpm_adaptive, ("k_dpm_ad",), noise="gaussian", calls_per_step=None, uses_ensd=True),
    SamplerRow("Restart", restart, ("restart",), "Karras", "gaussian", 2),
    SamplerRow("DDIM", ddim, ("ddim",), "DDIM", "gaussian", on_timesteps=True),
    SamplerRow("DDIM CFG++", ddim_cfgpp, ("ddim_cfgpp",), "DDIM", "gaussian", on_timesteps=True, cfg_divisor=12.5),
    SamplerRow("PLMS", plms, ("plms",), "DDIM", on_timesteps=True),
    SamplerRow("UniPC", uni_pc, ("unipc",), "SGM Uniform", on_timesteps=True, schedules=SKIP_TYPES),
    SamplerRow("LCM", lcm, ("k_lcm",), noise="gaussian", distilled_steps=50),
    SamplerRow("HeunPP2", heun_plus_plus, ("heunpp2", "k_heunpp2"), noise="gaussian", calls_per_step=3),
    SamplerRow("IPNDM", ipndm, ("ipndm", "k_ipndm")),
    SamplerRow("IPNDM_V", ipndm_v, ("ipndm_v", "k_ipndm_v")),
    SamplerRow("DEIS", deis, ("deis", "k_deis")),
    SamplerRow("DDPM", ddpm, ("ddpm",), noise="gaussian"),
)
"""A1111's in its order, then Forge's."""
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
    endings = [(known, each) for each in SCHEDULES.values() for known in each.names]
    for known, schedule in sorted(endings, key=lambda ending: -len(ending[0])):
        sampler = name[: -len(known) - 1]
        if sampler and name.casefold() == f"{sampler} {known}".casefold():
            row = SAMPLERS.get(sampler)
            return sampler, AUTOMATIC if row and row.default_schedule == schedule.label else schedule.label
    return name, None


def schedule_for(
    sampler: SamplerRow, name: str | None, *, sdxl: bool = False, skip_type: str = "", **shape: float
) -> Schedule:
    """The schedule of that label, id or alias; the sampler's own for "Automatic", None and an empty name.

    `sdxl`: for a model of that family, to which some schedules are fitted. `skip_type`: which of the sampler's own,
    where it has several. `shape`: what `Schedule.shaped` takes; whole timesteps are not moved by it.

    Raises: AquatintError naming what exists.
    """
    if sampler.on_timesteps:
        return sampler.schedules.get(skip_type, SCHEDULES[sampler.default_schedule])
    own = not name or name.casefold() == AUTOMATIC.casefold()
    schedule = SCHEDULES[sampler.default_schedule] if own else find_schedule(name or "").fitted(sdxl=sdxl)
    return schedule.shaped(**shape)


def sampling_sigmas(
    sampler: SamplerRow,
    schedule: Schedule,
    training_sigmas: Tensor,
    steps: int,
    last: int | None = None,
    *,
    discard_penultimate: bool = False,
) -> Tensor:
    """The sigmas of one run, on the CPU: (n + 1,) strictly descending, ending in 0.

    n is `steps`, or `last` if only so many of the final steps are wanted; it is less where there are not so many
    different trained sigmas, and can be more with the schedule DDIM. `training_sigmas` (T,) ascend.
    `discard_penultimate` leaves the smallest sigma out whatever the sampler is; whole timesteps all stay.
    """
    discards = sampler.discard_penultimate or (discard_penultimate and not sampler.on_timesteps)
    trained = training_sigmas.cpu()
    if sampler.distilled_steps:
        spacing = len(trained) // sampler.distilled_steps
        trained = trained[spacing - 1 :: spacing]
    sigmas = schedule.function(trained, steps + discards)
    if discards:
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    if sampler.distilled_steps:
        nearest = (sigmas[:-1, None].log() - trained.log()).abs().argmin(dim=1)
        sigmas = torch.cat([trained[nearest], sigmas[-1:]])
    distinct: Tensor = torch.unique_consecutive(sigmas if last is None else sigmas[-last - 1 :])
    return distinct
