"""`tooltip=` of A1111's Gradio: kept with the component and sent to the page, whose script shows it."""

from __future__ import annotations

import functools
from typing import Any

from gradio.blocks import Block

from .patches import Patches


def teach_tooltips(patches: Patches) -> None:
    """Components that have one say so in their configuration."""
    configured = Block.get_config

    @functools.wraps(configured)
    def get_config(self: Any, *args: Any, **given: Any) -> dict[str, Any]:
        config: dict[str, Any] = configured(self, *args, **given)
        tooltip = getattr(self, "webui_tooltip", None)
        return {**config, "webui_tooltip": tooltip} if tooltip else config

    patches.set(Block, "get_config", get_config)
