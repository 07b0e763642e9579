"""Options at the top of the page: those that A1111's `quicksettings_list` names, set at once, by the owner alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.declared import Declared
from modules.studio.option_rows import OptionRow, option_rows
from modules.studio.settings import Settings
from modules.web.field_rows import QUICK
from modules.web.login import is_owner
from modules.web.messages import on_event
from modules.web.option_widgets import declared_widgets, option_widget
from modules.web.slots import Page

NAME = "quicksettings_list"
IN_THE_BAR = frozenset(field.name for field in QUICK)
"""They stand in the bar of every person."""
HELP = "For the owner, set at once; they leave the Settings page. After the next start."


def declare_quick_options(app: App) -> None:
    """From now on there is the option that names them."""
    if NAME not in app.settings.declared:
        make = partial(_chooser, app)
        app.settings.declare(Declared(NAME, ["sd_model_checkpoint"], "Options at the top of the page", "ui", make=make))


def quick_names(settings: Settings) -> list[str]:
    """The options that are to stand there and can, in their order."""
    named = getattr(settings.options, NAME, [])
    known = {name for name, _ in _candidates(settings)}
    return [name for name in dict.fromkeys(map(str, named)) if name in known]


def _candidates(settings: Settings) -> list[tuple[str, str]]:
    """(name, label) of all that could stand there."""
    own = [(row.name, row.label) for row in option_rows() if row.name not in IN_THE_BAR]
    shown = [row for row in settings.declared.values() if row.kept and row.make is not None and row.name != NAME]
    return own + [(row.name, row.label) for row in shown]


def _chooser(app: App, value: Any) -> Any:
    choices = [(f"{label} ({name})", name) for name, label in _candidates(app.settings)]
    kept = {name for _, name in choices}
    choices += [(name, name) for name in value if name not in kept]
    return gr.Dropdown(
        choices,
        value=value,
        multiselect=True,
        label="Options at the top of the page",
        info=HELP,
        elem_id=f"setting_{NAME}",
    )


def build_quick_options(page: Page) -> dict[str, Any]:
    """Makes their row, in the present layout; its components by the options' names."""
    settings = page.app.settings
    names = quick_names(settings)
    if not names:
        return {}
    rows = {row.name: row for row in option_rows()}
    widgets: dict[str, Any] = {}
    with gr.Row(elem_id="quicksettings_more", elem_classes="aq-bar aq-quick-options"):
        for name in names:
            if name in rows:
                widgets[name] = _own(rows[name], settings)
            else:
                widgets |= declared_widgets(settings, [settings.declared[name]])
    return widgets


def _own(row: OptionRow, settings: Settings) -> Any:
    with gr.Column(elem_classes="aq-setting", min_width=0):
        return option_widget(row, getattr(settings.options, row.name), help=False)


def connect_quick_options(page: Page, demo: Any, widgets: dict[str, Any]) -> None:
    """They are saved when they are changed by hand, and on a visit show what holds now."""
    if not widgets:
        return
    settings = page.app.settings

    def on_visit(request: gr.Request) -> list[Any]:
        theirs = is_owner(request.request.scope)
        return [gr.update(value=getattr(settings.options, name), visible=theirs) for name in widgets]

    on_event(demo.load, on_visit, page.messages, outputs=list(widgets.values()))
    for name, widget in widgets.items():
        for event in _events_by_hand(widget):
            on_event(event, _changer(settings, name), page.messages, inputs=[widget])


def _events_by_hand(widget: Any) -> list[Any]:
    """When a person is done with it: not at every letter, nor while a slider is drawn."""
    if isinstance(widget, gr.Slider):
        return [widget.release]
    if isinstance(widget, gr.Textbox | gr.Number):
        return [widget.submit, widget.blur]
    return [widget.input if hasattr(widget, "input") else widget.change]


def _changer(settings: Settings, name: str) -> Callable[..., list[Any]]:
    def change(value: Any, request: gr.Request) -> list[Any]:
        if not is_owner(request.request.scope):
            raise AquatintError("Only the owner, who is the first one named by the login flags, changes these options.")
        problems = settings.change({name: value})
        if problems:
            raise AquatintError(" ".join(problems))
        return []

    return change
