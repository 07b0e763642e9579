"""A1111's scripts: the class that extensions subclass, those that were loaded, and what runs them."""

from __future__ import annotations

from typing import Any

from . import errors, script_callbacks
from .bridge import loader
from .bridge.loaded import loaded
from .bridge.script import (
    AlwaysVisible,
    MaskBlendArgs,
    OnComponent,
    PostprocessBatchListArgs,
    PostprocessImageArgs,
    PostProcessMaskOverlayArgs,
    PostSampleArgs,
    Script,
    ScriptBuiltinUI,
)
from .bridge.script_classes import ScriptClassData, ScriptFile, postprocessing_scripts_data, scripts_data
from .bridge.script_runner import ScriptRunner
from .paths_internal import script_path as current_basedir
from .scripts_postprocessing import ScriptPostprocessing, scripts_postproc

__all__ = [
    "AlwaysVisible",
    "MaskBlendArgs",
    "OnComponent",
    "PostProcessMaskOverlayArgs",
    "PostSampleArgs",
    "PostprocessBatchListArgs",
    "PostprocessImageArgs",
    "Script",
    "ScriptBuiltinUI",
    "ScriptClassData",
    "ScriptFile",
    "ScriptPostprocessing",
    "ScriptRunner",
    "basedir",
    "current_basedir",
    "list_files_with_name",
    "list_scripts",
    "load_scripts",
    "postprocessing_scripts_data",
    "reload_scripts",
    "script_callbacks",
    "scripts_current",
    "scripts_data",
    "scripts_img2img",
    "scripts_postproc",
    "scripts_txt2img",
    "wrap_call",
]

scripts_txt2img = ScriptRunner()
scripts_img2img = ScriptRunner()
"""Of img2img and inpaint."""
scripts_current: ScriptRunner | None = None
"""Of old: the runner whose controls are being made."""


def basedir() -> str:
    """The folder of the extension that is being loaded; otherwise the program's."""
    return str(loader.base_folder())


def wrap_call(func: Any, filename: str, funcname: str, *args: Any, default: Any = None, **kwargs: Any) -> Any:
    """What a function gives; `default` where it raises, which is said in the log."""
    try:
        return func(*args, **kwargs)
    except Exception:  # noqa: BLE001  an extension's
        errors.report(f"Error calling: {filename}/{funcname}", exc_info=True)
    return default


def list_scripts(scriptdirname: str, extension: str, *, include_extensions: bool = True) -> list[ScriptFile]:
    """The files with an ending in a folder of each extension, in the order in which they are loaded."""
    extensions = loaded.extensions if include_extensions else ()
    files = [(each.name, path) for each in extensions if each.enabled for path in each.files(scriptdirname, extension)]
    folders = {each.name: each.path for each in extensions}
    return [ScriptFile(str(folders[name]), path.name, str(path)) for name, path in loaded.scripts_in_order(files)]


def list_files_with_name(filename: str) -> list[str]:
    """The files of that name directly in the folders of extensions."""
    paths = [each.path / filename for each in loaded.extensions if each.enabled]
    return [str(path) for path in paths if path.is_file()]


def load_scripts() -> None:
    """Loads the scripts of all extensions anew."""
    loader.load_scripts(loaded.extensions)


def reload_scripts() -> None:
    """Loads anew, and makes the runners' scripts anew."""
    load_scripts()
    scripts_txt2img.initialize_scripts(is_img2img=False)
    scripts_img2img.initialize_scripts(is_img2img=True)
