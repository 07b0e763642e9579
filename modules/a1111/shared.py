"""A1111's `modules.shared`: the studio in A1111's words."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from modules.diffusion.latent_upscaling import LATENT_UPSCALERS

from . import paths, shared_items
from .bridge.host import host
from .bridge.model_face import sd_model
from .interrogate import InterrogateModels
from .memmon import MemUsageMonitor
from .options import OptionDiv, OptionHTML, OptionInfo, categories, options_section
from .shared_cmd_options import cmd_opts, parser
from .shared_items import list_checkpoint_tiles, list_samplers, refresh_checkpoints
from .shared_options import options_templates, opts, restricted_opts
from .shared_state import State
from .shared_total_tqdm import TotalTQDM
from .styles import StyleDatabase
from .util import html, html_path, ldm_print, listfiles, natural_sort_key, walk_files

__all__ = [
    "OptionDiv",
    "OptionHTML",
    "OptionInfo",
    "State",
    "categories",
    "cmd_opts",
    "html",
    "html_path",
    "ldm_print",
    "list_checkpoint_tiles",
    "list_samplers",
    "listfiles",
    "natural_sort_key",
    "options_section",
    "options_templates",
    "opts",
    "parser",
    "refresh_checkpoints",
    "restricted_opts",
    "sd_model",
    "walk_files",
]

log = logging.getLogger(__name__)

batch_cond_uncond = True
parallel_processing_allowed = True
xformers_available = False
loaded_hypernetworks: list[Any] = []
clip_model = None
weight_load_location = None
progress_print_out = sys.stdout
demo: Any = None
"""Gradio's page, once it is built."""
tab_names: list[str] = []
"""Titles of the tabs, once the page is built."""
hide_dirs: dict[str, Any] = {"visible": True}
"""Whether A1111's page shows folders of the server."""

state = State()
total_tqdm = TotalTQDM()
mem_mon = MemUsageMonitor()
interrogator = InterrogateModels()
prompt_styles = StyleDatabase()

latent_upscale_default_mode = "Latent"
latent_upscale_modes = {row.name: {"mode": row.mode, "antialias": row.antialias} for row in LATENT_UPSCALERS.values()}


def _upscalers() -> Any:
    from .upscaler import known_upscalers

    return known_upscalers()


def _theme() -> Any:
    from .bridge.theme import theme

    return theme()


def _face_restorers() -> Any:
    from .face_restoration import known_restorers

    return known_restorers()


FOUND: dict[str, Callable[[], Any]] = {
    "device": lambda: host.app.hardware.device,
    "styles_filename": lambda: str(host.app.folders.styles[0]),
    "styles_filenames": lambda: [str(path) for path in host.app.folders.styles],
    "config_filename": lambda: cmd_opts.ui_settings_file,
    "settings_components": dict,
    "hypernetworks": shared_items.reload_hypernetworks,
    "sd_upscalers": _upscalers,
    "face_restorers": _face_restorers,
    "gradio_theme": _theme,
}
"""What is looked up when it is asked for."""


def __getattr__(name: str) -> Any:
    if name in FOUND:
        return FOUND[name]()
    try:
        return getattr(paths, name)
    except AttributeError:
        raise AttributeError(f"modules.shared has no {name}") from None


def reload_hypernetworks() -> None:
    """They are looked up when they are asked for."""


def reload_gradio_theme(theme_name: str | None = None) -> None:
    """The page has one theme."""
