"""The attributes of a job that begins with pictures: these, and their mask, beside those that all jobs have."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from PIL import Image

from modules.studio.job import Job
from modules.studio.request import Img2Img, Inpaint

from .face import SHARED_ROWS, Face, Row, field_row, replace_field, whole
from .host import host

MASK_FIELDS = (
    *("mask_blur_x", "mask_blur_y", "mask_round", "inpainting_fill", "inpaint_full_res", "inpaint_full_res_padding"),
    "inpainting_mask_invert",
)


def _init_images(face: Face) -> list[Any]:
    """The list stays the same one, since its items are assigned too: `take_pictures` looks at it again."""
    listed: list[Any] | None = face.own("listed init_images")
    if listed is None:
        request = face.job.request
        assert isinstance(request, Img2Img)
        listed = [host.app.uploads.of_job(face.job, id) for id in request.init_images]
        face.keep("listed init_images", listed)
    return listed


def _set_init_images(face: Face, value: Any) -> None:
    face.keep("listed init_images", value if isinstance(value, list) else list(value or ()))
    take_pictures(face)


def take_pictures(face: Face) -> None:
    """Gives the request the pictures that the face's list holds by now."""
    listed = face.own("listed init_images")
    job = face._job
    if not listed or job is None:
        return
    ids = tuple(picture_id(job, picture) for picture in listed if isinstance(picture, Image.Image))
    if ids and ids != getattr(job.request, "init_images", ids):
        replace_field(face, "init_images", ids)


def _image_mask(face: Face) -> Any:
    request = face.job.request
    if not isinstance(request, Inpaint):
        return None
    return host.app.uploads.of_job(face.job, request.mask)


def _set_image_mask(face: Face, value: Any) -> None:
    job = face.job
    request = job.request
    if value is None and isinstance(request, Inpaint):
        kept_fields = {name: getattr(request, name) for name in Img2Img.model_fields}
        job.request = Img2Img.model_validate(kept_fields)
    elif value is not None:
        fields = {name: getattr(request, name) for name in type(request).model_fields}
        own = {name: face.own(name) for name in MASK_FIELDS if face.own(name) is not None}
        job.request = Inpaint.model_validate({**own, **fields, "mask": picture_id(job, value)})


def _blur(face: Face) -> Any:
    x, y = (getattr(face, name) for name in ("mask_blur_x", "mask_blur_y"))
    return x if x == y else None


def _set_blur(face: Face, value: Any) -> None:
    if value is not None:
        face.mask_blur_x, face.mask_blur_y = value, value


def _field(name: str, to: Callable[[Any], Any] = lambda value: value) -> Row:
    return field_row(name, to)


IMG2IMG_ROWS: dict[str, Row] = {
    **SHARED_ROWS,
    "denoising_strength": _field("denoising_strength", lambda value: 0.75 if value is None else value),
    "resize_mode": _field("resize_mode", whole),
    "initial_noise_multiplier": _field("initial_noise_multiplier"),
    **{name: _field(name, whole) for name in MASK_FIELDS},
    "inpaint_full_res": _field("inpaint_full_res", bool),
    "mask_blur": Row(_blur, _set_blur),
    "init_images": Row(_init_images, _set_init_images),
    "image_mask": Row(_image_mask, _set_image_mask),
}


def picture_id(job: Job, picture: Image.Image) -> str:
    """The id by which the job has a picture at hand."""
    known = next((id for id, each in job.at_hand.items() if each is picture), None)
    id = known or uuid.uuid4().hex
    job.at_hand[id] = picture
    return id
