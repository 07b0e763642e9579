"""Pictures that extensions save themselves: written whole, told to those who listen, found in the gallery."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.files import explained, write_atomically
from modules.studio.image_files import FORMATS, encode, holds_infotext
from modules.studio.job import LOCAL

from .host import host
from .opts import present
from .outcome import saved_as

log = logging.getLogger(__name__)


def save_picture(
    image: Image.Image, p: Any, path: Path, texts: dict[str, str], renumber: bool
) -> tuple[str, str | None]:
    """-> (where it is, the text file beside it or None). Listeners may change its name and its texts."""
    from .. import script_callbacks

    params = script_callbacks.ImageSaveParams(image, p, str(path), texts)
    script_callbacks.before_image_saved_callback(params)
    image, path, texts = params.image, Path(params.filename), dict(params.pnginfo or {})
    if renumber:
        path = _free(path)
    infotext = texts.pop("parameters", "") or ""
    write_picture(path, image, infotext, path.suffix.lower().removeprefix("."), texts)
    beside = path.with_suffix(".txt")
    format = FORMATS.get(path.suffix.lower().removeprefix(".").replace("jpeg", "jpg"))
    wants_text = present().save_txt or (format is not None and infotext and not holds_infotext(format, infotext))
    if wants_text:
        write_atomically(beside, f"{infotext}\n".encode())
    image.already_saved_as = str(path)  # type: ignore[attr-defined]
    _adopt(path, image)
    script_callbacks.image_saved_callback(params)
    return str(path), str(beside) if wants_text else None


def write_picture(path: Path, image: Image.Image, infotext: str, ending: str, texts: dict[str, str]) -> None:
    """The file, whole or not at all. Raises: AquatintError for an ending that is no picture's."""
    format = FORMATS.get(ending.replace("jpeg", "jpg"))
    if format is None:
        raise AquatintError(f"{path.name}: pictures are saved as {', '.join(FORMATS)}.")
    options = present()
    with_texts = options.enable_pnginfo
    data = encode(image, format, infotext if with_texts else "", options, texts if with_texts else {})
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)


def _free(path: Path) -> Path:
    """A name that no file has yet."""
    number, found = 0, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return found


def _adopt(path: Path, image: Image.Image) -> None:
    """Into the gallery, if it lies below the data folder; the picture knows it, so that it is not kept twice."""
    if not path.resolve().is_relative_to(host.app.folders.data.resolve()):
        return
    job = host.job
    try:
        saved_as(image, host.app.gallery.adopt(path.resolve(), job.owner if job else LOCAL, job.id if job else ""))
    except (AquatintError, OSError) as error:
        log.warning("%s is not in the gallery: %s", path, error)
