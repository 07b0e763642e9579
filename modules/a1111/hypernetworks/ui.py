"""A1111's `modules.hypernetworks.ui`: its training tab. Training is not here."""

from __future__ import annotations

from typing import Any

from ..bridge.missing import refuse

keys: list[str] = []


def create_hypernetwork(*_: Any, **__: Any) -> Any:
    """Raises: NotHereError."""
    refuse("create_hypernetwork", "hypernetworks are not trained here")


def train_hypernetwork(*_: Any, **__: Any) -> Any:
    """Raises: NotHereError."""
    refuse("train_hypernetwork", "hypernetworks are not trained here")
