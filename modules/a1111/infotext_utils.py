"""A1111's `modules.infotext_utils`: infotexts as dictionaries, and buttons that send pictures and parameters on."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.image_files import open_picture
from modules.studio.infotext import read_infotext
from modules.studio.infotext_entries import entry
from modules.studio.job import LOCAL

from .bridge import course, sending
from .bridge.extension_page import page
from .bridge.host import host
from .bridge.opts import read_option
from .ui_components import ToolButton

re_param_code = r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)'
re_param = re.compile(re_param_code)
re_imagesize = re.compile(r"^(\d+)x(\d+)$")
re_hypernet_hash = re.compile(r"\(([0-9a-f]+)\)$")

paste_fields: dict[str, dict[str, Any]] = {}
"""By tab: where its picture goes, its fields as (component, label), and what it overrides."""
registered_param_bindings: list[ParamBinding] = []
infotext_to_setting_name_mapping: list[tuple[str, str]] = []

DEFAULTS: dict[str, Any] = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Cache FP16 weight for LoRA": False,
    "Emphasis": "Original",
    "Refiner switch by sampling steps": False,
}
"""What A1111 takes a text to say that does not say it."""
LABEL_OPTIONS = {
    "Clip skip": "CLIP_stop_at_last_layers",
    "ENSD": "eta_noise_seed_delta",
    "Emphasis": "emphasis",
    "Model hash": "sd_model_checkpoint",
    "VAE": "sd_vae",
    "Eta": "eta_ancestral",
    "Eta DDIM": "eta_ddim",
    "Noise multiplier": "initial_noise_multiplier",
    "NGMS": "s_min_uncond",
    "Skip Early CFG": "skip_early_cond",
    "RNG": "randn_source",
    "Prompt word wrap length limit": "comma_padding_backtrack",
}
"""Entries that are options, and their names."""


class ParamBinding:
    """A button that sends a picture or an infotext to a tab."""

    def __init__(
        self,
        paste_button: Any,
        tabname: str,
        source_text_component: Any = None,
        source_image_component: Any = None,
        source_tabname: str | None = None,
        override_settings_component: Any = None,
        paste_field_names: Sequence[str] | None = None,
    ) -> None:
        self.paste_button, self.tabname = paste_button, tabname
        self.source_text_component, self.source_image_component = source_text_component, source_image_component
        self.source_tabname = source_tabname
        self.override_settings_component = override_settings_component
        self.paste_field_names = list(paste_field_names or [])


def reset() -> None:
    """Forgets what was registered, before a page is built anew."""
    paste_fields.clear()
    registered_param_bindings.clear()


def quote(text: Any) -> str:
    """A value as an infotext has it: in quotes where it must."""
    return entry("x", str(text)).removeprefix("x: ")


def unquote(text: str) -> str:
    """The value again."""
    try:
        return str(json.loads(text)) if text[:1] == '"' and text[-1:] == '"' else text
    except ValueError:
        return text


def parse_generation_parameters(x: str, skip_fields: Sequence[str] | None = None) -> dict[str, Any]:
    """A1111's dictionary of an infotext: its entries, sizes also by side, and what it does not say filled in."""
    read = read_infotext(x)
    found: dict[str, Any] = dict(read.params)
    for key, text in read.params.items():
        size = re_imagesize.match(text)
        if size is not None:
            found[f"{key}-1"], found[f"{key}-2"] = size[1], size[2]
    found |= {"Prompt": read.prompt, "Negative prompt": read.negative_prompt}
    if read.params:
        for key, value in DEFAULTS.items():
            found.setdefault(key, value)
        _take_sampler_apart(found)
    styles = _styles(read.prompt, read.negative_prompt)
    if styles is not None:
        found["Styles array"], found["Prompt"], found["Negative prompt"] = styles
    for name in skip_fields or ():
        found.pop(name, None)
    return found


def _take_sampler_apart(found: dict[str, Any]) -> None:
    from .sd_samplers import get_sampler_and_scheduler

    if "Sampler" in found:
        said = found.get("Schedule type") if found.get("Schedule type") != "Automatic" else None
        found["Sampler"], found["Schedule type"] = get_sampler_and_scheduler(found["Sampler"], said)


def _styles(prompt: str, negative: str) -> tuple[list[str], str, str] | None:
    if not host.is_bound or read_option("infotext_styles") in ("Ignore", "Apply if any"):
        return None
    from .shared import prompt_styles

    return prompt_styles.extract_styles_from_prompt(prompt, negative)


def image_from_url_text(filedata: Any) -> Image.Image | None:
    """The picture that a component sends: a path of a picture that this server has made, or base64."""
    while isinstance(filedata, list | tuple):
        filedata = filedata[0] if filedata else None
    if isinstance(filedata, dict):
        filedata = filedata.get("image") or filedata.get("path") or filedata.get("name") or filedata.get("data")
        return image_from_url_text(filedata)
    if filedata is None or isinstance(filedata, Image.Image):
        return filedata
    text = str(filedata)
    path = Path(text.split("?")[0])
    if not text.startswith("data:") and path.is_file():
        if not _may_be_read(path):
            raise AquatintError(f"{path.name} is no picture of this server.")
        return Image.open(path)
    try:
        data = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except ValueError:
        raise AquatintError("This is no picture.") from None
    open_picture(data)
    return Image.open(io.BytesIO(data))


def _may_be_read(path: Path) -> bool:
    """Whether it is a picture of whoever asks: one of theirs in the gallery, or one that they have put into a box.
    Where nobody logs in, whatever lies in the folders of pictures is theirs."""
    owner = course.asker()
    files = getattr(getattr(page.site, "state", None), "gradio_files", None)
    if files is not None and files.find(str(path), owner) is not None:
        return True
    folders = [host.app.folders.data / "outputs", Path(read_option("outdir_save"))]
    if not any(path.resolve().is_relative_to(folder.resolve()) for folder in folders):
        return False
    return owner == LOCAL or host.app.gallery.owns(path.resolve(), owner)


def add_paste_fields(tabname: str, init_img: Any, fields: Any, override_settings_component: Any = None) -> None:
    """A tab that pictures and parameters can be sent to."""
    paste_fields[tabname] = {
        "init_img": init_img,
        "fields": fields,
        "override_settings_component": override_settings_component,
    }


def create_buttons(tabs_list: Sequence[str]) -> dict[str, Any]:
    """A button for each tab."""
    titles = {"img2img": "\U0001f5bc\ufe0f", "inpaint": "\U0001f3a8\ufe0f", "extras": "\U0001f4d0"}
    return {
        tab: ToolButton(titles.get(tab, f"Send to {tab}"), elem_id=f"{tab}_tab", tooltip=f"Send to {tab}")
        for tab in tabs_list
    }


def bind_buttons(buttons: dict[str, Any], send_image: Any, send_generate_info: Any) -> None:
    """Each button sends the picture and the parameters to its tab."""
    for tabname, button in buttons.items():
        text = send_generate_info if not isinstance(send_generate_info, str) else None
        source = send_generate_info if isinstance(send_generate_info, str) else None
        register_paste_params_button(
            ParamBinding(
                button, tabname, source_text_component=text, source_image_component=send_image, source_tabname=source
            )
        )


def register_paste_params_button(binding: ParamBinding) -> None:
    """A button that works once all tabs are there; see `connect_paste_params_buttons`."""
    registered_param_bindings.append(binding)


def connect_paste_params_buttons() -> None:
    """Joins the buttons to their tabs' fields; to be called within the page, once all tabs are built."""
    for binding in registered_param_bindings:
        target = paste_fields.get(binding.tabname)
        if binding.tabname == "extras" or (target or {}).get(sending.OURS):
            sending.connect(binding, paste_fields)
            continue
        if target is None:
            continue
        switch = f"() => window.switch_to_{binding.tabname}?.()"
        if binding.source_image_component is not None and target["init_img"] is not None:
            binding.paste_button.click(
                fn=_first_picture,
                inputs=[binding.source_image_component],
                outputs=[target["init_img"]],
                show_progress="hidden",
            )
        if binding.source_text_component is not None and target["fields"] is not None:
            connect_paste(binding.paste_button, target["fields"], binding.source_text_component, None, binding.tabname)
        binding.paste_button.click(fn=None, js=switch, inputs=[], outputs=[])


def _first_picture(value: Any) -> Any:
    return image_from_url_text(value)


def send_image_and_dimensions(x: Any) -> tuple[Any, Any, Any]:
    """The picture and its size."""
    image = image_from_url_text(x)
    if image is None:
        return gr.skip(), gr.skip(), gr.skip()
    return image, image.width, image.height


def connect_paste(
    button: Any, paste_fields: Any, input_comp: Any, override_settings_component: Any, tabname: str
) -> None:
    """The button reads an infotext into the fields, (component, label or function) each."""
    fields = [(field[0], field[1]) for field in paste_fields]

    def paste(text: str) -> list[Any]:
        from . import script_callbacks

        params = parse_generation_parameters(text or "")
        script_callbacks.infotext_pasted_callback(text or "", params)
        return [_pasted(component, label, params) for component, label in fields]

    button.click(fn=paste, inputs=[input_comp], outputs=[component for component, _ in fields], show_progress="hidden")


def _pasted(component: Any, label: Any, params: dict[str, Any]) -> Any:
    value = label(params) if callable(label) else params.get(label)
    if value is None or isinstance(value, dict):
        return value or gr.skip()
    present = getattr(component, "value", None)
    try:
        if isinstance(present, bool):
            return gr.update(value=str(value) not in ("False", "0", ""))
        if isinstance(present, int | float):
            number = float(value)
            return gr.update(value=int(number) if number.is_integer() and isinstance(present, int) else number)
    except ValueError:
        return gr.skip()
    return gr.update(value=value)


def _options_by_label() -> dict[str, str]:
    """The entries that are options: ours, those that extensions declare so, and those that they add here."""
    declared = host.app.settings.declared.values() if host.is_bound else ()
    theirs = {row.infotext: row.name for row in declared if row.infotext}
    return theirs | dict(infotext_to_setting_name_mapping) | LABEL_OPTIONS


def create_override_settings_dict(text_pairs: Sequence[str] | None) -> dict[str, Any]:
    """{"Clip skip: 2", ...} as options and their values; what is no option is left out."""
    found: dict[str, Any] = {}
    named = _options_by_label()
    for pair in text_pairs or ():
        label, colon, value = pair.partition(":")
        if colon and label.strip() in named:
            found[named[label.strip()]] = _typed(named[label.strip()], value.strip())
    return found


def _typed(option: str, value: str) -> Any:
    from .shared_options import opts

    try:
        return opts.cast_value(option, value)
    except ValueError:
        return value


def get_override_settings(
    params: dict[str, Any], *, skip_fields: Sequence[str] | None = None
) -> list[tuple[str, str, Any]]:
    """(label, option, value) of the entries that are options and differ from what is set."""
    rows: list[tuple[str, str, Any]] = []
    for label, option in _options_by_label().items():
        if label in params and label not in (skip_fields or ()):
            value = _typed(option, str(params[label]))
            if value != read_option(option):
                rows.append((label, option, value))
    return rows


def restore_old_hires_fix_params(res: dict[str, Any]) -> None:
    """Texts of before 1.0 name the size of the first pass; they are read by `read_infotext` as they are."""


class PasteField(tuple[Any, ...]):
    """(component, label or function), and the API's name of the field."""

    def __new__(cls, component: Any, target: Any, *, api: str | None = None) -> PasteField:
        return super().__new__(cls, (component, target))

    def __init__(self, component: Any, target: Any, *, api: str | None = None) -> None:
        self.component, self.api = component, api
        self.label = target if isinstance(target, str) else None
        self.function = target if callable(target) else None
