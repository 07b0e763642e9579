"""A1111's `modules.paths_internal`: the folders, as texts, read when they are asked for."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from typing import Any

from modules.studio.command_line import ROOT

from .bridge import places

commandline_args = ""
"""A1111 keeps COMMANDLINE_ARGS here for itself; `argv` has them."""
normalized_filepath = os.path.abspath
modules_path = str(ROOT / "modules")
script_path = str(ROOT)
cwd = str(ROOT)
sd_configs_path = str(ROOT / "modules/diffusion/configs")
sd_default_config = str(ROOT / "modules/diffusion/configs/sd1")
default_sd_model_file = str(ROOT / "models/Stable-diffusion/starter")
sd_model_file = default_sd_model_file
extensions_builtin_dir = str(ROOT / "extensions")

FOUND: dict[str, Callable[[], Any]] = {
    "data_path": lambda: str(places.folders().data),
    "models_path": lambda: str(places.folders().models),
    "extensions_dir": lambda: str(places.folders().data / "extensions"),
    "config_states_dir": lambda: str(places.folders().data / "config_states"),
    "default_output_dir": lambda: str(places.folders().outputs),
    "roboto_ttf_file": lambda: _font(),
    "argv": lambda: [*sys.argv[1:], *shlex.split(os.environ.get("COMMANDLINE_ARGS", ""))],
    "cmd_opts_pre": places.flags,
}
"""What depends on how the server was started."""


def __getattr__(name: str) -> Any:
    if name in FOUND:
        return FOUND[name]()
    raise AttributeError(f"modules.paths_internal has no {name}")


def _font() -> str:
    from modules.studio.fonts import font_file

    return str(font_file("") or "")
