"""The components of options, on the Settings page and at the top of the page."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr

from modules.studio.declared import Declared
from modules.studio.option_rows import OptionRow
from modules.studio.settings import Settings

log = logging.getLogger(__name__)


def option_widget(row: OptionRow, value: Any, *, help: bool = True) -> Any:
    """The component of an option, by its type."""
    common: dict[str, Any] = {"label": row.label, "elem_id": f"setting_{row.name}"}
    common |= {"info": row.help or None} if help else {}
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


def declared_widgets(settings: Settings, rows: list[Declared]) -> dict[str, Any]:
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
