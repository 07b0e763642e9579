"""The Settings tab: every option of the server, drawn from its declaration."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any

import gradio as gr

from modules.studio.declared import Declared, by_section
from modules.studio.option_rows import OptionRow, option_rows
from modules.studio.settings import Settings
from modules.web.field_rows import QUICK
from modules.web.messages import on_event
from modules.web.mounts import mount
from modules.web.slots import Page, Tab, Visit

log = logging.getLogger(__name__)

SECTIONS = {
    "sd": "Stable Diffusion",
    "vae": "VAE",
    "sampler-params": "Sampler parameters",
    "img2img": "img2img",
    "face-restoration": "Face restoration",
    "upscaling": "Upscaling",
    "saving-images": "Saving pictures",
    "saving-paths": "Folders of pictures",
    "saving-to-dirs": "Subfolders",
    "optimizations": "Optimizations",
    "compatibility": "Compatibility",
    "ui": "What you see",
    "infotext": "Parameters in pictures",
}
"""Titles of the sections; one that is not here shows its own name."""
IN_THE_BAR = frozenset(field.name for field in QUICK)


def settings_tab(page: Page) -> Tab:
    return Tab("Settings", "tab_settings", lambda: _build(page))


def shown_rows() -> list[OptionRow]:
    """The options of the page, section by section; those of the bar at the top are not repeated."""
    order = list(SECTIONS)
    rows = [row for row in option_rows() if row.name not in IN_THE_BAR]
    return sorted(rows, key=lambda row: order.index(row.section) if row.section in order else len(order))


def _build(page: Page) -> None:
    settings = page.app.settings
    rows = shown_rows()
    with gr.Row(elem_id="settings_bar", elem_classes="aq-settings-bar"):
        apply = gr.Button("Apply settings", variant="primary", elem_id="settings_submit", scale=0, min_width=180)
        mount(page.assets, "settings_search", elem_id="settings_search")
        outcome = mount(page.assets, "note", elem_id="settings_result", value="")
    widgets: dict[str, Any] = {}
    others = by_section(settings.declared.values())
    with gr.Row(elem_id="settings", elem_classes="aq-settings-page"):
        for section, members in groupby(rows, key=lambda row: row.section):
            with gr.Column(elem_id=f"settings_{section}", elem_classes="aq-settings-section"):
                own = list(members)
                with gr.Row(elem_classes="aq-settings-head"):
                    gr.HTML(f"<h3>{SECTIONS.get(section, section)}</h3>", apply_default_css=False)
                    defaults = gr.Button("Defaults", elem_id=f"settings_{section}_defaults", size="sm", min_width=90)
                for row in own:
                    widgets[row.name] = _widget(row, getattr(settings.options, row.name))
                _connect_defaults(defaults, own, [widgets[row.name] for row in own])
                widgets |= _widgets_of_others(settings, others.pop(section, []))
        for section, declared in others.items():
            with gr.Column(elem_id=f"settings_{section}", elem_classes="aq-settings-section"):
                gr.HTML(f"<h3>{escape(declared[0].title or section)}</h3>", apply_default_css=False)
                widgets |= _widgets_of_others(settings, declared)

    def present() -> list[Any]:
        return [getattr(settings.options, name) for name in widgets]

    def on_visit(owner: str) -> list[Any]:
        return ["\n".join(settings.problems), *present()]

    def on_apply(*values: Any) -> list[Any]:
        problems = settings.change(dict(zip(widgets, values, strict=True)))
        return ["\n".join(problems) or "Saved.", *present()]

    outputs = [outcome, *widgets.values()]
    on_event(apply.click, on_apply, page.messages, inputs=list(widgets.values()), outputs=outputs)
    page.visits.append(Visit(outputs, on_visit))


def _connect_defaults(button: Any, rows: Sequence[OptionRow], widgets: Sequence[Any]) -> None:
    """Shows what the options are on a fresh machine; they are not set before they are applied."""
    values = json.dumps([row.default for row in rows])
    button.click(fn=None, js=f"() => {values}", outputs=list(widgets), api_visibility="private")


def _widgets_of_others(settings: Settings, rows: list[Declared]) -> dict[str, Any]:
    """The components that others have declared for their options; one that cannot be made is left out, and said."""
    made: dict[str, Any] = {}
    for row in rows:
        assert row.make is not None
        try:
            component = row.make(getattr(settings.options, row.name, row.default))
        except Exception:  # what was loaded into the program may raise anything
            log.exception("The option %s cannot be shown", row.name)
            continue
        made |= {row.name: component} if row.kept else {}
    return made


def _plain(text: str) -> str:
    """Gradio reads these sentences as Markdown."""
    return re.sub(r"([_*`<\\])", r"\\\1", text)


def _widget(row: OptionRow, value: Any) -> Any:
    """The component of an option, by its type."""
    common: dict[str, Any] = {"label": row.label, "info": _plain(row.help) or None, "elem_id": f"setting_{row.name}"}
    if row.type == "bool":
        return gr.Checkbox(value, **common)
    if row.type == "choice":
        return gr.Dropdown(list(row.choices), value=value, **common)
    if row.type == "str":
        return gr.Textbox(value, max_lines=1, **common)
    precision = 0 if row.type == "int" else None
    if row.minimum is not None and row.maximum is not None:
        step = 1 if row.type == "int" else (row.maximum - row.minimum) / 100
        return gr.Slider(row.minimum, row.maximum, value=value, step=step, precision=precision, buttons=[], **common)
    return gr.Number(value, minimum=row.minimum, maximum=row.maximum, precision=precision, **common)
