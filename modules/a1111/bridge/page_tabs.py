"""The tabs that extensions bring: pages of their own, drawn into ours."""

from __future__ import annotations

import importlib
import logging
from functools import partial
from typing import Any

import gradio as gr
from gradio.context import Context

from modules.web.slots import Tab

from .containment import containment
from .loaded import loaded
from .page_building import apart
from .page_words import PageWords

log = logging.getLogger(__name__)

PREVIEWED = ("prompt", "neg_prompt", "steps", "sampling", "cfg_scale", "seed", "width", "height")
"""What A1111 makes the pictures with that it shows while it trains, in this order."""


def extension_tabs(words: PageWords) -> list[Tab]:
    """What `on_ui_tabs` gives, while our own page is being built; a tab that cannot be understood is left out. What
    they say of the whole page is for `words`."""
    callbacks = importlib.import_module("modules.script_callbacks")
    tabs: list[Tab] = []
    for each in callbacks.ordered_callbacks("ui_tabs"):
        with apart():
            found = containment.call(each.extension, "on_ui_tabs", each.callback)
        tabs += [tab for given in found or () if (tab := _tab(given, each.extension, words)) is not None]
    return tabs + _train_tab(callbacks)


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


def _train_tab(callbacks: Any) -> list[Tab]:
    """A1111's Train tab, with what extensions have for it alone; none where they have nothing."""
    if not callbacks.has_callbacks("ui_train_tabs"):
        return []
    return [Tab("Train", "tab_train", partial(_draw_train, callbacks))]


def _draw_train(callbacks: Any) -> None:
    ids = {block.elem_id: block for block in Context.root_block.blocks.values()} if Context.root_block else {}
    previewed = [ids[f"txt2img_{name}"] for name in PREVIEWED if f"txt2img_{name}" in ids]
    with gr.Tabs(elem_id="train_tabs"):
        callbacks.ui_train_tabs_callback(callbacks.UiTrainTabParams(previewed))
