"""A1111's `modules.sd_schedulers`: the noise schedules, by their names."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor

from modules.diffusion.sigmas import AUTOMATIC, SCHEDULES, Schedule

from .bridge.model_face import sd_model


@dataclasses.dataclass
class Scheduler:
    """One schedule, as A1111 describes it."""

    name: str
    label: str
    function: Any = None
    default_rho: float = -1
    need_inner_model: bool = False
    aliases: list[str] | None = None


FROM_MODEL = ("uniform", "sgm_uniform", "simple", "normal", "ddim", "beta", "turbo")
"""Those that look at the levels that the model was trained on, and want it in A1111."""
RHO = {"karras": 7.0, "polyexponential": 1.0}


def _row(schedule: Schedule) -> Scheduler:
    def sigmas(n: int, sigma_min: Any = 0, sigma_max: Any = 0, *_: Any, device: Any = None, **more: Any) -> Tensor:
        """So many levels of noise and 0, between these two where the schedule has ends of its own."""
        ends = {"sigma_min": float(sigma_min), "sigma_max": float(sigma_max), "rho": float(more.get("rho") or 0)}
        shaped = schedule.fitted(sdxl=sd_model.is_sdxl).shaped(**ends)
        levels = shaped.function(sd_model.training_sigmas.cpu(), n)
        return levels if device is None else levels.to(device)

    return Scheduler(
        schedule.id,
        schedule.label,
        sigmas,
        RHO.get(schedule.id, -1),
        schedule.id in FROM_MODEL,
        list(schedule.aliases) or None,
    )


schedulers = [Scheduler("automatic", AUTOMATIC), *(_row(schedule) for schedule in SCHEDULES.values())]
schedulers_map = {name: each for each in schedulers for name in (each.name, each.label)}
FUNCTIONS = {
    **{"uniform": "uniform", "sgm_uniform": "sgm_uniform", "get_align_your_steps_sigmas": "align_your_steps"},
    **{"kl_optimal": "kl_optimal", "simple_scheduler": "simple", "normal_scheduler": "normal"},
    **{"ddim_scheduler": "ddim", "beta_scheduler": "beta"},
}
"""A1111's names for some of the functions."""


def to_d(x: Tensor, sigma: Tensor, denoised: Tensor) -> Tensor:
    """The slope at x (B, ...) of the way to what the network says is there."""
    return (x - denoised) / sigma.reshape(-1, *[1] * (x.ndim - 1))


def __getattr__(name: str) -> Any:
    found = schedulers_map.get(FUNCTIONS.get(name, ""))
    if found is None:
        raise AttributeError(f"modules.sd_schedulers has no {name}")
    return found.function
