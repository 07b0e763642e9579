"""A1111's `modules.hypernetworks.hypernetwork`: the files. The core puts them on as a prompt says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modules.diffusion.hypernetworks import find_hypernetworks

from ..bridge.missing import refuse


def list_hypernetworks(path: str) -> dict[str, str]:
    """{name: file}"""
    return {name: str(file) for name, file in find_hypernetworks(Path(path)).items()}


def load_hypernetwork(name: str) -> Any:
    """Raises: NotHereError."""
    refuse("load_hypernetwork", "write <hypernet:name:1> into the prompt")


def load_hypernetworks(names: list[str], multipliers: Any = None) -> None:
    """Those of the prompt are put on."""


def apply_hypernetworks(*args: Any, **kwargs: Any) -> Any:
    """Raises: NotHereError."""
    refuse("apply_hypernetworks", "write <hypernet:name:1> into the prompt")


class Hypernetwork:
    """One, for annotations."""

    def __init__(self, *_: Any, **__: Any) -> None:
        refuse("Hypernetwork", "write <hypernet:name:1> into the prompt")
