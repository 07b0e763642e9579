"""`modules.sd_samplers_compvis`, as A1111 had it before 1.6: DDIM and PLMS."""

from __future__ import annotations

from .bridge.sampler_face import CompVisSampler as VanillaStableDiffusionSampler
from .sd_samplers_timesteps import samplers_timesteps as samplers_data_compvis

__all__ = ["VanillaStableDiffusionSampler", "samplers_data_compvis"]
