"""Finished pictures over A1111's REST API: made larger, one or many, and what is written in them."""

from __future__ import annotations

import html
import re
from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.studio.extras import enlargement
from modules.studio.image_files import read_parameters, read_size, read_texts
from modules.studio.infotext import read_infotext
from modules.studio.request import Extras, read_request
from modules.studio.upscaling import NONE, refuse_too_large
from modules.web.answers import json_answer, refusal
from modules.web.http_models import Payload, picture_bytes
from modules.web.http_pictures import MadePictures
from modules.web.login import owner_of


class PngInfoPayload(Payload):
    """POST /sdapi/v1/png-info."""

    image: str = ""


class ExtrasPayload(Payload):
    """The fields that both extras routes share, with A1111's defaults and limits."""

    resize_mode: int = Field(0, ge=0, le=1, description="0: by upscaling_resize; 1: to the width and height.")
    show_extras_results: bool = True
    gfpgan_visibility: float = Field(0, ge=0, le=1)
    codeformer_visibility: float = Field(0, ge=0, le=1)
    codeformer_weight: float = Field(0, ge=0, le=1)
    upscaling_resize: float = Field(2, ge=1, le=8)
    upscaling_resize_w: int = Field(512, ge=1, le=32_768)
    upscaling_resize_h: int = Field(512, ge=1, le=32_768)
    upscaling_crop: bool = True
    upscaler_1: str = NONE
    upscaler_2: str = NONE
    extras_upscaler_2_visibility: float = Field(0, ge=0, le=1)
    upscale_first: bool = False


class SinglePayload(ExtrasPayload):
    """POST /sdapi/v1/extra-single-image."""

    image: str = ""


class NamedPicture(Payload):
    """A picture of a batch."""

    data: str = ""
    name: str = ""


class BatchPayload(ExtrasPayload):
    """POST /sdapi/v1/extra-batch-images."""

    imageList: list[NamedPicture] = Field([], max_length=1000)  # noqa: N815  the API's name


def extras_routes(app: App) -> APIRouter:
    """The Extras and PNG info."""
    router = APIRouter(prefix="/sdapi/v1")

    @router.post("/extra-single-image")
    async def extra_single_image(payload: SinglePayload, request: HttpRequest) -> Response:
        """Makes a picture larger."""
        made = await _make(app, payload, [NamedPicture(data=payload.image)], owner_of(request.scope))
        return made if isinstance(made, Response) else json_answer({"html_info": made.html, "image": made.images[0]})

    @router.post("/extra-batch-images")
    async def extra_batch_images(payload: BatchPayload, request: HttpRequest) -> Response:
        """Makes pictures larger, all in the same way."""
        made = await _make(app, payload, payload.imageList, owner_of(request.scope))
        return made if isinstance(made, Response) else json_answer({"html_info": made.html, "images": made.images})

    @router.post("/png-info")
    def png_info(payload: PngInfoPayload) -> dict[str, Any]:
        """What is written in a picture."""
        data = picture_bytes(payload.image) if payload.image.strip() else None
        items, info = ({}, "") if data is None else (read_texts(data), read_parameters(data))
        return {"info": info, "items": items, "parameters": _parameters(info)}

    return router


class _Answer(NamedTuple):
    html: str
    images: list[str]


async def _make(app: App, payload: ExtrasPayload, pictures: list[NamedPicture], owner: str) -> _Answer | Response:
    """What a job made of the pictures, in base64, and A1111's words for what was done to the last; or a refusal."""
    if not pictures:
        return _Answer(_paragraph(""), [])
    ticket = await run_in_threadpool(_submit, app, payload, pictures, owner)
    made = MadePictures(app, ticket.job)
    await made.until_ended()
    progress = ticket.job.progress
    problem = progress.error or " ".join(progress.comments)
    if len(made.encoded) < len(pictures):
        return refusal(500, "JobFailed", f"{problem or 'It was interrupted.'} (job {ticket.id})")
    return _Answer(_paragraph(progress.images[-1].infotext), made.encoded)


def _submit(app: App, payload: ExtrasPayload, pictures: list[NamedPicture], owner: str) -> Ticket:
    values = payload.model_dump(exclude={"image", "imageList"})
    wanted = enlargement(Extras.model_validate(values), app.upscalers)
    images = []
    for picture in pictures:
        data = picture_bytes(picture.data)
        if wanted.upscales:
            refuse_too_large(wanted.target(read_size(data)))
        images.append({"id": app.uploads.add(data, owner), "name": picture.name, "infotext": read_parameters(data)})
    request = read_request("extras", {**values, "images": images, "do_not_save_samples": True})
    return app.engine.submit(request, owner, app.own_options.of_programs(owner))


def _paragraph(text: str) -> str:
    return "<p>" + "<br>\n".join(html.escape(line) for line in text.splitlines()) + "</p>"


def _parameters(infotext: str) -> dict[str, str]:
    """As A1111 takes an infotext apart: the prompts are entries too, and sizes come as two numbers."""
    parts = read_infotext(infotext)
    found = {"Prompt": parts.prompt, "Negative prompt": parts.negative_prompt}
    for key, value in parts.params.items():
        size = re.fullmatch(r"(\d+)x(\d+)", value)
        found |= {f"{key}-1": size[1], f"{key}-2": size[2]} if size else {key: value}
    return found
