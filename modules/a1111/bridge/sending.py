"""Buttons of extensions that send a picture and its parameters to a tab of ours."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import gradio as gr
from PIL import Image

from modules.web.generate import owner_in

from .host import host

LABELS = {
    "prompt": "Prompt",
    "neg_prompt": "Negative prompt",
    "steps": "Steps",
    "sampling": "Sampler",
    "scheduler": "Schedule type",
    "cfg_scale": "CFG scale",
    "seed": "Seed",
    "width": "Size-1",
    "height": "Size-2",
    "batch_size": "Batch size",
    "subseed": "Variation seed",
    "subseed_strength": "Variation seed strength",
    "denoising_strength": "Denoising strength",
    "tiling": "Tiling",
    "hr_scale": "Hires upscale",
    "hr_upscaler": "Hires upscaler",
    "hires_steps": "Hires steps",
}
"""The infotext's entry for a component of the form, by what follows the tab in its elem_id."""
PASTED = ("Prompt", "Negative prompt", "Steps", "Seed", "Size-1", "Size-2")
"""What goes from one tab to another where a button does not say."""
OURS = "ours"


def as_target(built: Mapping[str, Any], theirs: Iterable[Any]) -> dict[str, Any]:
    """A tab of ours as `infotext_utils.paste_fields` has it: `built` by what follows the tab in the elem_id."""
    fields = [(built[name], label) for name, label in LABELS.items() if name in built]
    return {
        "init_img": built.get("image"),
        "fields": [*fields, *theirs],
        "override_settings_component": built.get("override_settings"),
        OURS: True,
    }


def connect(binding: Any, fields: Mapping[str, Mapping[str, Any]]) -> None:
    """Joins a button to the way that our own buttons take; within the page, once all of it is built."""
    image, text, tab = binding.source_image_component, binding.source_text_component, binding.tabname
    sources = [each for each in (image, text) if each is not None]
    if sources:
        carried = gr.JSON(visible="hidden")

        def gather(request: gr.Request, *values: Any) -> dict[str, Any]:
            asked = _picture(values[0], owner_in(request)) if image is not None else {}
            return asked | ({"infotext": str(values[-1] or "")} if text is not None else {})

        event = binding.paste_button.click(gather, inputs=sources, outputs=[carried], show_progress="hidden")
        open_it = f"(asked) => window.aquatint.fillForm('{tab}', asked ?? {{}})"
        event.success(fn=None, js=open_it, inputs=[carried])
    if binding.source_tabname in fields:
        _copy(binding, fields[binding.source_tabname]["fields"], fields[tab]["fields"])
    if not sources:
        binding.paste_button.click(fn=None, js=f"() => window.aquatint.fillForm('{tab}', {{}})", inputs=[], outputs=[])


def _picture(value: Any, owner: str) -> dict[str, Any]:
    from ..infotext_utils import image_from_url_text

    found = Image.fromarray(value) if hasattr(value, "__array_interface__") else image_from_url_text(value)
    if found is None:
        return {}
    file = io.BytesIO()
    found.save(file, "PNG")
    id = host.app.uploads.add(file.getvalue(), owner)
    return {"picture": {"id": id, "width": found.width, "height": found.height}}


def _copy(binding: Any, source: Iterable[Any], target: Iterable[Any]) -> None:
    """The values of one tab's fields into those of another that are called the same."""
    names = binding.paste_field_names or PASTED
    there = {field[1]: field[0] for field in target if isinstance(field[1], str)}
    pairs = [(field[0], there[field[1]]) for field in source if field[1] in names and field[1] in there]
    if pairs:
        binding.paste_button.click(
            fn=None,
            js="(...values) => values",
            inputs=[one for one, _ in pairs],
            outputs=[other for _, other in pairs],
        )
