"""A tab whose buttons send its picture and its parameters on, and write into txt2img's prompt, as A1111 offers it."""

import gradio as gr
from PIL import Image

from modules import script_callbacks, ui
from modules import generation_parameters_copypaste as pasting

TEXT = "a blue star\nNegative prompt: grey\nSteps: 7, Sampler: Euler a, CFG scale: 3.5, Seed: 11, Size: 192x64"


def on_ui_tabs():
    fields = dict((label, component) for component, label in ui.txt2img_paste_fields)
    with gr.Blocks(analytics_enabled=False) as page:
        gallery = gr.Gallery(elem_id="sender_gallery")
        text = gr.Textbox(TEXT, elem_id="sender_text")
        make = gr.Button("Make", elem_id="sender_make")
        make.click(fn=lambda: [Image.new("RGB", (40, 24), "teal")], inputs=[], outputs=[gallery])
        write = gr.Button("Write", elem_id="sender_write")
        prompts = [fields["Prompt"], fields["Negative prompt"]]
        write.click(fn=lambda: ("written", "not that"), inputs=[], outputs=prompts)
        copy = gr.Button("Copy", elem_id="sender_copy")
        pasting.register_paste_params_button(pasting.ParamBinding(copy, "img2img", source_tabname="txt2img"))
        with gr.Row(elem_id="sender_buttons"):
            buttons = pasting.create_buttons(["txt2img", "img2img", "inpaint", "extras"])
        pasting.bind_buttons(buttons, gallery, text)
    return [(page, "Sender", "sender")]


script_callbacks.on_ui_tabs(on_ui_tabs)
