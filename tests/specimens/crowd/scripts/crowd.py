"""A tab with more events than a page usually has."""

import gradio as gr

from modules import script_callbacks


def tab():
    with gr.Blocks() as crowd:
        heard = gr.Textbox(label="Heard", elem_id="crowd_heard")
        for number in range(600):
            button = gr.Button(f"Button {number}", elem_id=f"crowd_{number}")
            button.click(lambda number=number: f"Button {number}", outputs=[heard])
    return [(crowd, "Crowd", "crowd")]


script_callbacks.on_ui_tabs(tab)
