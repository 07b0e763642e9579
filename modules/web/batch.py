"""A batch: the present form for each of many pictures, one job a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.folder_batch import told_by
from modules.studio.request import PngInfo, Request, RequestError, read_request
from modules.web.field import PAINT
from modules.web.fields import Form
from modules.web.generate import owner_in, remember
from modules.web.messages import on_event
from modules.web.mounts import mount
from modules.web.slots import Page

MOST = 1000
TAKEN: tuple[PngInfo, ...] = ("Prompt", "Negative prompt", "Seed", "Steps", "Sampler", "CFG scale")
"""What is taken from the parameters in a picture."""
EVENT = "ask_for_all"


def batch_box(page: Page, tab: str) -> Any:
    """The closed part of the form that takes many pictures; its value is the ids of the jobs that came of them."""
    with gr.Accordion("Many pictures", open=False, elem_id=f"{tab}_batch_box"):
        options = {"tab": tab, "masks": tab == PAINT}
        return page.slots.place(
            f"{tab}_batch",
            lambda: mount(page.assets, "batch", elem_id=f"{tab}_batch", events=(EVENT,), options=options),
        )


def connect_batch(page: Page, form: Form, box: Any, inputs: Sequence[Any], newest: str) -> None:
    """`newest` is the script that waits for the brush's last stroke."""

    def on_ask(asked: gr.EventData, request: gr.Request, *values: Any) -> list[Any]:
        return [submit_batch(page.app, form, values, asked._data, owner_in(request))]

    event = getattr(box, EVENT)
    on_event(event, on_ask, page.messages, inputs=inputs, outputs=[box], js=newest, trigger_mode="multiple")


def submit_batch(
    app: App, form: Form, values: Sequence[Any], asked: Mapping[str, Any], owner: str
) -> dict[str, list[str]]:
    """Queues a job for each picture in `asked`: {"pictures": [{"id", "name", "mask", "infotext"}], "read": bool}. With
    "read", what a picture says of itself counts more than the form. Returns {"jobs": ids}.

    Raises: AquatintError that names the first picture that cannot be done; then nothing is queued.
    """
    remember(app, form, values, owner)
    pictures = asked.get("pictures")
    if not isinstance(pictures, list) or not pictures:
        raise RequestError("Choose the pictures first.")
    if len(pictures) > MOST:
        raise RequestError(f"{len(pictures)} pictures are too many: {MOST} at once.")
    requests = []
    for picture in pictures:
        try:
            requests.append(_request(form, values, picture, bool(asked.get("read")), owner))
            for id in requests[-1].pictures():
                app.uploads.read(id, owner)
        except AquatintError as error:
            name = picture.get("name") if isinstance(picture, dict) else None
            raise RequestError(f"{name}: {error}" if name else str(error)) from error
    return {"jobs": [app.engine.submit(request, owner).id for request in requests]}


def _request(form: Form, values: Sequence[Any], picture: Any, read: bool, owner: str) -> Request:
    """The form's request with this picture; its mask is the picture's own, else the one that is painted in the form."""
    if not isinstance(picture, dict) or not isinstance(picture.get("id"), str):
        raise RequestError("The picture did not arrive. Choose it again.")
    place = next(index for index, field in enumerate(form.fields) if field.name == "init_images")
    painted = values[place].get("mask") if isinstance(values[place], dict) else None
    mask = picture.get("mask") or painted
    if form.tab == PAINT and not mask:
        raise RequestError("there is no mask of this name, and none is painted above.")
    chosen = {"id": picture["id"], "mask": mask}
    request = form.read([chosen if index == place else value for index, value in enumerate(values)], owner)
    infotext = picture.get("infotext")
    if not read or not isinstance(infotext, str) or not infotext.strip():
        return request
    return read_request(form.tab, request.model_dump() | told_by(request, infotext, TAKEN))
