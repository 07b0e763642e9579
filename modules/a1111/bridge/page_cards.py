"""Cards that extensions bring, page by page: each page is a drawer of the form, with A1111's names."""

from __future__ import annotations

import html
import importlib
import inspect
from typing import Any

import gradio as gr

from ..ui_components import ToolButton
from .containment import containment
from .loaded import loaded

OURS = "modules."
"""Where A1111's own kinds of pages are defined; their cards are in the page's own drawer of networks."""
REFRESH = "\U0001f504"


def draw_pages(tab: str) -> None:
    """In the present layout, for one form; a page whose cards cannot be listed is left out."""
    for page in importlib.import_module("modules.ui_extra_networks").extra_pages:
        if type(page).__module__.startswith(OURS):
            continue
        with containment.guard(_extension_of(page), f"listing the cards of {page.title}"):
            _draw(page, tab, page.create_html(tab))


def _draw(page: Any, tab: str, cards: str) -> None:
    name = f"{tab}_{page.id_page}"
    extension = _extension_of(page)
    made = [cards]

    def refresh() -> Any:
        with containment.guard(extension, f"listing the cards of {page.title}"):
            page.refresh()
            made.append(page.create_html(tab))
        return made[-1]

    with gr.Accordion(page.title, open=False, elem_id=f"{name}_cards_fold"):
        with gr.Row(elem_classes=["aq-cards-head"]):
            gr.HTML(
                f'<input type="search" class="extra-network-search aq-input" placeholder="Search" '
                f'aria-label="Search {html.escape(page.title)}" '
                f"oninput=\"extraNetworksFilterCards('{name}_cards', this.value)\">"
            )
            button = ToolButton(REFRESH, elem_id=f"{name}_extra_refresh", tooltip="Look for new cards")
        shown = gr.HTML(cards, elem_id=f"{name}_cards_html")
    button.click(refresh, inputs=[], outputs=[shown], show_progress="hidden")


def cards_html(page: Any, tab: str) -> str:
    """All cards of a page as A1111 writes them: a click puts a card's words into the prompt."""
    cards = "".join(_card(page, item, tab) for item in page.items.values())
    return f'<div id="{tab}_{page.id_page}_cards" class="extra-network-cards">{cards}</div>'


def _card(page: Any, item: dict[str, Any], tab: str) -> str:
    name = html.escape(str(item["name"]))
    keys = (item.get("sort_keys") or {}).items()
    sorting = " ".join(f'data-sort-{html.escape(str(key))}="{html.escape(str(value))}"' for key, value in keys)
    preview = item.get("preview")
    picture = f'<img src="{html.escape(str(preview))}" class="preview" loading="lazy" alt="">' if preview else ""
    terms = [str(term) for term in item.get("search_terms") or () if term]
    spans = "".join(f'<span class="hidden search_terms aq-unseen">{html.escape(term)}</span>' for term in terms)
    return (
        f'<div class="card" tabindex="0" role="button" onclick="{_onclick(page, item, tab)}" '
        f'data-name="{name}" {sorting}>{picture}<div class="actions"><div class="additional">{spans}</div>'
        f'<span class="name">{name}</span>'
        f'<span class="description">{html.escape(str(item.get("description") or ""))}</span></div></div>'
    )


def _onclick(page: Any, item: dict[str, Any], tab: str) -> str:
    """What A1111 calls: an item's words are JavaScript already, and `onclick` is as it stands."""
    if item.get("onclick"):
        return str(item["onclick"])
    words, negative = item.get("prompt") or "''", item.get("negative_prompt") or "''"
    allowed = str(bool(page.allow_negative_prompt)).lower()
    return html.escape(f"cardClicked('{tab}', {words}, {negative}, {allowed})")


def _extension_of(page: Any) -> str:
    try:
        return loaded.extension_of(inspect.getfile(type(page)))
    except (TypeError, OSError):
        return type(page).__module__
