"""A1111's `modules.sd_samplers_kdiffusion`: the samplers that k-diffusion has, under their own module's name."""

from __future__ import annotations

from typing import Any

from .bridge.sampler_face import ON_TIMESTEPS, KDiffusionSampler
from .bridge.stubs import inside
from .sd_samplers import all_samplers
from .sd_schedulers import schedulers

INSIDES = ("CFGDenoiser", "CFGDenoiserKDiffusion")

__all__ = [
    "KDiffusionSampler",
    "k_diffusion_samplers_map",
    "k_diffusion_scheduler",
    "samplers_data",
    "samplers_data_k_diffusion",
    "samplers_k_diffusion",
]

samplers_k_diffusion = [each for each in all_samplers if each.name not in ON_TIMESTEPS]
samplers_data = samplers_k_diffusion
samplers_data_k_diffusion = samplers_k_diffusion
k_diffusion_samplers_map = {each.name: each for each in samplers_k_diffusion}
k_diffusion_scheduler = {each.name: each.function for each in schedulers}


def __getattr__(name: str) -> Any:
    """The denoisers may be derived from; that they are not here is said at their use."""
    return inside(__name__, name, INSIDES)
