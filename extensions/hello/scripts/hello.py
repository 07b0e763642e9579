"""Hello: the smallest useful extension, to be read and copied. docs/writing-extensions.md explains it line by line."""

import gradio as gr

from modules import scripts


class Hello(scripts.Script):
    """One object of this class is made for txt2img and one for img2img."""

    def title(self):
        """Its name: on the page, and in `alwayson_scripts` of the API."""
        return "Hello"

    def show(self, is_img2img):
        """AlwaysVisible: it is there in every form. `True` would put it into the list of scripts to choose from."""
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        """The controls. What is returned here comes back as the arguments of all the methods below."""
        with gr.Accordion("Hello", open=False):
            greeting = gr.Textbox(label="Add to the prompt", placeholder="in watercolour")
        self.infotext_fields = [(greeting, "Hello")]  # a pasted infotext fills it in again
        return [greeting]

    def process(self, p, greeting):
        """Before anything is painted: `p` is the job, and what is assigned to it is what is done."""
        if greeting:
            p.all_prompts = [f"{prompt}, {greeting}" for prompt in p.all_prompts]
            p.extra_generation_params["Hello"] = greeting
