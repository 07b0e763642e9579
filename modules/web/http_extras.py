"""Finished pictures over A1111's REST API: made larger, one or many, and what is written in them."""

from __future__ import annotations

import base64
import html
import re
from typing import Any

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from PIL import Image
from pydantic import Field

from modules.diffusion.tiles import Size
from modules.studio.app import App
from modules.studio.extras import Enlargement
from modules.studio.image_files import encode, format_for, open_picture, read_parameters, read_texts
from modules.studio.infotext import read_infotext
from modules.studio.request import RequestError
from modules.studio.settings import Options
from modules.studio.upscaling import NONE, Upscaler, Upscalers
from modules.web.caller_options import options_of
from modules.web.http_models import Payload, picture_bytes
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

    def enlargement(self, upscalers: Upscalers) -> Enlargement:
        """Raises: AquatintError for an upscaler that is not here, RequestError for a feature that is not."""
        for name in ("gfpgan_visibility", "codeformer_visibility"):
            if getattr(self, name) > 0:
                raise RequestError(f"{name}: this is not available yet", name)
        return Enlargement(
            upscalers.find(self.upscaler_1),
            upscalers.find(self.upscaler_2),
            self.extras_upscaler_2_visibility,
            self.upscaling_resize,
            (self.upscaling_resize_w, self.upscaling_resize_h) if self.resize_mode else None,
            self.upscaling_crop,
        )


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
    def extra_single_image(payload: SinglePayload, request: HttpRequest) -> dict[str, Any]:
        """Makes a picture larger."""
        options = options_of(app, owner_of(request.scope))
        image, info = _enlarge(payload.image, payload.enlargement(app.upscalers), options)
        return {"html_info": _paragraph(info), "image": image}

    @router.post("/extra-batch-images")
    def extra_batch_images(payload: BatchPayload, request: HttpRequest) -> dict[str, Any]:
        """Makes pictures larger, all in the same way."""
        options, wanted = options_of(app, owner_of(request.scope)), payload.enlargement(app.upscalers)
        made = [_enlarge(picture.data, wanted, options) for picture in payload.imageList]
        return {"html_info": _paragraph(made[-1][1] if made else ""), "images": [image for image, _ in made]}

    @router.post("/png-info")
    def png_info(payload: PngInfoPayload) -> dict[str, Any]:
        """What is written in a picture."""
        data = picture_bytes(payload.image) if payload.image.strip() else None
        items, info = ({}, "") if data is None else (read_texts(data), read_parameters(data))
        return {"info": info, "items": items, "parameters": _parameters(info)}

    return router


def _enlarge(picture: str, wanted: Enlargement, options: Options) -> tuple[str, str]:
    """The picture in base64, with its parameters as they were, and A1111's words for what was done."""
    data = picture_bytes(picture)
    image, facts = wanted.apply(open_picture(data), _resize)
    done = ", ".join(f"{key}: {value}" for key, value in facts.items())
    parameters = read_parameters(data)
    texts = {"postprocessing": done, "extras": done}
    file = encode(image, format_for(image, options.samples_format), parameters, options, texts)
    return base64.b64encode(file).decode(), ", ".join(filter(None, [parameters, done]))


def _resize(image: Image.Image, upscaler: Upscaler, size: Size) -> Image.Image:
    if upscaler.path is not None:
        raise RequestError(f"{upscaler.name}: networks are not available over the API yet", "upscaler_1")
    return image.resize(size, upscaler.resample)


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
