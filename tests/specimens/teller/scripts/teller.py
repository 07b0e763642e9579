"""A chosen script that tells the person what is wrong, in Gradio's way."""

import gradio as gr

from modules import scripts


class Teller(scripts.Script):
    def title(self):
        return "Teller"

    def run(self, p):
        raise gr.Error("Put in a picture first.")
