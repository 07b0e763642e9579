"""A1111's `modules.ui_common`: pieces that several of its tabs have."""

from __future__ import annotations

import html
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from .bridge.opts import present
from .ui_components import ToolButton

folder_symbol = "\U0001f4c2"
refresh_symbol = "\U0001f504"


def update_generation_info(generation_info: str, html_info: str, img_index: int) -> tuple[str, str]:
    """The infotext of the picture that is looked at."""
    try:
        infos = json.loads(generation_info)["infotexts"]
        return plaintext_to_html(infos[int(img_index)]), html_info
    except (ValueError, KeyError, IndexError, TypeError):
        return html_info, ""


def plaintext_to_html(text: str, classname: str | None = None) -> str:
    """A text as HTML: its letters, its lines, nothing else."""
    lines = "<br>\n".join(html.escape(line) for line in str(text).split("\n"))
    return f'<p class="{html.escape(classname)}">{lines}</p>' if classname else f"<p>{lines}</p>"


def create_refresh_button(
    refresh_component: Any,
    refresh_method: Callable[[], Any],
    refreshed_args: Any,
    elem_id: str,
) -> Any:
    """A small button that looks at the disk again and shows what it found."""
    components = refresh_component if isinstance(refresh_component, list) else [refresh_component]

    def refresh() -> Any:
        refresh_method()
        given = refreshed_args() if callable(refreshed_args) else refreshed_args
        changes = [gr.update(**(given or {})) for _ in components]
        return changes if len(changes) > 1 else changes[0]

    button = ToolButton(value=refresh_symbol, elem_id=elem_id, tooltip="Look at the disk again")
    button.click(fn=refresh, inputs=[], outputs=components)
    return button


def setup_dialog(button_show: Any, dialog: Any, *, button_close: Any = None) -> None:
    """A part of the page that a button shows, and another hides."""
    button_show.click(fn=lambda: gr.update(visible=True), inputs=[], outputs=[dialog])
    if button_close is not None:
        button_close.click(fn=lambda: gr.update(visible=False), inputs=[], outputs=[dialog])


class OutputPanel:
    """What `create_output_panel` made."""

    gallery: Any = None
    generation_info: Any = None
    infotext: Any = None
    html_log: Any = None
    button_upscale: Any = None


def create_output_panel(tabname: str, outdir: Any, toprow: Any = None) -> OutputPanel:
    """A gallery with what belongs to it, for a tab of an extension's own."""
    from .infotext_utils import ParamBinding, create_buttons, register_paste_params_button

    made = OutputPanel()
    with gr.Column(elem_id=f"{tabname}_results"):
        with gr.Column(elem_id=f"{tabname}_gallery_container"):
            made.gallery = gr.Gallery(
                label="Output", show_label=False, elem_id=f"{tabname}_gallery", columns=4, preview=True, format="png"
            )
        with gr.Row(elem_id=f"image_buttons_{tabname}"):
            ToolButton(folder_symbol, elem_id=f"{tabname}_open_folder", visible="hidden")  # nobody opens it from afar
            buttons = create_buttons(["img2img", "inpaint", "extras"])
        made.html_log = gr.HTML(elem_id=f"html_log_{tabname}")
        made.infotext = gr.HTML(elem_id=f"html_info_{tabname}")
        made.generation_info = gr.Textbox(visible=False, elem_id=f"generation_info_{tabname}")
    for name, button in buttons.items():
        binding = ParamBinding(paste_button=button, tabname=name, source_image_component=made.gallery)
        register_paste_params_button(binding)
    return made


def save_files(js_data: str, images: Sequence[Any], do_make_zip: bool, index: int) -> tuple[Any, str]:
    """Copies pictures of a result into the folder of saved ones; all of them, or the one that is looked at."""
    from .images import read, save_image
    from .shared_options import opts

    data = json.loads(js_data) if js_data else {}
    infotexts, start = data.get("infotexts") or [], 0
    if index > -1 and opts.save_selected_only:
        images, start = [images[index]], index
    saved: list[str] = []
    for number, entry in enumerate(images, start):
        picture = _opened(entry, read)
        info = infotexts[number] if number < len(infotexts) else picture.info.get("parameters")
        ending = present().samples_format
        name = Path(getattr(picture, "filename", "") or "").stem or None
        path, _ = save_image(picture, opts.outdir_save, "", extension=ending, info=info, forced_filename=name)
        saved.append(path)
    if do_make_zip and saved:
        archive = Path(opts.outdir_save, "images.zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
            for path in saved:
                file.write(path, os.path.basename(path))
        saved.insert(0, str(archive))
    first = os.path.basename(saved[0]) if saved else "nothing"
    return gr.File(value=saved, visible=True), plaintext_to_html(f"Saved: {first}")


def _opened(entry: Any, read: Callable[[Any], Image.Image]) -> Image.Image:
    """An entry of a gallery: a picture, a path, a (path, caption), or what Gradio 3 sent."""
    if isinstance(entry, Image.Image):
        return entry
    if isinstance(entry, list | tuple):
        return _opened(entry[0], read)
    if isinstance(entry, dict) and "data" in entry:
        from .infotext_utils import image_from_url_text

        found = image_from_url_text(entry["data"])
        assert found is not None
        return found
    return read(entry["name"] if isinstance(entry, dict) else entry)
