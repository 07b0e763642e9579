"""How a picture goes into its file: with which texts, in which format, and under whose name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from modules.studio.image_files import Format, encode, format_for
from modules.studio.record import RECORD
from modules.studio.settings import Options


@dataclass(frozen=True)
class Filing:
    """A picture that is about to be kept."""

    image: Image.Image
    infotext: str
    path: Path | None = None
    """Where; a number follows where there is such a file already. None is where the options say."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Further texts that the file carries, by their names."""
    carries_infotext: bool = True
    """Otherwise the gallery alone knows it."""


def format_of(filing: Filing, wanted: str) -> Format:
    """By the ending of its own name, or else what the options want."""
    ending = filing.path.suffix.lower().removeprefix(".") if filing.path is not None else wanted
    return format_for(filing.image, ending.replace("jpeg", "jpg"))


def written(filing: Filing, format: Format, done: str, record: str, options: Options) -> tuple[bytes, str, str]:
    """The file, the text in it under the name of parameters, and all that is known of the picture in words.

    In PNG the parameters stay as they were, and what was `done` later has names of its own, as in A1111.
    """
    whole = ", ".join(filter(None, [filing.infotext, done]))
    carried = options.enable_pnginfo and filing.carries_infotext
    embedded = (filing.infotext if format.pillow == "PNG" else whole) if carried else ""
    texts = {**filing.texts, "postprocessing": done, "extras": done, RECORD: record} if options.enable_pnginfo else {}
    return encode(filing.image, format, embedded, options, texts), embedded, whole
