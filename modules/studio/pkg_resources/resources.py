"""Files beside a module, or where a package lies."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import BinaryIO

from modules.studio.pkg_resources.installed import get_distribution
from modules.studio.pkg_resources.requirements import Requirement

SPREAD = "__declared_namespace__"
"""Marks the modules that said so of themselves."""


def resource_filename(package_or_requirement: str | Requirement, resource_name: str) -> str:
    """Its path, whether it is there or not."""
    return str(_place(package_or_requirement, resource_name))


def resource_exists(package_or_requirement: str | Requirement, resource_name: str) -> bool:
    return _place(package_or_requirement, resource_name).exists()


def resource_isdir(package_or_requirement: str | Requirement, resource_name: str) -> bool:
    return _place(package_or_requirement, resource_name).is_dir()


def resource_listdir(package_or_requirement: str | Requirement, resource_name: str) -> list[str]:
    return [each.name for each in _place(package_or_requirement, resource_name).iterdir()]


def resource_stream(package_or_requirement: str | Requirement, resource_name: str) -> BinaryIO:
    return _place(package_or_requirement, resource_name).open("rb")


def resource_string(package_or_requirement: str | Requirement, resource_name: str) -> bytes:
    """Its bytes, whatever the word says."""
    return _place(package_or_requirement, resource_name).read_bytes()


def _place(package_or_requirement: str | Requirement, resource_name: str) -> Path:
    return _base(package_or_requirement).joinpath(*filter(None, resource_name.split("/")))


def _base(package_or_requirement: str | Requirement) -> Path:
    if isinstance(package_or_requirement, Requirement):
        return Path(get_distribution(package_or_requirement).location)
    module = sys.modules.get(package_or_requirement) or importlib.import_module(package_or_requirement)
    if module.__file__ is None:
        return Path(next(iter(module.__path__)))
    return Path(module.__file__).parent


def declare_namespace(name: str) -> None:
    """A package of which parts lie in several folders."""
    module = sys.modules[name]
    module.__path__ = pkgutil.extend_path(module.__path__, name)
    setattr(module, SPREAD, True)


def fixup_namespace_packages(path_item: str, parent: str | None = None) -> None:
    """Looks for further parts, now that there is another folder to import from."""
    for name in [name for name, module in sys.modules.items() if SPREAD in getattr(module, "__dict__", ())]:
        declare_namespace(name)
