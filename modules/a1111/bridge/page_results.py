"""Where A1111's page has buttons of others beside its results: a row, and what extensions find it by."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.web.field import TABS

if TYPE_CHECKING:
    from modules.web.slots import Slots

BUTTONS = ("open_folder", "save", "save_zip", "send_to_img2img", "send_to_inpaint", "send_to_extras")
"""In A1111's order; what an extension makes when it hears of one comes next to it."""
SAVES = ("save", "save_zip")
"""Their names come before that of the tab."""
THEIRS = "aq-theirs"


def make_room(slots: Slots) -> None:
    """Below the results of each tab. Our own buttons are drawn by scripts of the page: these stand for them while the
    page is built, and are never seen."""
    for tab in TABS:
        slots.after(f"{tab}_gallery", partial(_draw, tab))


def _draw(tab: str, gallery: Any) -> None:
    row = gr.Row(elem_id=f"image_buttons_{tab}", elem_classes=["image-buttons", THEIRS])
    announced = [row]
    with row:
        announced += [gr.Button(elem_id=_id(tab, name), elem_classes=["tool"]) for name in BUTTONS]
    announced += [gr.HTML(elem_id=f"html_{name}_{tab}") for name in ("info", "log")]
    gr.Textbox(elem_id=f"generation_info_{tab}", visible="hidden")  # scripts of the page fill it
    announced.append(gr.Button(elem_id=f"{tab}_generation_info_button"))
    for block in announced:
        block.elem_id = None
        block.visible = block is row
    row.elem_id = f"{tab}_{THEIRS}"


def _id(tab: str, name: str) -> str:
    return f"{name}_{tab}" if name in SAVES else f"{tab}_{name}"
