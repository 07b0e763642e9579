"""Parts of a form that are closed until somebody wants them, with a mark while something in them is asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import gradio as gr

if TYPE_CHECKING:
    from modules.web.tab_generate import Sheet


class Fold(NamedTuple):
    """A closed part, and the fields that do something when they are not as they begin."""

    elem_id: str
    marked_by: tuple[str, ...]


def fold(sheet: Sheet, label: str, name: str, *rows: Sequence[str], marked_by: Sequence[str] = ()) -> None:
    """Makes a closed part of the form from rows of fields; all of them mark it unless some are named."""
    elem_id = f"{sheet.form.tab}_{name}"
    with gr.Accordion(label, open=False, elem_id=elem_id):
        for names in rows:
            with gr.Row():
                sheet.add(*names)
    sheet.folds.append(Fold(elem_id, tuple(marked_by or (each for names in rows for each in names))))


def mark_folds(sheet: Sheet) -> None:
    """From now on each part says when it is closed over something that is asked for."""
    fields = {field.name: field for field in sheet.form.fields}
    for each in sheet.folds:
        marking = [fields[name] for name in each.marked_by if name in fields]
        widgets = [sheet.widgets[field.name] for field in marking]
        facts = json.dumps([each.elem_id, [[field.label, field.default] for field in marking]])
        gr.on(
            [widget.change for widget in widgets],
            fn=None,
            js=f"(...values) => window.aquatint.markFold(...{facts}, values)",
            inputs=widgets,
            api_visibility="private",
            show_progress="hidden",
        )
