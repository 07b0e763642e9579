"""Where a job's picture goes and what its file says, as on_before_image_saved has left it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from modules.studio.filenames import safe_component
from modules.studio.filing import Filing
from modules.studio.image_files import FORMATS
from modules.studio.job import Job
from modules.studio.record import RECORD

from .batch_words import extension_of
from .callback_params import ImageSaveParams
from .containment import containment
from .host import host
from .replaced import is_ours

SECTION = "parameters"
LONGEST_KEYWORD = 79
"""Bytes of the name of a text in a PNG."""


def changed_filing(callbacks: Any, p: Any, job: Job, index: int, filing: Filing) -> Filing:
    """What the extensions make of it. What cannot be done is left out, and the person is told."""
    place = host.app.gallery.place_of(filing, job, index)
    params = ImageSaveParams(filing.image, p, str(place), {SECTION: filing.infotext})
    callbacks.before_image_saved_callback(params)
    image = params.image if isinstance(params.image, Image.Image) else filing.image
    told: Mapping[str, Any] = params.pnginfo if isinstance(params.pnginfo, Mapping) else {}
    infotext = told.get(SECTION)
    return replace(
        filing,
        image=image,
        infotext=str(infotext) if infotext else filing.infotext,
        carries_infotext=bool(infotext),
        texts={str(name): str(value) for name, value in told.items() if _can_stand(job, str(name), value)},
        path=place if str(params.filename) == str(place) else _allowed(job, str(params.filename), place, image),
    )


def as_told_by_extensions(p: Any, filing: Filing) -> Filing:
    """With the parameters that come of what an extension has put in the place of `processing.create_infotext`."""
    words: Any = importlib.import_module("modules.processing")
    if is_ours(words, "create_infotext"):
        return filing
    listed = p.prompts, p.seeds, p.subseeds
    index = {"index": p.batch_index, "all_negative_prompts": p.negative_prompts}
    who = extension_of(words.create_infotext)
    made = containment.call(who, "create_infotext", words.create_infotext, p, *listed, use_main_prompt=False, **index)
    return replace(filing, infotext=made) if isinstance(made, str) and made else filing


def handed_back(image: Image.Image | None, p: Any, path: str, filing: Filing | None, infotext: str) -> ImageSaveParams:
    """What on_image_saved is told."""
    texts = dict(filing.texts) if filing is not None else {}
    carried = filing is None or filing.carries_infotext
    return ImageSaveParams(image, p, path, {**({SECTION: infotext} if carried else {}), **texts})


def _can_stand(job: Job, name: str, value: Any) -> bool:
    """Whether a file may carry a text of that name besides the parameters and Aquatint's own record."""
    if name in (SECTION, RECORD) or value is None:
        return False
    fits = name.isascii() and name.isprintable() and name == name.strip() and 0 < len(name) <= LONGEST_KEYWORD
    if not fits:
        job.comment(f"The text {name[:80]!r}, which an extension has for the file, has no name that a PNG can have.")
        return False
    return True


def _allowed(job: Job, wanted: str, place: Path, image: Image.Image) -> Path:
    """The path, if pictures may lie there: below outputs/, or where this one would have gone; otherwise `place`."""
    path = host.app.folders.named(wanted)
    format = FORMATS.get(path.suffix.lower().removeprefix(".").replace("jpeg", "jpg"))
    why = ""
    if not any(_is_below(path, root) for root in (host.app.folders.outputs, place.parent)):
        why = f"which is neither in {host.app.folders.outputs.name} nor where its pictures go"
    elif format is None:
        why = f"and pictures are saved as {', '.join(FORMATS)}"
    elif max(image.size) > format.longest_side:
        why = f"and the picture is too large for {format.pillow}"
    elif any(part.startswith(".") or safe_component(part) != part for part in _own_parts(path, place)):
        why = "which has a name that not every system can have"
    if why:
        job.comment(f"An extension wanted to save the picture as {wanted[-200:]}, {why}: it is saved as {place.name}.")
        return place
    return path


def _is_below(path: Path, root: Path) -> bool:
    """Also where links lead."""
    return path.parent.resolve().is_relative_to(root.resolve())


def _own_parts(path: Path, place: Path) -> tuple[str, ...]:
    """What of a path its extension has named."""
    for root in (place.parent, host.app.folders.outputs):
        if path.is_relative_to(root):
            return path.relative_to(root).parts
    return (path.name,)
