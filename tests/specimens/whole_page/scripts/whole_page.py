"""Two tabs whose gr.Blocks have something to say about the whole page."""

import gradio as gr

from modules import script_callbacks

CSS = """
#whole_page_box { border: 3px solid rgb(1, 2, 3); }
/* </style> does not end it */
#footer { outline-color: rgb(4, 5, 6); }
"""


def _tabs():
    with gr.Blocks(css=CSS, js="() => { document.body.dataset.wholePage = 'ran'; }", head="<meta name='whole-page' content='here'>") as first:
        gr.Textbox("hello", elem_id="whole_page_box")
    with gr.Blocks(css="more.css", head="<script src='https://cdn.example.org/x.js'></script>") as second:
        gr.Markdown("second")
    return (first, "Whole page", "whole_page"), (second, "Second", "whole_page_second")


script_callbacks.on_ui_tabs(_tabs)
