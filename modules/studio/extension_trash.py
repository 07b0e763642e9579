"""What was taken out of extensions/: kept in a folder, to be put back or thrown away."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from modules.studio.extension_intake import NoSuchExtensionError
from modules.studio.extension_records import Record
from modules.studio.files import explained, write_atomically

Why = Literal["uninstalled", "replaced", "edited"]
FILES, ABOUT = "files", "about.json"


@dataclass(frozen=True)
class Kept:
    """One folder in the trash."""

    id: str
    name: str
    why: Why
    at: float
    record: Record | None = None


class Trash:
    """A folder a kept one, with its record beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> list[Kept]:
        """The newest first; what cannot be read is passed over."""
        found: list[Kept] = []
        for about in self._folder.glob(f"*/{ABOUT}"):
            try:
                row = json.loads(about.read_text("utf-8"))
                record = Record(**row["record"]) if row["record"] else None
                found.append(Kept(about.parent.name, row["name"], row["why"], row["at"], record))
            except (OSError, ValueError, TypeError, KeyError):
                continue
        return sorted(found, key=lambda kept: kept.at, reverse=True)

    def get(self, id: str) -> Kept:
        """Raises: NoSuchExtensionError."""
        for kept in self.list():
            if kept.id == id:
                return kept
        raise NoSuchExtensionError("That is not in the trash any more.")

    def put(self, name: str, folder: Path, record: Record | None, why: Why) -> Kept:
        """Moves a folder here. Raises: AquatintError; the folder is then where it was."""
        kept, place = self._begin(name, record, why)
        with explained(folder):
            move(folder, place / FILES)
        return kept

    def put_copies(self, name: str, folder: Path, paths: Iterable[str], record: Record | None) -> Kept:
        """Copies some files of a folder here. Raises: AquatintError."""
        kept, place = self._begin(name, record, "edited")
        for path in paths:
            target = place / FILES / path
            with explained(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(folder / path, target)
        return kept

    def take(self, kept: Kept, into: Path) -> None:
        """Moves what was kept to `into`, which must not be there. Raises: AquatintError."""
        with explained(into):
            move(self._folder / kept.id / FILES, into)
        self.throw_away(kept)

    def place(self, kept: Kept) -> Path:
        """Where its files are."""
        return self._folder / kept.id / FILES

    def throw_away(self, kept: Kept) -> None:
        """For good."""
        shutil.rmtree(self._folder / kept.id, ignore_errors=True)

    def _begin(self, name: str, record: Record | None, why: Why) -> tuple[Kept, Path]:
        kept = Kept(secrets.token_hex(8), name, why, time.time(), record)
        place = self._folder / kept.id
        about = {"name": name, "why": why, "at": kept.at, "record": asdict(record) if record else None}
        write_atomically(place / ABOUT, json.dumps(about).encode())
        return kept, place


def move(folder: Path, to: Path) -> None:
    """In one step: from another disk it is copied beside its place first. Raises: OSError."""
    if to.exists():
        raise FileExistsError(17, "it is there already", str(to))
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.rename(to)
    except OSError:
        if not folder.is_dir():
            raise
        beside = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
        try:
            shutil.copytree(folder, beside, symlinks=True)
            beside.rename(to)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        shutil.rmtree(folder)
