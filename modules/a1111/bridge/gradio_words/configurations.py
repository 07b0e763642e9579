"""What a component sends to the page: all that Gradio knows of it, also of classes that extensions derive."""

from __future__ import annotations

import functools
from typing import Any

from gradio.blocks import Block

from .patches import Patches


def teach_configurations(patches: Patches) -> None:
    """A derived class says what its own constructor names, which of `**kwargs` is nothing, and under its own name,
    which the page does not know. A1111's `tooltip=` is sent along, for a script of the page to show."""
    configured = Block.get_config

    @functools.wraps(configured)
    def get_config(self: Any, cls: Any = None) -> dict[str, Any]:
        config: dict[str, Any] = configured(self, cls or gradios_own(type(self)))
        tooltip = getattr(self, "webui_tooltip", None)
        return {**config, "webui_tooltip": tooltip} if tooltip else config

    patches.set(Block, "get_config", get_config)
    for name in ("get_block_name", "get_block_class"):
        patches.set(Block, name, _by_gradios_name)


def gradios_own(kind: type) -> type:
    """The class itself if it is Gradio's, else the one that it derives from."""
    return next((each for each in kind.__mro__ if each.__module__.partition(".")[0] == "gradio"), kind)


def _by_gradios_name(self: Any) -> str:
    own = gradios_own(type(self))
    template = vars(own).get("is_template") and own.__base__ is not None
    return (own.__base__ if template and own.__base__ else own).__name__.lower()
