"""Buttons and a text beside A1111's results, made as soon as its own components there are heard of."""

import gradio as gr

from modules import script_callbacks, scripts
from modules.ui_components import ToolButton

heard = []


class Neighbours(scripts.Script):
    def title(self):
        return "Neighbours"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def after_component(self, component, **given):
        if given.get("elem_id") in ("txt2img_generation_info_button", "img2img_generation_info_button"):
            gr.Textbox("below", elem_id=f"{'img2img' if self.is_img2img else 'txt2img'}_neighbour_text")


def beside(component, **given):
    name = given.get("elem_id") or ""
    if name in ("txt2img_send_to_extras", "img2img_send_to_extras"):
        heard.append((name, component.parent.elem_id))
        text = gr.Textbox(visible=False, elem_id=f"neighbour_of_{name}_text")
        button = ToolButton("\u274c", elem_id=f"neighbour_of_{name}")
        button.click(fn=lambda: "pressed", inputs=[], outputs=[text])


script_callbacks.on_after_component(beside)
