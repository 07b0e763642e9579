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


def _row(schedule: Schedule) -> Scheduler:
    def sigmas(n: int, sigma_min: float = 0, sigma_max: float = 0, **_: Any) -> Tensor:
        return schedule.fitted(sdxl=sd_model.is_sdxl).function(sd_model.training_sigmas, n)

    return Scheduler(schedule.id, schedule.label, sigmas, aliases=list(schedule.aliases))


schedulers = [Scheduler("automatic", AUTOMATIC), *(_row(schedule) for schedule in SCHEDULES.values())]
schedulers_map = {name: each for each in schedulers for name in (each.name, each.label)}
