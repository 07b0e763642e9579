"""A1111's `modules.extra_networks_hypernet`: <hypernet:name:weight>, which the core does by itself."""

from __future__ import annotations

from typing import Any

from .extra_networks import ExtraNetwork, ExtraNetworkParams


class ExtraNetworkHypernet(ExtraNetwork):
    """Nothing is left to do for it."""

    def __init__(self) -> None:
        super().__init__("hypernet")

    def activate(self, p: Any, params_list: list[ExtraNetworkParams]) -> None:
        return None

    def deactivate(self, p: Any) -> None:
        return None
