"""A1111's `modules.sd_samplers_timesteps`: the samplers on whole timesteps."""

from __future__ import annotations

from typing import Any

from .bridge.sampler_face import ON_TIMESTEPS, CompVisSampler
from .bridge.stubs import inside
from .sd_samplers import all_samplers

INSIDES = ("CFGDenoiserTimesteps", "CompVisTimestepsDenoiser", "CompVisTimestepsVDenoiser")

__all__ = ["CompVisSampler", "samplers_data", "samplers_timesteps"]

samplers_timesteps = [each for each in all_samplers if each.name in ON_TIMESTEPS]
samplers_data = samplers_timesteps


def __getattr__(name: str) -> Any:
    """The denoisers may be derived from; that they are not here is said at their use."""
    return inside(__name__, name, INSIDES)
