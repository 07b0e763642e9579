"""A finished picture painted once more, larger: its own parameters, and the hires settings of the form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from modules.studio.app import App
from modules.studio.image_files import read_size
from modules.studio.infotext import read_infotext
from modules.studio.request import SIZE, Request, RequestError, Txt2Img, read_request
from modules.web.field import OVERRIDES
from modules.web.field_rows import QUICK
from modules.web.fields import Form
from modules.web.generate import owner_in, remember, restored_values
from modules.web.messages import on_event
from modules.web.slots import Page

EVENT = "ask_for_larger"
OF_THE_FORM = frozenset(Txt2Img.model_fields.keys() - Request.model_fields.keys())
"""The fields of the second pass."""


def connect_hires_again(page: Page, form: Form, results: Any, inputs: Sequence[Any]) -> None:
    """Joins the button under the results with the server."""

    def on_ask(asked: gr.EventData, request: gr.Request, *values: Any) -> list[str]:
        return [submit_larger(page.app, form, values, asked._data, owner_in(request))]

    on_event(getattr(results, EVENT), on_ask, page.messages, inputs=inputs, outputs=[results], trigger_mode="multiple")


def submit_larger(app: App, form: Form, values: Sequence[Any], asked: Mapping[str, Any], owner: str) -> str:
    """Queues the second pass of the picture {"id"} and returns the job's id.

    Raises: AquatintError in words for the person who pressed the button.
    """
    remember(app, form, values, owner)
    id = str(asked.get("id"))
    picture = app.gallery.get(id, owner)
    if picture is None:
        raise RequestError("That picture is not there any more.")
    data, _ = app.gallery.read(id, owner)
    written, chosen = form.read(values, owner), restored_values(app, picture.infotext, owner)[0]
    own = {name: value for name, value in chosen.items() if name not in OF_THE_FORM}
    quick = {field.name: chosen[field.name] for field in QUICK if field.name in chosen}
    drawn = {"dynamic_prompts": False}  # what the picture's own prompt was drawn from is not drawn once more
    width, height = read_size(data)
    said = read_infotext(picture.infotext).params
    first_size = said.get("Original Size", said.get("Size", ""))
    given = {
        OVERRIDES: {**written.override_settings, **quick, **chosen[OVERRIDES], **drawn},
        **{"width": width, "height": height, "n_iter": 1, "batch_size": 1},
        **{"enable_hr": True, "firstpass_image": app.uploads.add(data, owner)},
        "original_size": first_size if re.fullmatch(SIZE, first_size) else "",
    }
    return app.engine.submit(read_request(form.tab, {**written.model_dump(), **own, **given}), owner).id
