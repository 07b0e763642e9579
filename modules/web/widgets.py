"""The widgets that the rows of fields.py name: one small function a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from modules.studio.app import App
from modules.web.assets_route import Assets
from modules.web.field import Field
from modules.web.mounts import mount


def make_widget(field: Field, tab: str, app: App, assets: Assets) -> Any:
    """The Gradio component of a field on a tab."""
    return WIDGETS[field.kind](field, tab, app, assets)


def _prompt(field: Field, tab: str, app: App, assets: Assets) -> Any:
    negative = field.name == "negative_prompt"
    hint = "What should not be in it" if negative else "Describe the picture. Ctrl+Enter generates."
    lines = 2 if negative else 3
    return gr.Textbox(
        field.default,
        label=field.label,
        placeholder=hint,
        lines=lines,
        max_lines=12,
        elem_id=field.elem_id(tab),
        elem_classes="aq-prompt",
    )


def _text(field: Field, tab: str, app: App, assets: Assets) -> Any:
    return gr.Textbox(
        field.default,
        label=field.label,
        placeholder=field.help,
        lines=2,
        max_lines=8,
        elem_id=field.elem_id(tab),
        min_width=160,
    )


def _line(field: Field, tab: str, app: App, assets: Assets) -> Any:
    return gr.Textbox(
        field.default,
        label=field.label,
        placeholder=field.help,
        max_lines=1,
        elem_id=field.elem_id(tab),
        min_width=160,
    )


def _switch(field: Field, tab: str, app: App, assets: Assets) -> Any:
    classes = "aq-switch"
    return gr.Checkbox(field.default, label=field.label, elem_id=field.elem_id(tab), elem_classes=classes, min_width=80)


def _dropdown(field: Field, tab: str, app: App, assets: Assets) -> Any:
    return gr.Dropdown(
        _choices(field, app),
        value=field.clean(field.default, app),
        label=field.label,
        allow_custom_value=field.free,
        elem_id=field.elem_id(tab),
        min_width=120,
    )


def _many(field: Field, tab: str, app: App, assets: Assets) -> Any:
    return gr.Dropdown(
        _choices(field, app),
        value=[],
        label=field.label,
        multiselect=True,
        allow_custom_value=field.free,
        elem_id=field.elem_id(tab),
        min_width=120,
    )


def _overrides(field: Field, tab: str, app: App, assets: Assets) -> Any:
    """Shown only while a pasted infotext asks for other settings than the server's."""
    return gr.Dropdown(
        [],
        value=[],
        label=field.label,
        multiselect=True,
        allow_custom_value=True,
        visible=False,
        elem_id=field.elem_id(tab),
    )


def _radio(field: Field, tab: str, app: App, assets: Assets) -> Any:
    return gr.Radio(_choices(field, app), value=field.default, label=field.label, elem_id=field.elem_id(tab))


def _slider(field: Field, tab: str, app: App, assets: Assets) -> Any:
    low, high, step = field.limits or (0, 1, 0.01)
    return gr.Slider(
        low,
        high,
        value=field.default,
        step=step,
        precision=0 if isinstance(step, int) else None,
        label=field.label,
        buttons=[],
        elem_id=field.elem_id(tab),
        min_width=120,
    )


def _count(field: Field, tab: str, app: App, assets: Assets) -> Any:
    low, high, step = field.limits or (1, 100, 1)
    return gr.Number(
        field.default,
        precision=0,
        minimum=low,
        maximum=high,
        step=step,
        label=field.label,
        elem_id=field.elem_id(tab),
        min_width=80,
    )


def _optional(field: Field, tab: str, app: App, assets: Assets) -> Any:
    """A number, or nothing: then the Settings say it."""
    low, high, step = field.limits or (0, 1, 0.01)
    return gr.Number(
        field.default,
        precision=0 if isinstance(step, int) else None,
        minimum=low,
        maximum=high,
        step=step,
        label=field.label,
        placeholder=field.help or "as in Settings",
        elem_id=field.elem_id(tab),
        min_width=100,
    )


def _seed(field: Field, tab: str, app: App, assets: Assets) -> Any:
    return gr.Number(field.default, precision=0, label=field.label, elem_id=field.elem_id(tab), min_width=100)


def _picture(field: Field, tab: str, app: App, assets: Assets) -> Any:
    """A picture that can be drawn on."""
    options = {"tab": tab, "masks": False}
    return mount(assets, "canvas", elem_id=field.elem_id(tab), label=field.label, options=options)


def _canvas(field: Field, tab: str, app: App, assets: Assets) -> Any:
    """A picture that can be drawn on, and a mask."""
    options = {"tab": tab, "masks": True}
    return mount(assets, "canvas", elem_id=field.elem_id(tab), label=field.label, options=options)


def _choices(field: Field, app: App) -> list[tuple[str, Any]]:
    return field.choices(app) if field.choices is not None else []


WIDGETS: dict[str, Callable[[Field, str, App, Assets], Any]] = {
    "prompt": _prompt,
    "text": _text,
    "line": _line,
    "switch": _switch,
    "dropdown": _dropdown,
    "many": _many,
    "overrides": _overrides,
    "radio": _radio,
    "slider": _slider,
    "count": _count,
    "optional": _optional,
    "seed": _seed,
    "picture": _picture,
    "canvas": _canvas,
}
