"""A1111's `modules.logging_config`: how much the log says. It was set at the start."""

from __future__ import annotations


def setup_logging(loglevel: str | None) -> None:
    """It was set at the start."""
