"""The attributes of a job that makes pictures from words alone: those of hires fix, beside those that all jobs have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modules.studio.hires_size import HiresSize
from modules.studio.request import Txt2Img

from .face import FOLLOWING, SHARED_ROWS, Face, Row, batch_row, field_row, has_no_effect, job_row, replace_field, whole


class Followed(list[str]):
    """Prompts of the second pass, where one that is empty in the job is as in the first; what is assigned is the
    job's."""

    def __init__(self, texts: list[str], first: Sequence[str]) -> None:
        super().__init__(text or first[index] if index < len(first) else text for index, text in enumerate(texts))
        self._texts = texts

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(index, value)
        self._texts[index] = value


def _followed(row: Row, first: str) -> Row:
    def read(face: Face) -> Any:
        texts = row.read(face)
        return Followed(texts, getattr(face, first) or ()) if texts else texts

    return Row(read, row.write, row.passing)


def _of_job(name: str, first: str) -> Row:
    return _followed(job_row(name), first)


def _of_batch(name: str, first: str) -> Row:
    return _followed(batch_row(name), first)


def _field(name: str, to: Callable[[Any], Any] = lambda value: value) -> Row:
    return field_row(name, to)


def _as_first(name: str, said: Any) -> Row:
    """What is the same in both passes is what A1111 says of that."""
    row = field_row(name, whole)
    first = next(other for other, follower in FOLLOWING.items() if follower == name)

    def read(face: Face) -> Any:
        value = row.read(face)
        return said if value == getattr(face, first) else value

    def write(face: Face, value: Any) -> None:
        row.write(face, getattr(face, first) if value == said else value)

    return Row(read, write, row.passing)


def _size(name: str, read: Callable[[HiresSize], int]) -> Row:
    """Of what hires fix makes; it follows from other fields."""

    def get(face: Face) -> int:
        request = face.job.request
        return read(request.hires_size) if isinstance(request, Txt2Img) and request.enable_hr else 0

    def put(face: Face, value: Any) -> None:
        """What hires fix is to make is given in pixels, from then on."""
        request = face.job.request
        axis = AXES.get(name)
        if axis is None or not isinstance(request, Txt2Img) or not request.enable_hr:
            has_no_effect(face, name, value)
        elif value != request.hires_size.final[axis]:
            size = [*request.hires_size.final]
            size[axis] = whole(value)
            for field, pixels in zip(("hr_resize_x", "hr_resize_y"), size, strict=True):
                replace_field(face, field, pixels)

    return Row(get, put)


AXES = {"hr_upscale_to_x": 0, "hr_upscale_to_y": 1}


def _latent_scale_mode(face: Face) -> Any:
    """How latents are made larger; None where pictures are."""
    request = face.job.request
    if not isinstance(request, Txt2Img) or not request.enable_hr:
        return None
    from .. import shared

    return shared.latent_upscale_modes.get(request.hr_upscaler or "")


def _checkpoint_info(face: Face) -> Any:
    """That of the second pass; None where it is the first one's."""
    name = getattr(face.job.request, "hr_checkpoint_name", None)
    if not name:
        return None
    from ..sd_models import get_closet_checkpoint_match

    return get_closet_checkpoint_match(name)


DERIVED = frozenset(
    ("hr_upscale_to_x", "hr_upscale_to_y", "truncate_x", "truncate_y", "latent_scale_mode", "hr_checkpoint_info")
)
"""What follows from other attributes."""
HIRES_FIELDS = (
    *("hr_scale", "hr_upscaler", "hr_resize_x", "hr_resize_y", "hr_checkpoint_name", "hr_prompt"),
    *("hr_negative_prompt", "hr_cfg"),
)
TXT2IMG_ROWS: dict[str, Row] = {
    **SHARED_ROWS,
    "enable_hr": _field("enable_hr", bool),
    "denoising_strength": _field("denoising_strength", lambda value: 0.75 if value is None else value),
    **{name: _field(name, whole) for name in HIRES_FIELDS},
    "hr_second_pass_steps": _as_first("hr_second_pass_steps", 0),
    "hr_sampler_name": _as_first("hr_sampler_name", None),
    "hr_scheduler": _field("hr_scheduler"),
    "hr_upscale_to_x": _size("hr_upscale_to_x", lambda size: size.upscaled[0]),
    "hr_upscale_to_y": _size("hr_upscale_to_y", lambda size: size.upscaled[1]),
    "truncate_x": _size("truncate_x", lambda size: (size.upscaled[0] - size.final[0]) // 8),
    "truncate_y": _size("truncate_y", lambda size: (size.upscaled[1] - size.final[1]) // 8),
    "latent_scale_mode": Row(_latent_scale_mode, lambda face, value: has_no_effect(face, "latent_scale_mode", value)),
    "hr_checkpoint_info": Row(_checkpoint_info, lambda face, value: has_no_effect(face, "hr_checkpoint_info", value)),
    "all_hr_prompts": _of_job("hr_prompts", "all_prompts"),
    "all_hr_negative_prompts": _of_job("hr_negative_prompts", "all_negative_prompts"),
    "hr_prompts": _of_batch("hr_prompts", "prompts"),
    "hr_negative_prompts": _of_batch("hr_negative_prompts", "negative_prompts"),
}
