"""Gradio's boxes for pictures and files, which extensions put into forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr

BOXES = (gr.Image, gr.ImageEditor, gr.Gallery, gr.File, gr.UploadButton, gr.Audio, gr.Video, gr.Model3D)


def without_boxes(widgets: Iterable[Any]) -> list[Any]:
    """Those whose values are small. A painted picture is sent to the server each time that an event asks for it, and
    changes by being sent: events that come by themselves must neither ask for boxes nor listen to them."""
    return [widget for widget in widgets if not isinstance(widget, BOXES)]


def blank_for_boxes(widgets: Iterable[Any]) -> list[Any]:
    """All, with something empty in the place of each box."""
    blank = gr.State(None)
    return [blank if isinstance(widget, BOXES) else widget for widget in widgets]
