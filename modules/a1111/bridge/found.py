"""The extensions there are: folders in extensions/, in the order that their metadata.ini ask for."""

from __future__ import annotations

import configparser
import logging
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modules.studio.command_line import ROOT

from .approval import approval
from .containment import containment

if TYPE_CHECKING:
    from modules.studio.app import App

log = logging.getLogger(__name__)

BUILTIN = "aquatint"
"""The section of a metadata.ini that marks an extension which comes with the program; `Begins = off` in it keeps one
off until the owner turns it on."""
OUTSIDE = "the program"
"""Who is named for code that lies in no extension's folder."""


@dataclass(frozen=True)
class Found:
    """One extension."""

    name: str
    path: Path
    builtin: bool
    """It comes with Aquatint."""
    enabled: bool = True
    why_not: str = ""
    """What keeps it from being loaded, in a few words."""
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Its metadata.ini: sections in lower case, and their keys."""

    @property
    def canonical_name(self) -> str:
        """By which others name it."""
        return self.metadata.get("extension", {}).get("name", self.name).lower().strip()

    def words(self, section: str, key: str) -> list[str]:
        """A list of its metadata.ini, in lower case: split at commas and blanks."""
        text = self.metadata.get(section.lower(), {}).get(key.lower(), "")
        return [word for word in re.split(r"[,\s]+", text.lower()) if word]

    def files(self, folder: str, *endings: str) -> list[Path]:
        """The files in one of its folders with these endings, sorted by name."""
        try:
            found = [path for path in (self.path / folder).iterdir() if path.suffix.lower() in endings]
        except OSError:
            return []
        return sorted((path for path in found if path.is_file()), key=lambda path: path.name.lower())


def extension_folders(data: Path) -> tuple[Path, ...]:
    """Where extensions lie: those that come with the program, and those that people bring."""
    return tuple(dict.fromkeys([ROOT / "extensions", data / "extensions"]))


def find_extensions(app: App) -> list[Found]:
    """All there are, in the order in which they are to be loaded; what is turned off or lacks another says so."""
    found: dict[str, Found] = {}
    for folder in extension_folders(app.folders.data):
        for path in _folders_in(folder):
            metadata = read_metadata(path / "metadata.ini")
            builtin = folder == ROOT / "extensions" and BUILTIN in metadata
            if builtin and metadata[BUILTIN].get("begins") == "off":
                containment.begin_off(path.name)
            found.setdefault(path.name, Found(path.name, path, builtin, metadata=metadata))
    return in_order([_judged(each, app) for each in found.values()])


def _judged(found: Found, app: App) -> Found:
    conduct = containment.conduct(found.name)
    why = "it is set aside after faults" if conduct.set_aside else "" if conduct.on else "it is turned off"
    why = why or approval.why_not(app.folders.state, found.name, found.path)
    return Found(found.name, found.path, found.builtin, not why, why, found.metadata)


def _folders_in(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
    except OSError:
        return []
    return sorted(found, key=lambda path: path.name.lower())


def read_metadata(path: Path) -> dict[str, dict[str, str]]:
    """A metadata.ini by sections in lower case; nothing where there is none or it cannot be read."""
    reader = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        reader.read_string(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        log.warning("%s of %s cannot be read: %s", path.name, path.parent.name, error)
        return {}
    return {section.lower(): dict(reader.items(section)) for section in reader.sections()}


def in_order(found: Sequence[Found]) -> list[Found]:
    """What an extension requires comes before it; where that is not there or not on, it is not on either."""
    by_name = {each.canonical_name: each for each in found}
    before = {each.canonical_name: _required(each, by_name) for each in found}
    names = sort_by_wishes(list(by_name), before)
    ordered: list[Found] = []
    on: set[str] = set()
    for name in names:
        each = by_name[name]
        lacks = [text for text in each.words("Extension", "Requires") if not on & set(text.split("|"))]
        if each.enabled and lacks:
            each = Found(each.name, each.path, each.builtin, False, f"it needs {', '.join(lacks)}", each.metadata)
        if each.enabled:
            on.add(name)
        ordered.append(each)
    return ordered


def _required(found: Found, by_name: Mapping[str, Found]) -> list[str]:
    words = found.words("Extension", "Requires")
    return [name for word in words for name in word.split("|") if name in by_name]


def sort_by_wishes(names: Sequence[str], before: Mapping[str, Iterable[str]]) -> list[str]:
    """`names` in their order, but each after those that `before` names for it; a circle is cut where it is met."""
    ordered: dict[str, None] = {}
    begun: set[str] = set()

    def put(name: str) -> None:
        if name in begun:
            return
        begun.add(name)
        for other in before.get(name, ()):
            if other in names:
                put(other)
        ordered[name] = None

    for name in names:
        put(name)
    return list(ordered)


def calling_file(*own: str) -> str:
    """The file of the code that calls, leaving out files whose names end like `own`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.endswith((__file__, *own)):
        frame = frame.f_back
    return frame.f_code.co_filename
