"""Packages that extensions import and that nobody has any more, and what stands for them where none is installed."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

STAND_INS = {"pkg_resources": Path(__file__).with_name("pkg_resources")}
"""The name, and the folder that is imported under it."""


class Finder(importlib.abc.MetaPathFinder):
    """Stands last, so that a package of that name which is installed is the one that is found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        folder = STAND_INS.get(fullname)
        if folder is None:
            return None
        places = [str(folder)]
        return importlib.util.spec_from_file_location(
            fullname, folder / "__init__.py", submodule_search_locations=places
        )


def install() -> Callable[[], None]:
    """From now on they can be imported. -> what takes that back."""
    if any(isinstance(each, Finder) for each in sys.meta_path):
        return lambda: None
    sys.meta_path.append(Finder())
    return remove


def remove() -> None:
    """Nothing stands for anything any more."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, Finder)]
    for name, module in list(sys.modules.items()):
        folder = STAND_INS.get(name.partition(".")[0])
        if folder is not None and str(folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]
