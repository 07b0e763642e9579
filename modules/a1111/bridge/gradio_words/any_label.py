"""A label that nobody sees and whose value a script of the page sends: A1111's way to hand a text to a function."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components.label import LabelData
from pydantic import model_validator


class AnyLabel(LabelData):
    """What Gradio takes from the page for a label, and whatever else a script put in its place."""

    @model_validator(mode="before")
    @classmethod
    def _wrapped(cls, value: Any) -> Any:
        if isinstance(value, dict | LabelData):
            return value
        return {"label": value if isinstance(value, str | int | float) else str(value)}


def take_anything(component: Any) -> None:
    """An extension's label does."""
    if isinstance(component, gr.Label):
        component.data_model = AnyLabel
