"""What p says of the batch at work, in A1111's words: noise, prompts, latents, masks, what lies over the pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.studio.canvas import Canvas, Overlay
from modules.studio.job import Batch

from .batch_words import BatchWords, rng_of, spoken_of
from .face import Face, Row
from .overlays import changed_overlay, laid_over
from .pictures import picture_of_correction, setup_color_correction


def _words(face: Face) -> BatchWords | None:
    return face._words


def _canvas(face: Face) -> Canvas | None:
    return face._batch.canvas if face._batch is not None else None


def _of_words(name: str, read: Callable[[Face], Any] | None = None) -> Row:
    """Kept with the batch; outside of one kept on the face."""

    def get(face: Face) -> Any:
        words = _words(face)
        if words is None:
            return face.own(name)
        return read(face) if read is not None else getattr(words, name)

    def put(face: Face, value: Any) -> None:
        words = _words(face)
        if words is None:
            face.keep(name, value)
        else:
            setattr(words, name, value)

    return Row(get, put, passing=True)


def _of_canvas(name: str, read: Callable[[Face, Canvas], Any], write: Callable[[Face, Canvas, Any], Canvas]) -> Row:
    """A part of the canvas; assigned before there is one, it is put in when there is."""

    def get(face: Face) -> Any:
        canvas, words = _canvas(face), _words(face)
        if canvas is None:
            return words.given.get(name) if words is not None else face.own(name)
        return read(face, canvas)

    def put(face: Face, value: Any) -> None:
        canvas, words = _canvas(face), _words(face)
        if canvas is not None and face._batch is not None:
            face._batch.canvas = write(face, canvas, value)
        elif words is not None:
            words.given[name] = value
        else:
            face.keep(name, value)

    return Row(get, put, passing=True)


def _of_prompts(whose: str, name: str) -> Row:
    """`c` or `uc` of a pass; assigned before they can be read, they are put in then."""
    own_name = name if whose == "first" else f"hr_{name}"

    def get(face: Face) -> Any:
        spoken, words = spoken_of(face, whose), _words(face)
        if spoken is not None:
            return getattr(spoken, name)
        return words.given.get(own_name) if words is not None else face.own(own_name)

    def put(face: Face, value: Any) -> None:
        spoken, words = spoken_of(face, whose), _words(face)
        if spoken is not None:
            setattr(spoken, name, value)
        elif words is not None:
            words.given[own_name] = value

    return Row(get, put, passing=True)


# The canvas


def _latents(face: Face, canvas: Canvas, value: Any) -> Canvas:
    like = canvas.latents
    if like is None:
        return canvas
    if not isinstance(value, Tensor) or value.shape != like.shape:
        raise AquatintError(f"p.init_latent must be a tensor of shape {tuple(like.shape)}.")
    return replace(canvas, latents=value.to(like))


def _where(canvas: Canvas, value: Any, name: str) -> Tensor | None:
    """(h, w), from a mask with or without A1111's channels."""
    if value is None:
        return None
    wanted = canvas.latents.shape[-2:] if canvas.latents is not None else ()
    cells = value[(0,) * (value.ndim - 2)] if isinstance(value, Tensor) and value.ndim >= 2 else None
    if cells is None or cells.shape != wanted:
        raise AquatintError(f"p.{name} must be a tensor whose last sides are {tuple(wanted)}.")
    return cells.to(canvas.latents)


def _set_mask(face: Face, canvas: Canvas, value: Any) -> Canvas:
    kept = _where(canvas, value, "mask")
    return replace(canvas, mask=None if kept is None else 1 - kept)


def _in_channels(canvas: Canvas, cells: Tensor | None) -> Tensor | None:
    """(C, h, w), as A1111 has its masks."""
    if cells is None or canvas.latents is None:
        return None
    return cells.expand(canvas.latents.shape[1], -1, -1).clone()


def _image_conditioning(face: Face, canvas: Canvas) -> Tensor:
    if canvas.inpaint is not None:
        return canvas.inpaint
    count = len(face._batch.seeds) if face._batch is not None else 1
    return torch.zeros(count, 5, 1, 1)


def _set_image_conditioning(face: Face, canvas: Canvas, value: Any) -> Canvas:
    like = canvas.inpaint
    if like is None or not isinstance(value, Tensor) or value.shape != like.shape:
        return canvas  # A1111's networks without these channels do not look at it either
    return replace(canvas, inpaint=value.to(like))


def _paste_to(face: Face, canvas: Canvas) -> Any:
    box = next((each.box for each in canvas.overlays if each is not None), None)
    return box and (box[0], box[1], box[2] - box[0], box[3] - box[1])


def _colours(face: Face, canvas: Canvas) -> Any:
    """The same list at each time, since it is changed in place as well: `take_listed` looks at it."""
    words = _words(face)
    if words is None:
        return None
    if words.colours is None and canvas.colours:
        words.colours = [setup_color_correction(each) for each in canvas.colours]
    return words.colours


def _set_colours(face: Face, canvas: Canvas, value: Any) -> Canvas:
    words, known = _words(face), _colours(face, canvas) or []
    listed = list(value) if value is not None else []
    pictures = [
        next((mine for mine, old in zip(canvas.colours, known, strict=True) if old is each), None)
        or picture_of_correction(each)
        for each in listed
    ]
    assert words is not None
    words.colours = listed or None
    count = len(face._batch.seeds) if face._batch is not None else len(pictures)
    return replace(canvas, colours=[pictures[index % len(pictures)] for index in range(count)] if pictures else ())


# What lies over the pictures


def _overlay_images(face: Face) -> Any:
    """The same list at each time, as above."""
    words, canvas = _words(face), _canvas(face)
    if words is not None and words.overlays is None and canvas is not None and any(canvas.overlays):
        words.overlays = [overlay and laid_over(overlay) for overlay in canvas.overlays]
    return words.overlays if words is not None else face.own("overlay_images")


def _set_overlay_images(face: Face, value: Any) -> None:
    words = _words(face)
    if words is not None:
        words.overlays = list(value) if value is not None else []
    else:
        face.keep("overlay_images", value)


def _mask_for_overlay(face: Face) -> Any:
    words, canvas = _words(face), _canvas(face)
    if words is None or words.mask_for_overlay is not None or canvas is None:
        return words.mask_for_overlay if words is not None else face.own("mask_for_overlay")
    return next((overlay.mask for overlay in canvas.overlays if overlay is not None), None)


def overlay_as_listed(p: Any, batch: Batch, index: int, overlay: Overlay | None) -> Overlay | None:
    """What lies over a picture once p.overlay_images was read or assigned."""
    words: BatchWords | None = p._words
    if words is None or words.overlays is None or batch is not p._batch:
        return overlay
    listed = words.overlays[index] if index < len(words.overlays) else None
    before = overlay_of(batch, index)
    if not isinstance(listed, Image.Image):
        return None
    if before is not None and _same(listed, laid_over(before)):
        return overlay
    if overlay is not None:
        return changed_overlay(overlay, listed, None, (None, None))
    blank = Overlay(listed.convert("RGB"), Image.new("L", listed.size), None)
    return changed_overlay(blank, listed, None, (None, None))


def overlay_of(batch: Batch, index: int) -> Overlay | None:
    """That of the canvas."""
    return batch.canvas.overlay_of(index) if batch.canvas is not None else None


def _same(one: Image.Image, other: Image.Image) -> bool:
    return one.mode == other.mode and one.size == other.size and one.tobytes() == other.tobytes()


def begin(p: Any) -> None:
    """A batch begins: nothing is left of the one before."""
    p._pass, p._words = None, BatchWords()
    listed = p.own("overlay_images")
    if listed:
        count = len(p._batch.seeds)
        p._words.overlays = [listed[index % len(listed)] for index in range(count)]


def take_given(p: Any) -> None:
    """Puts in what was assigned before there was a canvas."""
    words: BatchWords = p._words
    for name, value in words.given.items():
        try:
            setattr(p, name, value)
        except AquatintError as error:
            p.job.comment(f"What an extension has put into p.{name} is left out: {error}")


def _unchanged(face: Face, canvas: Canvas, value: Any) -> Canvas:
    return canvas


BATCH_ROWS: dict[str, Row] = {
    "rng": _of_words("rng", rng_of),
    "sampler": _of_words("sampler"),
    "c": _of_prompts("first", "c"),
    "uc": _of_prompts("first", "uc"),
    "hr_c": _of_prompts("hires", "c"),
    "hr_uc": _of_prompts("hires", "uc"),
    "init_latent": _of_canvas("init_latent", lambda face, canvas: canvas.latents, _latents),
    "nmask": _of_canvas(
        "nmask",
        lambda face, canvas: _in_channels(canvas, canvas.mask),
        lambda face, canvas, value: replace(canvas, mask=_where(canvas, value, "nmask")),
    ),
    "mask": _of_canvas(
        "mask",
        lambda face, canvas: _in_channels(canvas, None if canvas.mask is None else 1 - canvas.mask),
        _set_mask,
    ),
    "image_conditioning": _of_canvas("image_conditioning", _image_conditioning, _set_image_conditioning),
    "paste_to": _of_canvas("paste_to", _paste_to, _unchanged),
    "color_corrections": _of_canvas("color_corrections", _colours, _set_colours),
    "overlay_images": Row(_overlay_images, _set_overlay_images, passing=True),
    "mask_for_overlay": Row(_mask_for_overlay, _of_words("mask_for_overlay").write, passing=True),
}
