"""A1111's `modules.sd_samplers_kdiffusion`: the samplers that k-diffusion has, under their own module's name."""

from __future__ import annotations

from .bridge.sampler_face import OurSampler as KDiffusionSampler
from .sd_samplers import all_samplers

__all__ = ["KDiffusionSampler", "samplers_data", "samplers_k_diffusion"]

samplers_k_diffusion = [each for each in all_samplers if each.name not in ("DDIM", "DDIM CFG++", "PLMS", "UniPC")]
samplers_data = samplers_k_diffusion
