"""Schedules: the noise levels (sigmas) that a sampler visits, one small function and one row each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.special import betaincinv
from torch import Tensor

from modules.diffusion.errors import AquatintError

AUTOMATIC = "Automatic"
"""Not a schedule but a wish: the one that suits the sampler."""

ALIGNED = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
ALIGNED_SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)
"""The optimized sigmas that Sabour et al. (2024) publish for SD 1.5 and for SDXL."""

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


def polyexponential(training_sigmas: Tensor, steps: int, rho: float = 1.0) -> Tensor:
    """A polynomial of degree rho in log sigma: k-diffusion's; A1111's rho of 1 makes it the exponential one."""
    low, high = training_sigmas[0].log(), training_sigmas[-1].log()
    ramp = torch.linspace(1, 0, steps, dtype=training_sigmas.dtype) ** rho
    return _then_zero(torch.lerp(low, high, ramp).exp())


def sgm_uniform(training_sigmas: Tensor, steps: int) -> Tensor:
    """Even in time, stopping one spacing short of the first timestep: Stability's generative-models."""
    t = torch.linspace(len(training_sigmas) - 1, 0, steps + 1, dtype=training_sigmas.dtype)
    return _then_zero(t_to_sigma(training_sigmas, t[:-1]))


def kl_optimal(training_sigmas: Tensor, steps: int) -> Tensor:
    """Even in the arc tangent of sigma: theorem 3.1 of Sabour et al. (2024). What A1111 does not go on to is 0."""
    low, high = training_sigmas[0].atan(), training_sigmas[-1].atan()
    ramp = torch.arange(steps, dtype=training_sigmas.dtype) / steps
    return _then_zero(torch.lerp(high, low, ramp).tan())


def align_your_steps(training_sigmas: Tensor, steps: int) -> Tensor:
    """The sigmas of Sabour et al. (2024) for SD 1.5, log-linear between them for other numbers of steps."""
    return _through(ALIGNED, training_sigmas, steps)


def align_your_steps_sdxl(training_sigmas: Tensor, steps: int) -> Tensor:
    """The sigmas of Sabour et al. (2024) for SDXL, log-linear between them for other numbers of steps."""
    return _through(ALIGNED_SDXL, training_sigmas, steps)


def _through(known: tuple[float, ...], training_sigmas: Tensor, steps: int) -> Tensor:
    logs = torch.tensor(known, dtype=training_sigmas.dtype).log()
    place = torch.linspace(0, len(known) - 1, steps, dtype=training_sigmas.dtype)
    return _then_zero(torch.lerp(logs[place.floor().long()], logs[place.ceil().long()], place.frac()).exp())


def simple(training_sigmas: Tensor, steps: int) -> Tensor:
    """Every (T / steps)-th trained sigma, counted from the largest and rounded to a trained one: ComfyUI's."""
    spacing = len(training_sigmas) / steps
    return _then_zero(training_sigmas[[-(1 + int(i * spacing)) for i in range(steps)]])


def normal(training_sigmas: Tensor, steps: int) -> Tensor:
    """ComfyUI's name for what k-diffusion calls uniform."""
    return uniform(training_sigmas, steps)


def beta(training_sigmas: Tensor, steps: int, alpha: float = 0.6) -> Tensor:
    """Sigmas spread by quantiles of the beta distribution of 0.6 and 0.6: Lee et al. (2024), as A1111 reads it."""
    quantiles = torch.linspace(1, 0, steps, dtype=torch.float64).numpy()
    spread = torch.from_numpy(betaincinv(alpha, alpha, quantiles)).to(training_sigmas.dtype)
    return _then_zero(torch.lerp(training_sigmas[0], training_sigmas[-1], spread))


def turbo(training_sigmas: Tensor, steps: int) -> Tensor:
    """The trained sigmas nearest to every (T / steps)-th timestep, the last one first: Forge's, from SDXL Turbo's."""
    timesteps = torch.arange(steps, 0, -1, dtype=torch.float64) * (len(training_sigmas) / steps) - 1
    return _then_zero(training_sigmas[timesteps.round().long().clamp(0, len(training_sigmas) - 1)])


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
    for_sdxl: ScheduleFunction | None = None
    """What it is for SDXL, if that is another one."""

    def fitted(self, *, sdxl: bool) -> Schedule:
        """The schedule as it is for a model of that family."""
        return dataclasses.replace(self, function=self.for_sdxl) if sdxl and self.for_sdxl else self

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it may be called."""
        return (self.label, self.id, *self.aliases)


ROWS = (
    Schedule("Uniform", "uniform", uniform),
    Schedule("Karras", "karras", karras),
    Schedule("Exponential", "exponential", exponential),
    Schedule("Polyexponential", "polyexponential", polyexponential),
    Schedule("SGM Uniform", "sgm_uniform", sgm_uniform, ("SGMUniform",)),
    Schedule("KL Optimal", "kl_optimal", kl_optimal),
    Schedule("Align Your Steps", "align_your_steps", align_your_steps, for_sdxl=align_your_steps_sdxl),
    Schedule("Simple", "simple", simple),
    Schedule("Normal", "normal", normal),
    Schedule("DDIM", "ddim", ddim),
    Schedule("Beta", "beta", beta),
    Schedule("Turbo", "turbo", turbo),
)
"""A1111's in its order (the first, Automatic, is a wish), then Forge's."""
SCHEDULES = {row.label: row for row in ROWS}


def find_schedule(name: str) -> Schedule:
    """The schedule with that label, id or alias, in whatever case.

    Raises: AquatintError naming what exists.
    """
    for schedule in SCHEDULES.values():
        if name.casefold() in (known.casefold() for known in schedule.names):
            return schedule
    raise AquatintError(f"No schedule type called '{name}'. There are: {', '.join((AUTOMATIC, *SCHEDULES))}.")
