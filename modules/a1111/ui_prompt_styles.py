"""A1111's `modules.ui_prompt_styles`: what its editor of styles does."""

from __future__ import annotations

from typing import Any

import gradio as gr

from .bridge.host import host

styles_edit_symbol = "\U0001f58c\ufe0f"
styles_materialize_symbol = "\U0001f4cb"
styles_copy_symbol = "\U0001f4dd"


def select_style(name: str) -> tuple[Any, ...]:
    """A style's two texts."""
    style = host.app.styles.all().get(name)
    texts = (style.prompt, style.negative_prompt) if style else ("", "")
    return (*texts, gr.update(visible=style is not None), gr.update(visible=bool(name)))


def save_style(name: str, prompt: str, negative_prompt: str) -> Any:
    """Saves a style."""
    host.app.styles.save(name, prompt, negative_prompt)
    return gr.update(visible=True)


def delete_style(name: str) -> tuple[str, str, str]:
    """Removes a style."""
    host.app.styles.delete(name)
    return "", "", ""


def materialize_styles(prompt: str, negative_prompt: str, styles: list[str]) -> list[Any]:
    """Both prompts with the styles, of which none is chosen any more."""
    both = host.app.styles.apply(prompt, negative_prompt, styles)
    return [*(gr.update(value=text) for text in both), gr.update(value=[])]


def refresh_styles() -> tuple[Any, Any]:
    """The styles there are."""
    names = host.app.styles.names()
    return gr.update(choices=names), gr.update(choices=names)


class UiPromptStyles:
    """The list of styles beside an extension's prompts. They are edited on our own tabs."""

    def __init__(self, tabname: str, main_ui_prompt: Any, main_ui_negative_prompt: Any) -> None:
        self.tabname = tabname
        self.main_ui_prompt, self.main_ui_negative_prompt = main_ui_prompt, main_ui_negative_prompt
        with gr.Row(elem_id=f"{tabname}_styles_row"):
            self.dropdown = gr.Dropdown(
                host.app.styles.names(),
                value=[],
                label="Styles",
                show_label=False,
                elem_id=f"{tabname}_styles",
                multiselect=True,
            )

    def setup_apply_button(self, button: Any) -> None:
        """The button writes what is chosen into the prompts."""
        fields = [self.main_ui_prompt, self.main_ui_negative_prompt, self.dropdown]
        button.click(materialize_styles, fields, fields, show_progress="hidden")
