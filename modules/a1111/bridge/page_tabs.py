"""The tabs that extensions bring: pages of their own, drawn into ours."""

from __future__ import annotations

import importlib
import logging
from types import SimpleNamespace
from typing import Any

from modules.web.slots import Tab

from .page_building import apart

log = logging.getLogger(__name__)


def extension_tabs() -> list[Tab]:
    """What `on_ui_tabs` gives, while our own page is being built; a tab that cannot be understood is left out."""
    callbacks = importlib.import_module("modules.script_callbacks")
    with apart():
        found = callbacks.ui_tabs_callback()
    _tell_trainers(callbacks)
    tabs = []
    for given in found:
        try:
            blocks, title, elem_id = given
        except (TypeError, ValueError):
            log.warning("An extension's tab is left out: (page, title, elem_id) was expected, not %.200r", given)
            continue
        tabs.append(Tab(str(title), f"tab_{elem_id}", blocks.render))
    return tabs


def _tell_trainers(callbacks: Any) -> None:
    """There is no Train tab that theirs could be added to; their callbacks are called, and what they say is kept."""
    if callbacks.has_callbacks("ui_train_tabs"):
        log.warning("An extension adds to the Train tab, which Aquatint does not have: that part of it is not shown.")
        with apart():
            callbacks.ui_train_tabs_callback(SimpleNamespace(txt2img_preview_params=[]))
