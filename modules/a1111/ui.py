"""A1111's `modules.ui`: signs, small functions, and the lists of a form's fields."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from . import infotext_utils
from .call_queue import wrap_gradio_call, wrap_gradio_gpu_call, wrap_queued_call
from .ui_common import create_output_panel, create_refresh_button, plaintext_to_html, setup_dialog
from .ui_components import FormColumn, FormGroup, FormHTML, FormRow, ToolButton

__all__ = [
    "FormColumn",
    "FormGroup",
    "FormHTML",
    "FormRow",
    "ToolButton",
    "create_output_panel",
    "create_refresh_button",
    "plaintext_to_html",
    "setup_dialog",
    "wrap_gradio_call",
    "wrap_gradio_gpu_call",
    "wrap_queued_call",
]

random_symbol = "\U0001f3b2\ufe0f"
reuse_symbol = "\u267b\ufe0f"
paste_symbol = "\u2199\ufe0f"
refresh_symbol = "\U0001f504"
save_style_symbol = "\U0001f4be"
apply_style_symbol = "\U0001f4cb"
clear_prompt_symbol = "\U0001f5d1\ufe0f"
extra_networks_symbol = "\U0001f3b4"
switch_values_symbol = "\U000021c5"
restore_progress_symbol = "\U0001f300"
detect_image_size_symbol = "\U0001f4d0"
folder_symbol = "\U0001f4c2"
up_down_symbol = "\u2195\ufe0f"


def __getattr__(name: str) -> Any:
    if name in ("txt2img_paste_fields", "img2img_paste_fields"):
        fields = infotext_utils.paste_fields.get(name.partition("_")[0])
        return (fields or {}).get("fields") or []
    raise AttributeError(f"modules.ui has no {name}")


def gr_show(visible: bool = True) -> dict[str, Any]:
    """A change that shows or hides a component."""
    return {"visible": visible, "__type__": "update"}


def visit(x: Any, func: Any, path: str = "") -> None:
    """Calls `func` with the path of each component below one."""
    if hasattr(x, "children"):
        for child in x.children or ():
            visit(child, func, path)
    elif x.label is not None:
        func(f"{path}/{x.label}", x)


def add_style(name: str, prompt: str, negative_prompt: str) -> list[Any]:
    """Saves a style."""
    from .bridge.host import host

    host.app.styles.save(name, prompt, negative_prompt)
    return [gr.update(choices=host.app.styles.names()) for _ in range(2)]


def apply_styles(prompt: str, prompt_neg: str, styles: list[str]) -> list[Any]:
    """Both prompts with the styles, of which none is chosen any more."""
    from .bridge.host import host

    both = host.app.styles.apply(prompt, prompt_neg, styles)
    return [*(gr.update(value=text) for text in both), gr.update(value=[])]


def calc_resolution_hires(enable: bool, width: int, height: int, hr_scale: float, hr_x: int, hr_y: int) -> str:
    """The size that hires fix makes, in words."""
    from modules.studio.hires_size import hires_size

    if not enable:
        return ""
    size = hires_size(width, height, hr_scale, hr_x, hr_y).upscaled
    return f"from {_resolution(width, height)} to {_resolution(*size)}"


def resize_from_to_html(width: float, height: float, scale_by: float) -> str:
    """The size that a factor makes of another, in words."""
    size = int(width * scale_by), int(height * scale_by)
    if not all(size):
        return "no image selected"
    return f"resize: from {_resolution(width, height)} to {_resolution(*size)}"


def _resolution(width: float, height: float) -> str:
    return f"<span class='resolution'>{width:g}x{height:g}</span>"


def update_token_counter(text: str, steps: int, styles: Any = None, *, is_positive: bool = True) -> str:
    """How long a prompt is, as HTML."""
    from .sd_hijack import model_hijack

    tokens, limit = model_hijack.get_prompt_lengths(text)
    return f"<span class='gr-box gr-text-input'>{tokens}/{limit}</span>"


def update_negative_prompt_token_counter(*args: Any) -> str:
    """The same."""
    return update_token_counter(*args, is_positive=False)


def send_gradio_gallery_to_image(x: Any) -> Any:
    """The first picture of a gallery."""
    return infotext_utils.image_from_url_text(x[0]) if x else None


def create_ui() -> Any:
    """The page that is built."""
    from . import shared

    return shared.demo


def setup_ui_api(app: Any) -> None:
    """The routes are there."""


def versions_html() -> str:
    """The versions of the program and of what it stands on, as A1111 has them at the foot of its page."""
    import platform

    import torch

    from modules.studio.version import VERSION

    known = {"version": f"Aquatint {VERSION}", "python": platform.python_version(), "torch": torch.__version__}
    known["gradio"] = gr.__version__
    return " \u2000•\u2000 ".join(f"{name}: {escape(value)}" for name, value in known.items())


def ordered_ui_categories() -> list[str]:
    """The parts of A1111's form, by its names."""
    from .shared_items import ui_reorder_categories

    return ui_reorder_categories()


def create_override_settings_dropdown(tabname: str, row: Any) -> Any:
    """A list of overrides; the form shows none."""
    return gr.Dropdown(
        [],
        value=[],
        label="Override settings",
        visible=False,
        elem_id=f"{tabname}_override_settings",
        multiselect=True,
    )


def webpath(fn: str) -> str:
    """The address of a file below the data folder."""
    from .util import truncate_path

    return f"file={truncate_path(fn)}"
