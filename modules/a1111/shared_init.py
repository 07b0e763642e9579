"""A1111's `modules.shared_init`: fills `modules.shared`. It is filled when it is imported."""

from __future__ import annotations


def initialize() -> None:
    """Done."""
