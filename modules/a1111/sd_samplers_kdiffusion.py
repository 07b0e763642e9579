"""A1111's `modules.sd_samplers_kdiffusion`: the samplers that k-diffusion has, under their own module's name."""

from __future__ import annotations

from typing import Any

from .bridge.sampler_face import ON_TIMESTEPS, KDiffusionSampler
from .bridge.stubs import inside
from .sd_samplers import all_samplers

INSIDES = ("CFGDenoiser", "CFGDenoiserKDiffusion")

__all__ = ["KDiffusionSampler", "samplers_data", "samplers_k_diffusion"]

samplers_k_diffusion = [each for each in all_samplers if each.name not in ON_TIMESTEPS]
samplers_data = samplers_k_diffusion


def __getattr__(name: str) -> Any:
    """The denoisers may be derived from; that they are not here is said at their use."""
    return inside(__name__, name, INSIDES)
