"""Files of extensions as modules, under A1111's name for it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from .bridge.containment import containment

loaded_scripts: dict[str, ModuleType] = {}
"""Modules by path, without the ending."""


def load_module(path: str | Path) -> ModuleType:
    """The file as a module. It is in sys.modules before it runs, where Gradio looks for the classes in it: as
    `scripts.<name>` for a file of a folder scripts/, which is the one that `from scripts.<name> import` gives."""
    file = Path(path)
    in_scripts = file.parent.name == "scripts" and file.stem.isidentifier()
    name = f"scripts.{file.stem}" if in_scripts else file.name
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(file):
        return known
    if known is not None:  # another extension's: both keep their own
        name = f"{file.parent.parent.name if in_scripts else file.parent.name}.{name}"
    try:
        module = _run(name, file)
    except ImportError as error:
        if error.name != name or name == file.name:
            raise
        # It imports one that imports it. A1111 runs it under the file's name, and once more for those who import it.
        module = _run(file.name, file)
    loaded_scripts[str(file.with_suffix(""))] = module
    return module


def _run(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def preload_extensions(extensions_dir: str, parser: Any, extension_list: list[str] | None = None) -> None:
    """Lets the preload.py of each extension add its flags to an argparse parser."""
    folder = Path(extensions_dir)
    names = extension_list if extension_list is not None else [path.name for path in sorted(folder.glob("*"))]
    for name in names:
        file = folder / name / "preload.py"
        if file.is_file():
            with containment.guard(name, "preload.py"):
                module = load_module(file)
                if hasattr(module, "preload"):
                    module.preload(parser)
