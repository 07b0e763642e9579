"""A1111's `modules.ui_postprocessing`: its Extras tab. Ours has its own."""

from __future__ import annotations

from typing import Any

from .bridge.missing import refuse


def create_ui() -> Any:
    """Raises: NotHereError."""
    refuse("ui_postprocessing.create_ui", "the Extras tab is built in")
