"""The Settings tab: every option, drawn from its declaration; the server's for its owner, for others their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any, NamedTuple

import gradio as gr

from modules.studio.declared import by_section
from modules.studio.option_rows import OptionRow, option_rows
from modules.studio.own_options import is_personal
from modules.web.generate import visitor_of
from modules.web.messages import on_event
from modules.web.mounts import mount
from modules.web.option_widgets import declared_widgets, option_widget
from modules.web.quick_options import IN_THE_BAR, quick_names
from modules.web.slots import Page, Tab, Visit, Visitor

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

YOURS = "These are your own settings, for your pictures alone. What is locked is the whole server's."


class _Bar(NamedTuple):
    """What stands above the options."""

    apply: Any
    server: Any
    outcome: Any


def settings_tab(page: Page) -> Tab:
    return Tab("Settings", "tab_settings", lambda: _build(page))


def shown_rows() -> list[OptionRow]:
    """The options of the page, section by section; those of the bar at the top are not repeated."""
    order = list(SECTIONS)
    rows = [row for row in option_rows() if row.name not in IN_THE_BAR]
    return sorted(rows, key=lambda row: order.index(row.section) if row.section in order else len(order))


def _build(page: Page) -> None:
    settings = page.app.settings
    above = quick_names(settings)
    rows = [row for row in shown_rows() if row.name not in above]
    with gr.Row(elem_id="settings_bar", elem_classes="aq-settings-bar"):
        apply = gr.Button("Apply settings", variant="primary", elem_id="settings_submit", scale=0, min_width=180)
        server = gr.Button("Use the server's", elem_id="settings_server", scale=0, min_width=180, visible=False)
        mount(page.assets, "settings_search", elem_id="settings_search")
        outcome = mount(page.assets, "note", elem_id="settings_result", value="")
    bar = _Bar(apply, server, outcome)
    widgets: dict[str, Any] = {}
    others = by_section(row for row in settings.declared.values() if row.name not in above)
    with gr.Row(elem_id="settings", elem_classes="aq-settings-page"):
        for section, members in groupby(rows, key=lambda row: row.section):
            with gr.Column(elem_id=f"settings_{section}", elem_classes="aq-settings-section"):
                own = list(members)
                with gr.Row(elem_classes="aq-settings-head"):
                    gr.HTML(f"<h3>{SECTIONS.get(section, section)}</h3>", apply_default_css=False)
                    defaults = gr.Button("Defaults", elem_id=f"settings_{section}_defaults", size="sm", min_width=90)
                for row in own:
                    widgets[row.name] = option_widget(row, getattr(settings.options, row.name))
                _connect_defaults(defaults, own, [widgets[row.name] for row in own])
                widgets |= declared_widgets(settings, others.pop(section, []))
        for section, declared in others.items():
            with gr.Column(elem_id=f"settings_{section}", elem_classes="aq-settings-section"):
                gr.HTML(f"<h3>{escape(declared[0].title or section)}</h3>", apply_default_css=False)
                widgets |= declared_widgets(settings, declared)

    _connect(page, bar, widgets)


def _connect(page: Page, bar: _Bar, widgets: dict[str, Any]) -> None:
    """The owner changes the server's options, anybody else their own; what cannot be their own is shown, and locked."""
    settings, own = page.app.settings, page.app.own_options

    def shown(visitor: Visitor) -> list[Any]:
        options = settings.options if visitor.is_owner else own.of(visitor.name)
        return [
            gr.update(value=getattr(options, name), interactive=visitor.is_owner or is_personal(name))
            for name in widgets
        ]

    def on_visit(visitor: Visitor) -> list[Any]:
        problems = settings.problems if visitor.is_owner else [YOURS]
        return ["\n".join(problems), gr.update(visible=not visitor.is_owner), *shown(visitor)]

    def on_apply(request: gr.Request, *values: Any) -> list[Any]:
        visitor, wanted = visitor_of(request), dict(zip(widgets, values, strict=True))
        if visitor.is_owner:
            problems = settings.change(wanted)
            own.forget(visitor.name)
        else:
            problems = own.change(visitor.name, wanted)
        return ["\n".join(problems) or "Saved.", gr.skip(), *shown(visitor)]

    def on_server(request: gr.Request) -> list[Any]:
        visitor = visitor_of(request)
        own.forget(visitor.name)
        return ["You have the server's settings again.", gr.skip(), *shown(visitor)]

    outputs = [bar.outcome, bar.server, *widgets.values()]
    on_event(bar.apply.click, on_apply, page.messages, inputs=list(widgets.values()), outputs=outputs)
    on_event(bar.server.click, on_server, page.messages, outputs=outputs)
    page.visits.append(Visit(outputs, on_visit))


def _connect_defaults(button: Any, rows: Sequence[OptionRow], widgets: Sequence[Any]) -> None:
    """Shows what the options are on a fresh machine; they are not set before they are applied."""
    values = json.dumps([row.default for row in rows])
    button.click(fn=None, js=f"() => {values}", outputs=list(widgets), api_visibility="private")
