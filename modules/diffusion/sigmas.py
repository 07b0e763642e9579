"""Schedules: the noise levels (sigmas) that a sampler visits, one small function and one row each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from modules.diffusion.errors import AquatintError

AUTOMATIC = "Automatic"
"""Not a schedule but a wish: the one that suits the sampler."""

ScheduleFunction = Callable[[Tensor, int], Tensor]
"""(training sigmas (T,) ascending, steps) -> (steps + 1,) descending, the last one 0."""


def sigma_to_t(training_sigmas: Tensor, sigma: Tensor) -> Tensor:
    """The timestep (fractional, 0 to T - 1) of noise level `sigma` (any shape), linear in log sigma."""
    logs = training_sigmas.log()
    log_sigma = sigma.log()
    high = torch.searchsorted(logs, log_sigma).clamp(1, len(logs) - 1)
    low = high - 1
    return low + ((log_sigma - logs[low]) / (logs[high] - logs[low])).clamp(0, 1)


def t_to_sigma(training_sigmas: Tensor, t: Tensor) -> Tensor:
    """The noise level of the fractional timestep `t` (any shape); the inverse of `sigma_to_t`."""
    logs = training_sigmas.log()
    return torch.lerp(logs[t.floor().long()], logs[t.ceil().long()], t.frac()).exp()


def uniform(training_sigmas: Tensor, steps: int) -> Tensor:
    """Even in time from the last trained timestep to the first: k-diffusion's `get_sigmas`."""
    t = torch.linspace(len(training_sigmas) - 1, 0, steps, dtype=training_sigmas.dtype)
    return _then_zero(t_to_sigma(training_sigmas, t))


def karras(training_sigmas: Tensor, steps: int, rho: float = 7.0) -> Tensor:
    """Equation 5 of Karras et al. (2022), between the smallest and the largest trained sigma."""
    low, high = training_sigmas[0] ** (1 / rho), training_sigmas[-1] ** (1 / rho)
    ramp = torch.linspace(0, 1, steps, dtype=training_sigmas.dtype)
    return _then_zero((high + ramp * (low - high)) ** rho)


def exponential(training_sigmas: Tensor, steps: int) -> Tensor:
    """Even in log sigma, between the largest and the smallest trained sigma."""
    high, low = math.log(training_sigmas[-1]), math.log(training_sigmas[0])
    return _then_zero(torch.linspace(high, low, steps, dtype=training_sigmas.dtype).exp())


def sgm_uniform(training_sigmas: Tensor, steps: int) -> Tensor:
    """Even in time, stopping one spacing short of the first timestep: Stability's generative-models."""
    t = torch.linspace(len(training_sigmas) - 1, 0, steps + 1, dtype=training_sigmas.dtype)
    return _then_zero(t_to_sigma(training_sigmas, t[:-1]))


def simple(training_sigmas: Tensor, steps: int) -> Tensor:
    """Every (T / steps)-th trained sigma, counted from the largest and rounded to a trained one: ComfyUI's."""
    spacing = len(training_sigmas) / steps
    return _then_zero(training_sigmas[[-(1 + int(i * spacing)) for i in range(steps)]])


def normal(training_sigmas: Tensor, steps: int) -> Tensor:
    """ComfyUI's name for what k-diffusion calls uniform."""
    return uniform(training_sigmas, steps)


def ddim(training_sigmas: Tensor, steps: int) -> Tensor:
    """Every (T // steps)-th trained sigma, counted from timestep 1: Song et al. (2020), as CompVis wrote it.

    The whole-number spacing does not always divide the range. As in A1111 the first sigma is then higher and no
    step is left out, so that a few step counts give more steps than were asked for (60: 62, 150: 166).
    """
    visited = training_sigmas[1 :: max(1, len(training_sigmas) // steps)].flip(0)
    return _then_zero(visited[:steps] if len(visited) == steps + 1 else visited)


def _then_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


@dataclass(frozen=True)
class Schedule:
    """One schedule type, by the names A1111 knows it by."""

    label: str
    id: str
    function: ScheduleFunction
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it may be called."""
        return (self.label, self.id, *self.aliases)


ROWS = (
    Schedule("Uniform", "uniform", uniform),
    Schedule("Karras", "karras", karras),
    Schedule("Exponential", "exponential", exponential),
    Schedule("SGM Uniform", "sgm_uniform", sgm_uniform, ("SGMUniform",)),
    Schedule("Simple", "simple", simple),
    Schedule("Normal", "normal", normal),
    Schedule("DDIM", "ddim", ddim),
)
SCHEDULES = {row.label: row for row in ROWS}


def find_schedule(name: str) -> Schedule:
    """The schedule with that label, id or alias, in whatever case.

    Raises: AquatintError naming what exists.
    """
    for schedule in SCHEDULES.values():
        if name.casefold() in (known.casefold() for known in schedule.names):
            return schedule
    raise AquatintError(f"No schedule type called '{name}'. There are: {', '.join((AUTOMATIC, *SCHEDULES))}.")
