"""The tabs that extensions bring: pages of their own, drawn into ours."""

from __future__ import annotations

import importlib
import logging
from functools import partial
from types import SimpleNamespace
from typing import Any

from modules.web.slots import Tab

from .containment import containment
from .loaded import loaded
from .page_building import apart
from .page_words import PageWords

log = logging.getLogger(__name__)


def extension_tabs(words: PageWords) -> list[Tab]:
    """What `on_ui_tabs` gives, while our own page is being built; a tab that cannot be understood is left out. What
    they say of the whole page is for `words`."""
    callbacks = importlib.import_module("modules.script_callbacks")
    tabs: list[Tab] = []
    for each in callbacks.ordered_callbacks("ui_tabs"):
        with apart():
            found = containment.call(each.extension, "on_ui_tabs", each.callback)
        tabs += [tab for given in found or () if (tab := _tab(given, each.extension, words)) is not None]
    _tell_trainers(callbacks)
    return tabs


def _tab(given: Any, extension: str, words: PageWords) -> Tab | None:
    try:
        blocks, title, elem_id = given
    except (TypeError, ValueError):
        log.warning("A tab of %s is left out: (page, title, elem_id) was expected, not %.200r", extension, given)
        return None
    folder = next((each.path for each in loaded.extensions if each.name == extension), None)
    words.take(blocks, extension, folder)
    return Tab(str(title), f"tab_{elem_id}", partial(_draw, blocks, extension))


def _draw(blocks: Any, extension: str) -> None:
    """Puts the page into the present layout; one that cannot be leaves its tab empty."""
    with containment.guard(extension, "drawing its tab"):
        blocks.render()


def _tell_trainers(callbacks: Any) -> None:
    """There is no Train tab that theirs could be added to; their callbacks are called, and what they say is kept."""
    if callbacks.has_callbacks("ui_train_tabs"):
        log.warning("An extension adds to the Train tab, which Aquatint does not have: that part of it is not shown.")
        with apart():
            callbacks.ui_train_tabs_callback(SimpleNamespace(txt2img_preview_params=[]))
