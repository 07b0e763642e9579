"""Fonts of the machine: one that has the letters of a text, also Chinese, Japanese and Korean ones, if there is any."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from modules.diffusion.finding import files_below

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

SUFFIXES = (".ttf", ".ttc", ".otf")
PREFERRED = (
    *("dejavusans", "roboto-regular", "arial", "helvetica", "liberationsans-regular", "segoeui", "sfns"),
    *(
        "notosanscjk-regular",
        "notosanscjksc-regular",
        "notosanssc-regular",
        "sourcehansans",
        "wqy-microhei",
        "wqy-zenhei",
    ),
    *("msyh", "pingfang", "hiragino sans gb", "stheiti light", "simhei", "droidsansfallbackfull", "droidsansfallback"),
    *("notosansjp-regular", "yugothm", "msgothic", "ipagothic", "ipag", "takaogothic"),
    *("notosanskr-regular", "malgun", "nanumgothic", "applesdgothicneo", "unifont"),
)
"""Stems of files, the ones to try first."""
MOST_TRIED = 300
NOBODYS = "\U0010fffd"
"""A letter that no font has: what is drawn for it is drawn for all that a font lacks."""


def font_folders() -> list[Path]:
    """Where systems keep fonts."""
    home = Path.home()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home))
        return [Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts"), Path(local, "Microsoft/Windows/Fonts")]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".fonts", home / ".local/share/fonts"]


@lru_cache
def font_files() -> tuple[Path, ...]:
    """The fonts of this machine, the ones to try first in front."""
    ranks = {stem: rank for rank, stem in enumerate(PREFERRED)}
    paths = files_below([folder for folder in font_folders() if folder.is_dir()], SUFFIXES)
    return tuple(sorted(paths, key=lambda path: (ranks.get(path.stem.lower(), len(ranks)), path.name)))


def font_file(text: str) -> Path | None:
    """The first font that has all letters of the text; None when there is none."""
    return _file_with("".join(sorted({letter for letter in text if not letter.isspace()})))


def font_for(text: str, size: float) -> Font:
    """A font of that size (pixels) in which as much of the text can be read as this machine allows."""
    path = font_file(text) or font_file("") or None
    return ImageFont.truetype(str(path), size) if path else ImageFont.load_default(size)


@lru_cache(maxsize=512)
def _file_with(letters: str) -> Path | None:
    for path in font_files()[:MOST_TRIED]:
        if has_letters(path, letters):
            return path
    return None


def has_letters(path: Path, letters: str) -> bool:
    """Whether a font draws each of the letters otherwise than one that it lacks; False for what is no font."""
    try:
        font = ImageFont.truetype(str(path), 24)
        missing = bytes(font.getmask(NOBODYS))
        return all(bytes(font.getmask(letter)) != missing for letter in letters)
    except (OSError, ValueError):
        return False
