"""The classes of scripts that loading has found, in the order in which they were loaded."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple


class ScriptClassData(NamedTuple):
    """A class, where it comes from, and the module that holds it."""

    script_class: type[Any]
    path: str
    basedir: str
    """The extension's folder."""
    module: ModuleType


class ScriptFile(NamedTuple):
    """A file that may hold scripts."""

    basedir: str
    filename: str
    path: str


scripts_data: list[ScriptClassData] = []
"""Scripts of txt2img and img2img."""
postprocessing_scripts_data: list[ScriptClassData] = []
"""Scripts of the Extras tab."""
