"""A1111's `modules.sd_samplers_lcm`: the sampler of consistency models."""

from __future__ import annotations

from .sd_samplers import all_samplers

__all__ = ["samplers_data", "samplers_lcm"]

samplers_lcm = [each for each in all_samplers if each.name == "LCM"]
samplers_data = samplers_lcm
