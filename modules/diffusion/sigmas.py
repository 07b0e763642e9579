"""Schedules: the noise levels (sigmas) that a sampler visits, one small function and one row each."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from scipy.special import betaincinv
from torch import Tensor

from modules.diffusion.errors import AquatintError

AUTOMATIC = "Automatic"
"""Not a schedule but a wish: the one that suits the sampler."""

ALIGNED = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
ALIGNED_SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)
"""The optimized sigmas that Sabour et al. (2024) publish for SD 1.5 and for SDXL."""

ScheduleFunction = Callable[..., Tensor]
"""(training sigmas (T,) ascending, steps) -> (steps + 1,) descending, the last one 0.

By keyword some take `sigma_min` and `sigma_max`, the ends to go between instead of the trained ones, `rho`, how steep
they are, and `alpha` and `beta`, the shape of a distribution.
"""


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


def zero_terminal_snr(products: Tensor) -> Tensor:
    """Products of alphas (T,), descending, moved so that the last is (almost) 0 and the first stays: Algorithm 1 of Lin
    et al. (2023), "Common Diffusion Noise Schedules and Sample Steps are Flawed". The last is A1111's, whose sigma is
    4518.8: that of 0 would be infinite."""
    roots = products.sqrt()
    moved = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
    moved[-1] = 4.8973451890853435e-08
    return moved


def with_zero_terminal_snr(training_sigmas: Tensor) -> Tensor:
    """The trained sigmas (T,), ascending, as `zero_terminal_snr` moves them."""
    products = zero_terminal_snr(1 / (1 + training_sigmas.double() ** 2))
    return ((1 - products) / products).sqrt().to(training_sigmas)


def uniform(training_sigmas: Tensor, steps: int) -> Tensor:
    """Even in time from the last trained timestep to the first: k-diffusion's `get_sigmas`."""
    t = torch.linspace(len(training_sigmas) - 1, 0, steps, dtype=training_sigmas.dtype)
    return _then_zero(t_to_sigma(training_sigmas, t))


def karras(
    training_sigmas: Tensor, steps: int, *, sigma_min: float = 0.0, sigma_max: float = 0.0, rho: float = 7.0
) -> Tensor:
    """Equation 5 of Karras et al. (2022), between the smallest and the largest sigma."""
    low, high = (end ** (1 / rho) for end in _ends(training_sigmas, sigma_min, sigma_max))
    ramp = torch.linspace(0, 1, steps, dtype=training_sigmas.dtype)
    return _then_zero((high + ramp * (low - high)) ** rho)


def exponential(training_sigmas: Tensor, steps: int, *, sigma_min: float = 0.0, sigma_max: float = 0.0) -> Tensor:
    """Even in log sigma, between the largest and the smallest sigma."""
    low, high = (math.log(end) for end in _ends(training_sigmas, sigma_min, sigma_max))
    return _then_zero(torch.linspace(high, low, steps, dtype=training_sigmas.dtype).exp())


def polyexponential(
    training_sigmas: Tensor, steps: int, *, sigma_min: float = 0.0, sigma_max: float = 0.0, rho: float = 1.0
) -> Tensor:
    """A polynomial of degree rho in log sigma: k-diffusion's; A1111's rho of 1 makes it the exponential one."""
    low, high = (end.log() for end in _ends(training_sigmas, sigma_min, sigma_max))
    ramp = torch.linspace(1, 0, steps, dtype=training_sigmas.dtype) ** rho
    return _then_zero(torch.lerp(low, high, ramp).exp())


def sgm_uniform(training_sigmas: Tensor, steps: int, *, sigma_min: float = 0.0, sigma_max: float = 0.0) -> Tensor:
    """Even in time, stopping one spacing short of the last timestep: Stability's generative-models."""
    return _then_zero(_even_in_time(training_sigmas, steps + 1, sigma_min, sigma_max)[:-1])


def kl_optimal(training_sigmas: Tensor, steps: int, *, sigma_min: float = 0.0, sigma_max: float = 0.0) -> Tensor:
    """Even in the arc tangent of sigma: theorem 3.1 of Sabour et al. (2024). What A1111 does not go on to is 0."""
    low, high = (end.atan() for end in _ends(training_sigmas, sigma_min, sigma_max))
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


def normal(training_sigmas: Tensor, steps: int, *, sigma_min: float = 0.0, sigma_max: float = 0.0) -> Tensor:
    """ComfyUI's name for what k-diffusion calls uniform, with ends that may be moved."""
    return _then_zero(_even_in_time(training_sigmas, steps, sigma_min, sigma_max))


def beta_quantiles(
    training_sigmas: Tensor,
    steps: int,
    *,
    sigma_min: float = 0.0,
    sigma_max: float = 0.0,
    alpha: float = 0.6,
    beta: float = 0.6,
) -> Tensor:
    """Sigmas spread by quantiles of a beta distribution: Lee et al. (2024), as A1111 reads it."""
    low, high = _ends(training_sigmas, sigma_min, sigma_max)
    quantiles = torch.linspace(1, 0, steps, dtype=torch.float64).numpy()
    spread = torch.from_numpy(betaincinv(alpha, beta, quantiles)).to(training_sigmas.dtype)
    return _then_zero(torch.lerp(low, high, spread))


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


def time_quadratic(training_sigmas: Tensor, steps: int) -> Tensor:
    """Even in the root of time, counted from 1 / T to 1, stopping one spacing short of the end: UniPC's."""
    last = len(training_sigmas)
    roots = torch.linspace(1, last**-0.5, steps + 1, dtype=training_sigmas.dtype)
    return _then_zero(t_to_sigma(training_sigmas, (last * roots[:-1] ** 2 - 1).clamp(0, last - 1)))


def log_snr(training_sigmas: Tensor, steps: int) -> Tensor:
    """Even in log sigma, stopping one spacing short of the smallest: UniPC's."""
    whole = exponential(training_sigmas, steps + 1)
    return torch.cat([whole[:-2], whole[-1:]])


def _ends(training_sigmas: Tensor, sigma_min: float, sigma_max: float) -> tuple[Tensor, Tensor]:
    """The smallest and the largest sigma: the trained ones where 0 is asked for. Raises: AquatintError."""
    low = training_sigmas.new_tensor(sigma_min) if sigma_min else training_sigmas[0]
    high = training_sigmas.new_tensor(sigma_max) if sigma_max else training_sigmas[-1]
    if low >= high:
        raise AquatintError(
            f"The schedule cannot go from sigma {high:.4g} down to {low:.4g}: choose a smaller 'Schedule min sigma',"
            " a larger 'Schedule max sigma', or 0 for the model's own."
        )
    return low, high


def _even_in_time(training_sigmas: Tensor, count: int, sigma_min: float, sigma_max: float) -> Tensor:
    """(count,): from the largest sigma to the smallest."""
    end, start = (sigma_to_t(training_sigmas, each) for each in _ends(training_sigmas, sigma_min, sigma_max))
    return t_to_sigma(training_sigmas, torch.linspace(float(start), float(end), count, dtype=training_sigmas.dtype))


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

    @property
    def options(self) -> Mapping[str, float]:
        """The keywords that its function takes, and their defaults."""
        parameters = inspect.signature(self.function).parameters.values()
        return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}

    def shaped(self, **options: float) -> Schedule:
        """The schedule with those of `options` that it takes; what it does not know, and 0, is passed over."""
        known = {name: value for name, value in options.items() if value and name in self.options}
        return dataclasses.replace(self, function=partial(self.function, **known)) if known else self

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
    Schedule("Beta", "beta", beta_quantiles),
    Schedule("Turbo", "turbo", turbo),
)
"""A1111's in its order (the first, Automatic, is a wish), then Forge's."""
SCHEDULES = {row.label: row for row in ROWS}
SKIP_TYPES = {
    "time_uniform": SCHEDULES["SGM Uniform"],
    "time_quadratic": Schedule("UniPC's time_quadratic", "time_quadratic", time_quadratic),
    "logSNR": Schedule("UniPC's logSNR", "logSNR", log_snr),
}
"""UniPC's own schedules, by A1111's names."""


def find_schedule(name: str) -> Schedule:
    """The schedule with that label, id or alias, in whatever case.

    Raises: AquatintError naming what exists.
    """
    for schedule in SCHEDULES.values():
        if name.casefold() in (known.casefold() for known in schedule.names):
            return schedule
    raise AquatintError(f"No schedule type called '{name}'. There are: {', '.join((AUTOMATIC, *SCHEDULES))}.")
