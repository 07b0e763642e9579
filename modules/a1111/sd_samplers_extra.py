"""A1111's `modules.sd_samplers_extra`: restart sampling."""

from __future__ import annotations

from .sd_samplers import all_samplers

__all__ = ["samplers_data", "samplers_extra"]

samplers_extra = [each for each in all_samplers if each.name == "Restart"]
samplers_data = samplers_extra
