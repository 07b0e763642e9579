"""A specimen: an extension as they were written for Gradio 3, in the idioms that the popular ones use."""

import gradio as gr
from pydantic import BaseModel, root_validator, validator

from modules import script_callbacks, scripts, shared
from modules.ui_components import InputAccordion, ToolButton



class Kept(BaseModel):
    """As models are written for pydantic 1."""

    words: str = ""

    class Config(BaseModel.__config__):
        extra = "allow"

    @validator("words", pre=True)
    def said(cls, value):
        return str(value)

    @root_validator
    def spoken(cls, values):
        return {**values, "words": values["words"].strip()}


HEARD = []
MADE = []


class OldWords(scripts.Script):
    """Always there: writes into the infotext what its controls say."""

    def title(self):
        return "Old words"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        tab = "img2img" if is_img2img else "txt2img"
        with gr.Accordion("Old words", open=False, elem_id=f"{tab}_old_words"):
            with gr.Row().style(equal_height=True):
                enabled = gr.Checkbox(label="Enabled", value=False, elem_id=f"{tab}_old_words_on")
                text = gr.Textbox(label="Text", value="old", show_copy_button=True, elem_id=f"{tab}_old_words_text")
            with gr.Box():
                choice = gr.Dropdown(["one", "two"], label="Choice", type="index", elem_id=self.elem_id("choice"))
                number = gr.Slider(0, 10, value=3, step=1, label="Number", elem_id=self.elem_id("number"))
            hidden = gr.Textbox(visible=False, elem_id=f"{tab}_old_words_hidden")
            button = gr.Button("Shout", variant="tool", elem_id=f"{tab}_old_words_shout")
            picture = gr.Image(source="upload", type="pil", label="Picture", elem_id=self.elem_id("picture"))
            button.click(
                fn=lambda value: gr.Textbox.update(value=value.upper()),
                _js="(value) => value + '!'",
                inputs=[text],
                outputs=[text],
                show_progress=False,
            )
        with InputAccordion(False, label="Folding words", elem_id=f"{tab}_folding") as folding:
            depth = gr.Number(label="Depth", value=2, precision=0)
        self.infotext_fields = [
            (enabled, lambda entries: "Old words" in entries),
            (text, "Old words"),
            (number, "Old words number"),
        ]
        self.paste_field_names = ["Old words", "Old words number"]
        return [enabled, text, choice, number, hidden, picture, folding, depth]

    def process(self, p, enabled, text, choice, number, hidden, picture, folding, depth):
        if enabled:
            p.extra_generation_params["Old words"] = text
            p.extra_generation_params["Old words number"] = number
            p.extra_generation_params["Old words choice"] = choice
            p.extra_generation_params["Old words picture"] = "none" if picture is None else picture.size[0]
            p.extra_generation_params["Old words folding"] = f"{folding} {depth}"

    def after_component(self, component, **kwargs):
        if kwargs.get("elem_id") in ("txt2img_prompt", "img2img_prompt"):
            self.prompt = component
        if kwargs.get("elem_id") == f"{'img2img' if self.is_img2img else 'txt2img'}_generate":
            shout = ToolButton("📣", elem_id=f"{self.tabname}_shout_prompt", tooltip="Shout the prompt")
            shout.click(fn=lambda text: text.upper(), inputs=[self.prompt], outputs=[self.prompt])


class Chosen(scripts.Script):
    """To be chosen: makes the picture with other words. Counts on being made twice, for txt2img and for img2img."""

    def __init__(self):
        MADE.append(self)
        if len(MADE) % 2:
            script_callbacks.on_ui_tabs(one_more_tab)

    def title(self):
        return "Chosen words"

    def ui(self, is_img2img):
        words = gr.Textbox(label="Instead", value="blue star", elem_id=self.elem_id("instead"))
        return [words]

    def run(self, p, words):
        from modules.processing import process_images

        p.prompt = words
        return process_images(p)


def on_ui_tabs():
    with gr.Blocks(analytics_enabled=False) as page:
        with gr.Row():
            name = gr.Textbox(label="Name", elem_id="old_words_name")
            said = gr.Textbox(label="Said", elem_id="old_words_said", interactive=False)
        with gr.Tabs(elem_id="old_words_tabs"):
            gr.Textbox(visible=False)
            with gr.TabItem("First", elem_id="old_words_first"):
                greet = gr.Button("Greet", elem_id="old_words_greet")
            with gr.TabItem("Second", elem_id="old_words_second"):
                gr.HTML("<b id='old_words_deep'>deep</b>")
        greet.click(fn=lambda name: f"Hello {name}", _js="(name) => name", inputs=[name], outputs=[said])
    return [(page, "Old words", "old_words")]


def one_more_tab():
    with gr.Blocks(analytics_enabled=False) as page:
        gr.HTML("once", elem_id="old_words_once_text")
    return [(page, "Once", "old_words_once")]


def on_app_started(demo, app):
    from starlette.middleware.base import BaseHTTPMiddleware

    class Marked(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            answer = await call_next(request)
            answer.headers["X-Old-Words"] = "here"
            return answer

    app.add_middleware(Marked)

    @app.get("/old_words/secret")
    async def secret():
        return {"secret": "canary"}


def on_ui_settings():
    section = ("old_words", "Old words")
    shared.opts.add_option("old_words_text", shared.OptionInfo("from the settings", "Text", section=section))


def on_ui_train_tabs(params):
    with gr.Tab("Old training"):
        seen = gr.Textbox(label="Seen", elem_id="old_words_seen")
        look = gr.Button("Look", elem_id="old_words_look")
    previewed = params.txt2img_preview_params
    look.click(lambda *values: f"{len(values)}: {values[0]}, {values[2]} steps", inputs=previewed, outputs=[seen])


def on_infotext_pasted(infotext, params):
    HEARD.append(infotext)
    params.setdefault("Old words number", 7)


script_callbacks.on_ui_tabs(on_ui_tabs)
script_callbacks.on_ui_train_tabs(on_ui_train_tabs)
script_callbacks.on_app_started(on_app_started)
script_callbacks.on_ui_settings(on_ui_settings)
script_callbacks.on_infotext_pasted(on_infotext_pasted)
script_callbacks.on_before_ui(lambda: HEARD.append("before ui"))
