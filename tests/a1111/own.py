"""Opens files of the extensions that come with the program, without a host."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

EXTENSIONS = Path(__file__).resolve().parents[2] / "extensions"


def part(extension: str, path: str) -> Any:
    """A module of an extension, by its file."""
    file = EXTENSIONS / extension / path
    spec = importlib.util.spec_from_file_location(f"own_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
