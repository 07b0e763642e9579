"""Files of Gradio's own boxes: each belongs to whoever brought it or was shown it, and nobody else can ask for it."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from modules.diffusion.errors import AquatintError
from modules.studio.filenames import safe_component
from modules.studio.files import explained
from modules.studio.image_files import PictureError, read_size, recognise

MOST_FILES = 1000
"""Of one owner; those that were not asked for the longest make room for the newest."""
ROOM = 1 << 30
"""Bytes of one owner."""
UNUSED = 24 * 3600.0
"""Seconds after which a file goes that nobody has asked for."""
LONGEST_NAME = 120
KIND = "gradio.FileData"


class NoSuchFileError(AquatintError):
    """There is no such file, or it is somebody else's: nobody learns which."""

    def __init__(self) -> None:
        super().__init__("A file in one of the boxes is not on the server any more. Put it in again.")


@dataclass(frozen=True)
class Held:
    """One file, as far as one owner is concerned."""

    size: int
    used: float


class GradioFiles:
    """What Gradio keeps in its folder, and whose it is: a path that nobody was told is nobody's to read."""

    def __init__(
        self, folder: Path, most: int = MOST_FILES, room: int = ROOM, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._most, self._room, self._clock = most, room, clock
        self._lock = threading.Lock()
        self._held: dict[str, dict[str, Held]] = {}
        self._of_the_page: set[str] = set()

    def bring(self, name: str, file: BinaryIO, owner: str) -> str:
        """Keeps what its owner sends as it is; returns a path that nobody can guess.

        Raises: PictureError for a picture that is damaged or has too many pixels; DiskFullError, AquatintError.
        """
        _refuse_broken_picture(file)
        place = self._folder / secrets.token_hex(16)
        path = place / (safe_component(name.replace("\\", "/").rpartition("/")[2], LONGEST_NAME) or "file")
        with explained(path):
            place.mkdir(parents=True)
            try:
                with path.open("xb") as kept:
                    shutil.copyfileobj(file, kept)
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)
                raise
        with self._lock:
            self._hold(os.fspath(path), owner)
        return os.fspath(path)

    def show(self, told: Any, owner: str) -> None:
        """The files that an answer to its owner names are theirs from now on."""
        with self._lock:
            for path in _paths_in(told):
                self._hold(path, owner)

    def publish(self, page: Any) -> None:
        """The files that the page itself names are everybody's."""
        with self._lock:
            self._of_the_page.update(path for path in _paths_in(page) if self._lies_here(path))

    def require(self, asked: Any, owner: str) -> None:
        """Raises: NoSuchFileError where a value names a file that is not its owner's."""
        for path in _paths_in(asked):
            if self.find(path, owner) is None:
                raise NoSuchFileError

    def find(self, path: str, owner: str) -> Path | None:
        """The file that this owner may read."""
        with self._lock:
            own = self._held.get(owner, {})
            held = own.pop(path, None)
            if held is not None:
                own[path] = Held(held.size, self._clock())
            elif path not in self._of_the_page:
                return None
        file = Path(path)
        return file if file.is_file() else None

    def forget(self, owner: str) -> None:
        """Their files go: they have left."""
        with self._lock:
            for path in self._held.pop(owner, {}):
                self._throw_away(path)

    def _lies_here(self, path: str) -> bool:
        return Path(path).resolve().is_relative_to(self._folder.resolve())

    def _hold(self, path: str, owner: str) -> None:
        if not self._lies_here(path) or not Path(path).is_file():
            return
        own = self._held.setdefault(owner, {})
        own.pop(path, None)
        own[path] = Held(Path(path).stat().st_size, self._clock())
        self._make_room(own)

    def _make_room(self, own: dict[str, Held]) -> None:
        """Never at the cost of the newest."""
        size = sum(held.size for held in own.values())
        limit = self._clock() - UNUSED
        for path, held in list(own.items())[:-1]:
            if len(own) > self._most or size > self._room or held.used < limit:
                size -= held.size
                del own[path]
                self._throw_away(path)

    def _throw_away(self, path: str) -> None:
        if path in self._of_the_page or any(path in own for own in self._held.values()):
            return
        place = Path(path)
        place.unlink(missing_ok=True)
        if place.parent != self._folder and not any(place.parent.iterdir()):
            place.parent.rmdir()


def _refuse_broken_picture(file: BinaryIO) -> None:
    """Other files may hold anything. Raises: PictureError."""
    data = file.read()
    file.seek(0)
    try:
        recognise(data)
    except PictureError:
        return
    read_size(data)


def _paths_in(value: Any) -> Iterator[str]:
    """Every path that Gradio would take for that of a file."""
    if isinstance(value, dict):
        path, meta = value.get("path"), value.get("meta")
        if isinstance(path, str) and path and isinstance(meta, dict) and meta.get("_type") == KIND:
            yield path
        for each in value.values():
            yield from _paths_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _paths_in(each)
