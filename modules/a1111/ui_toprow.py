"""A1111's `modules.ui_toprow`: prompts, Generate and styles for a tab of an extension's. Our own tabs have others."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .ui_components import ToolButton
from .ui_prompt_styles import UiPromptStyles, styles_materialize_symbol

HINT = "Ctrl+Enter generates, Alt+Enter skips, Esc interrupts"


class Toprow:
    """Made at once as a whole, or, `is_compact`, piece by piece where the extension wants them."""

    prompt: Any = None
    prompt_img: Any = None
    negative_prompt: Any = None
    button_interrogate: Any = None
    button_deepbooru: Any = None
    interrupt: Any = None
    interrupting: Any = None
    skip: Any = None
    submit: Any = None
    paste: Any = None
    clear_prompt_button: Any = None
    apply_styles: Any = None
    restore_progress_button: Any = None
    token_counter: Any = None
    token_button: Any = None
    negative_token_counter: Any = None
    negative_token_button: Any = None
    ui_styles: Any = None
    submit_box: Any = None

    def __init__(self, is_img2img: bool, is_compact: bool = False, id_part: str | None = None) -> None:
        self.is_img2img, self.is_compact = is_img2img, is_compact
        self.id_part = id_part or ("img2img" if is_img2img else "txt2img")
        if is_compact:
            self.create_submit_box()
        else:
            with gr.Row(elem_id=f"{self.id_part}_toprow", variant="compact"):
                self.create_classic_toprow()

    def create_classic_toprow(self) -> None:
        """The prompts, and beside them the rest."""
        self.create_prompts()
        with gr.Column(scale=1, elem_id=f"{self.id_part}_actions_column"):
            self.create_submit_box()
            self.create_tools_row()
            self.create_styles_ui()

    def create_inline_toprow_prompts(self) -> None:
        """Where it is compact: the prompts, and below them the rest without Generate."""
        if not self.is_compact:
            return
        self.create_prompts()
        with gr.Row(elem_classes=["toprow-compact-stylerow"]):
            with gr.Column(elem_classes=["toprow-compact-tools"]):
                self.create_tools_row()
            with gr.Column():
                self.create_styles_ui()

    def create_inline_toprow_image(self) -> None:
        """Where it is compact: Generate."""
        if self.is_compact:
            self.submit_box.render()

    def create_prompts(self) -> None:
        """Both, and the box of a file whose parameters are read into them."""
        with gr.Column(elem_id=f"{self.id_part}_prompt_container", scale=6):
            with gr.Row(elem_id=f"{self.id_part}_prompt_row", elem_classes=["prompt-row"]):
                self.prompt = self._text("prompt", "Prompt")
                self.prompt_img = gr.File(
                    label="", elem_id=f"{self.id_part}_prompt_image", type="binary", visible=False, file_count="single"
                )
            with gr.Row(elem_id=f"{self.id_part}_neg_prompt_row", elem_classes=["prompt-row"]):
                self.negative_prompt = self._text("neg_prompt", "Negative prompt")
        outputs = [self.prompt, self.prompt_img]
        self.prompt_img.change(_parameters_in, [self.prompt_img], outputs, show_progress="hidden")

    def create_submit_box(self) -> None:
        """Interrupt, Skip and Generate; what Generate does is the extension's."""
        classes = ["generate-box", *(["generate-box-compact"] if self.is_compact else [])]
        with gr.Row(
            elem_id=f"{self.id_part}_generate_box", elem_classes=classes, render=not self.is_compact
        ) as self.submit_box:
            named = f"{self.id_part}_interrupt"
            self.interrupt = gr.Button("Interrupt", elem_id=named, elem_classes="generate-box-interrupt")
            self.skip = gr.Button("Skip", elem_id=f"{self.id_part}_skip", elem_classes="generate-box-skip")
            self.submit = gr.Button("Generate", elem_id=f"{self.id_part}_generate", variant="primary")
            self.interrupt.click(_interrupt, queue=False)
            self.skip.click(_skip, queue=False)

    def create_tools_row(self) -> None:
        """Small buttons, and how long the prompts are."""
        from .ui import clear_prompt_symbol, paste_symbol, restore_progress_symbol

        with gr.Row(elem_id=f"{self.id_part}_tools"):
            self.paste = ToolButton(paste_symbol, elem_id="paste", tooltip="Reads parameters out of the prompt")
            self.clear_prompt_button = ToolButton(
                clear_prompt_symbol, elem_id=f"{self.id_part}_clear_prompt", tooltip="Clears both prompts"
            )
            self.apply_styles = ToolButton(
                styles_materialize_symbol, elem_id=f"{self.id_part}_style_apply", tooltip="Writes the styles out"
            )
            if self.is_img2img:
                self.button_interrogate = gr.Button(elem_id="interrogate", visible=False)
                self.button_deepbooru = gr.Button(elem_id="deepbooru", visible=False)
            self.restore_progress_button = ToolButton(
                restore_progress_symbol, elem_id=f"{self.id_part}_restore_progress", visible=False
            )
            self.token_counter = self._counter("token_counter")
            self.token_button = gr.Button(visible=False, elem_id=f"{self.id_part}_token_button")
            self.negative_token_counter = self._counter("negative_token_counter")
            self.negative_token_button = gr.Button(visible=False, elem_id=f"{self.id_part}_negative_token_button")
        prompts = [self.prompt, self.negative_prompt]
        self.clear_prompt_button.click(lambda *both: both, prompts, prompts, js="confirm_clear_prompt")

    def create_styles_ui(self) -> None:
        """The list of styles, and the button that writes them out."""
        self.ui_styles = UiPromptStyles(self.id_part, self.prompt, self.negative_prompt)
        self.ui_styles.setup_apply_button(self.apply_styles)

    def _text(self, name: str, label: str) -> Any:
        words = {"show_label": False, "placeholder": f"{label}\n({HINT})", "elem_classes": ["prompt"]}
        return gr.Textbox(label=label, elem_id=f"{self.id_part}_{name}", lines=3, **words)

    def _counter(self, name: str) -> Any:
        return gr.HTML("<span>0/75</span>", elem_id=f"{self.id_part}_{name}", elem_classes=["token-counter"])


def _interrupt() -> None:
    from . import shared

    shared.state.interrupt()


def _skip() -> None:
    from . import shared

    shared.state.skip()


def _parameters_in(data: bytes | None) -> tuple[Any, None]:
    from .images import image_data

    text, _ = image_data(data) if data else (gr.update(), None)
    return text, None
