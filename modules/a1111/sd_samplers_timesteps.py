"""A1111's `modules.sd_samplers_timesteps`: the samplers on whole timesteps."""

from __future__ import annotations

from .bridge.sampler_face import OurSampler as CompVisSampler
from .sd_samplers import all_samplers

__all__ = ["CompVisSampler", "samplers_data", "samplers_timesteps"]

samplers_timesteps = [each for each in all_samplers if each.name in ("DDIM", "DDIM CFG++", "PLMS", "UniPC")]
samplers_data = samplers_timesteps
