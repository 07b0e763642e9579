"""A1111's `modules.initialize`: the order of its start. The studio is open when an extension asks."""

from __future__ import annotations


def imports() -> None:
    """Done."""


def check_versions() -> None:
    """Versions are pinned."""


def initialize() -> None:
    """Done."""


def initialize_rest(*, reload_script_modules: bool = False) -> None:
    """Done."""
