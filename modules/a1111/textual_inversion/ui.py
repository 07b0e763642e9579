"""A1111's `modules.textual_inversion.ui`: its training tab. Training is not here."""

from __future__ import annotations

from typing import Any

from ..bridge.missing import refuse


def create_embedding(*_: Any, **__: Any) -> Any:
    """Raises: NotHereError."""
    refuse("create_embedding", "embeddings are not trained here")


def train_embedding(*_: Any, **__: Any) -> Any:
    """Raises: NotHereError."""
    refuse("train_embedding", "embeddings are not trained here")
