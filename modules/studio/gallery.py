"""Where pictures end up and how they are found again: each belongs to one owner and has a random id."""

from __future__ import annotations

import datetime
import hashlib
import io
import logging
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modules.diffusion.errors import AquatintError
from modules.studio.filenames import Subject, folder_names
from modules.studio.files import DiskFullError, explained, write_atomically
from modules.studio.filing import Filing, format_of, written
from modules.studio.folders import Folders
from modules.studio.image_files import (
    Format,
    PictureError,
    format_for,
    holds_infotext,
    open_picture,
    read_parameters,
    read_size,
    recognise,
)
from modules.studio.infotext import read_infotext
from modules.studio.job import LOCAL, Job, SavedImage
from modules.studio.picture_files import Naming, pictures_in, remove_unfinished, write_new
from modules.studio.picture_index import GalleryItem, Picture, PictureIndex, Search, day_of
from modules.studio.picture_names import naming_of
from modules.studio.record import write_record
from modules.studio.request import Extras

if TYPE_CHECKING:
    from typing import Unpack  # Python 3.11

log = logging.getLogger(__name__)

KEPT_IN_MEMORY = 64
"""How many pictures that are not saved can be asked for: the newest."""
THUMBNAIL = 384
"""Pixels of the longer side."""
IMPORTED_AT_ONCE = 100


class NoSuchPictureError(AquatintError):
    """There is no such picture, or it is somebody else's: nobody learns which."""

    def __init__(self) -> None:
        super().__init__("There is no such picture.")


@dataclass(frozen=True)
class _Unsaved:
    """A picture that lives in memory."""

    owner: str
    data: bytes
    image: SavedImage


@dataclass(frozen=True)
class Rebuilt:
    """What `rebuild` did: how many pictures came in, had vanished, or could not be read."""

    added: int
    removed: int
    skipped: int


class Gallery:
    """Saves pictures as A1111 does and keeps an index of them. All methods may be called from any thread."""

    def __init__(self, path_db: Path, folders: Folders) -> None:
        self._folders = folders
        self._index = PictureIndex(path_db)
        self._thumbnails = folders.state / "thumbnails"
        self._unsaved: OrderedDict[str, _Unsaved] = OrderedDict()
        self._noted: set[Path] = set()
        self._lock = threading.Lock()

    def recover(self) -> None:
        """Cleans up after a kill, and after damage to the index takes over what it still held and looks through the
        files. To be called once, at start, while no other process writes pictures. Raises: AquatintError.
        """
        for folder in map(Path, self._index.take_folders()):
            with explained(folder):
                remove_unfinished(folder)
        if self._index.damaged is not None:
            log.warning("The gallery's index was damaged: %d pictures taken over", self._index.salvage())
            log.warning("The gallery's index is rebuilt from the files: %s", self.rebuild())

    # Saving

    def save(
        self, filing: Filing, job: Job, index: int, *, grid: bool = False, done: str = "", aside: str = ""
    ) -> SavedImage:
        """Writes the job's image number `index` where it is to be. The file is on disk before the index knows it.

        `done` is what was done to a picture that had its infotext before. What is kept `aside`, under a name with that
        ending, is no result of the job.
        Raises: DiskFullError and AquatintError; no half-written file is left then.
        """
        image, options = filing.image, job.options
        format = format_of(filing, options.grid_format if grid else options.samples_format)
        record = "" if grid or aside else write_record(job, index)
        data, embedded, infotext = written(filing, format, done, record, options)
        now = time.time_ns() // 1000
        folder, naming = self._place(filing, format, job, index, now, grid, aside)
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if _named_folder(job, grid) is None:  # what lies hidden in a folder of somebody's is not ours to remove
                self._note(folder)
            path = write_new(folder, naming, data)
        if (options.save_txt and infotext) or (embedded and not holds_infotext(format, embedded)):
            write_atomically(path.with_suffix(".txt"), f"{infotext}\n".encode())
        picture = _row(self._stored(path), data, infotext, image.size, now, job.request.kind, grid, job.seeds[index])
        picture = replace(picture, owner=job.owner, job="" if aside else job.id)
        self._index.add(picture)
        return self._saved(picture)

    def place_of(self, filing: Filing, job: Job, index: int) -> Path:
        """Where `save` would write the job's image number `index` now."""
        format = format_of(filing, job.options.samples_format)
        folder, naming = self._place(filing, format, job, index, time.time_ns() // 1000, grid=False)
        number = naming.next_number(folder) if folder.is_dir() else 0
        while folder.is_dir() and naming.is_taken(folder, number):
            number += 1
        return folder / (naming.stem(number) + naming.ending)

    def keep(self, filing: Filing, job: Job, index: int, *, saved: bool, done: str = "") -> SavedImage:
        """On disk and in the index, or, where that is not wanted, in memory for as long as there is room.

        Raises: DiskFullError; then the picture is in memory and among the job's, to be downloaded before the server
        ends.
        """
        if not saved:
            return self.keep_in_memory(filing, job, index, done=done)
        try:
            return self.save(filing, job, index, done=done)
        except DiskFullError:
            unsaved = self.keep_in_memory(filing, job, index, done=done)
            job.report(images=(*job.progress.images, unsaved))
            raise

    def keep_in_memory(self, filing: Filing, job: Job, index: int, *, done: str = "") -> SavedImage:
        """Keeps a picture that shall not be saved (or that the disk had no room for) until KEPT_IN_MEMORY newer ones
        push it out. `get`, `read` and `thumbnail` know it; `find` does not.
        """
        image, format = filing.image, format_for(filing.image, job.options.samples_format)
        data, _, infotext = written(filing, format, done, write_record(job, index), job.options)
        saved = SavedImage(secrets.token_hex(16), None, infotext, job.seeds[index], image.width, image.height)
        with self._lock:
            self._unsaved[saved.id] = _Unsaved(job.owner, data, saved)
            while len(self._unsaved) > KEPT_IN_MEMORY:
                self._unsaved.popitem(last=False)
        return saved

    # Finding

    def get(self, id: str, owner: str) -> SavedImage | None:
        """The owner's picture of that id; None also when it is somebody else's."""
        unsaved = self._in_memory(id, owner)
        if unsaved is not None:
            return unsaved.image
        picture = self._index.get(id, owner)
        return self._saved(picture) if picture else None

    def owns(self, path: Path, owner: str) -> bool:
        """Whether the file is a picture of this owner."""
        return self._index.owns(self._stored(path), owner)

    def of_job(self, job_id: str) -> list[SavedImage]:
        """The saved pictures of a job, grids left out, in the order in which they were saved."""
        return [self._saved(picture) for picture in self._index.of_job(job_id)]

    def find(self, owner: str, **search: Unpack[Search]) -> list[GalleryItem]:
        """The owner's pictures, newest first: see `PictureIndex.find`."""
        return self._index.find(owner, **search)

    def read(self, id: str, owner: str) -> tuple[bytes, str]:
        """The file of the owner's picture and its MIME type, which its bytes decide.

        Raises: NoSuchPictureError, also when the file has vanished or is not a picture any more.
        """
        unsaved = self._in_memory(id, owner)
        data = unsaved.data if unsaved else self._file_of(self._wanted(id, owner))
        try:
            return data, recognise(data).mime
        except PictureError as error:
            raise NoSuchPictureError from error

    def thumbnail(self, id: str, owner: str) -> bytes:
        """A small WebP of the owner's picture, made once. Raises: NoSuchPictureError, PictureError."""
        if self._in_memory(id, owner):
            return _small(self.read(id, owner)[0])
        small = self._thumbnail_of(self._wanted(id, owner).id)
        try:
            return small.read_bytes()
        except FileNotFoundError:
            data = _small(self.read(id, owner)[0])
            write_atomically(small, data)
            return data

    def delete(self, id: str, owner: str) -> bool:
        """Removes the owner's picture: file, text beside it, thumbnail and row. False when there is none.

        Raises: AquatintError when the file cannot be removed; then the row stays too.
        """
        with self._lock:
            unsaved = self._unsaved.get(id)
            if unsaved is not None and unsaved.owner == owner:
                del self._unsaved[id]
                return True
        picture = self._index.get(id, owner)
        if picture is None:
            return False
        path = self._folders.data / picture.path
        with explained(path):
            for file in (path, path.with_suffix(".txt"), self._thumbnail_of(id)):
                file.unlink(missing_ok=True)
        self._index.remove(id)
        return True

    def rebuild(self) -> Rebuilt:
        """Makes the index agree with the files below outputs/: pictures that it does not know come in with what their
        metadata says and belong to "local"; rows whose file is gone go, unless a whole drive seems to be missing.
        May be stopped and run again.
        """
        known = self._index.places()
        gone = [id for path, id in known.items() if _is_gone(self._folders.data / path)]
        self._index.remove(*gone)
        for id in gone:
            self._thumbnail_of(id).unlink(missing_ok=True)
        added, skipped, waiting = 0, 0, list[Picture]()
        for path in pictures_in(self._folders.outputs):
            if self._stored(path) in known:
                continue
            try:
                waiting.append(self._described(path))
            except (PictureError, OSError, UnicodeEncodeError) as error:
                log.warning("%r is left out of the gallery: %s", path, error)
                skipped += 1
            if len(waiting) == IMPORTED_AT_ONCE:
                added, waiting = added + self._index.bring_in(waiting), []
        added += self._index.bring_in(waiting)
        return Rebuilt(added, len(gone), skipped)

    def adopt(self, path: Path, owner: str, job: str = "") -> SavedImage:
        """A finished file, which something else has written, as the owner's. Raises: PictureError, OSError."""
        picture = replace(self._described(path), owner=owner, job=job)
        self._index.add(picture)
        return self._saved(picture)

    def close(self) -> None:
        """Closes the index."""
        self._index.close()

    # Paths

    def _place(
        self, filing: Filing, format: Format, job: Job, index: int, now: int, grid: bool, aside: str = ""
    ) -> tuple[Path, Naming]:
        if filing.path is not None:
            return filing.path.parent, Naming(filing.path.stem, format.ending, numbered=False)
        moment = datetime.datetime.fromtimestamp(now / 1e6).astimezone()
        subject = Subject(job, index, filing.image, read_infotext(filing.infotext).params, moment)
        folder = self._folder_for(subject, grid)
        return folder, naming_of(subject, grid, format.ending, folder, aside)

    def _folder_for(self, subject: Subject, grid: bool) -> Path:
        options = subject.job.options
        named = _named_folder(subject.job, grid)
        if named is not None:
            return named
        if isinstance(subject.job.request, Extras):
            return self._folders.named(options.outdir_extras_samples)
        of_txt2img = subject.job.request.kind == "txt2img"
        samples = options.outdir_txt2img_samples if of_txt2img else options.outdir_img2img_samples
        grids = options.outdir_txt2img_grids if of_txt2img else options.outdir_img2img_grids
        folder = self._folders.named(grids if grid else samples)
        return folder.joinpath(
            *folder_names(options.directories_filename_pattern, subject) if options.save_to_dirs else ()
        )

    def _stored(self, path: Path) -> str:
        data = self._folders.data
        return path.relative_to(data).as_posix() if path.is_relative_to(data) else str(path)

    def _thumbnail_of(self, id: str) -> Path:
        return self._thumbnails / id[:2] / f"{id}.webp"

    def _note(self, folder: Path) -> None:
        with self._lock:
            if folder not in self._noted:
                self._index.note_folder(str(folder))
                self._noted.add(folder)

    # Rows

    def _saved(self, picture: Picture) -> SavedImage:
        path = self._folders.data / picture.path
        return SavedImage(picture.id, path, picture.infotext, picture.seed, picture.width, picture.height)

    def _in_memory(self, id: str, owner: str) -> _Unsaved | None:
        with self._lock:
            found = self._unsaved.get(id)
        return found if found is not None and found.owner == owner else None

    def _wanted(self, id: str, owner: str) -> Picture:
        picture = self._index.get(id, owner)
        if picture is None:
            raise NoSuchPictureError
        return picture

    def _file_of(self, picture: Picture) -> bytes:
        """The bytes of a file that was saved, not of something that a link was put in its place for."""
        path = self._folders.data / picture.path
        try:
            if path.is_symlink():
                raise NoSuchPictureError
            return path.read_bytes()
        except OSError as error:
            raise NoSuchPictureError from error

    def _described(self, path: Path) -> Picture:
        """The row of a file that lies in outputs/, also of one that A1111 saved there."""
        stored = self._stored(path)
        stored.encode()
        data = path.read_bytes()
        infotext = read_parameters(data)
        seed = _seed_of(read_infotext(infotext).params)
        created = path.stat().st_mtime_ns // 1000
        kind = next((kind for kind in ("img2img", "extras") if kind in stored), "txt2img")
        return _row(stored, data, infotext, read_size(data), created, kind, "grid" in stored, seed)


def _row(
    stored: str, data: bytes, infotext: str, size: tuple[int, int], created: int, kind: str, grid: bool, seed: int
) -> Picture:
    """A new row of the index for the file `data`: of the person at this machine, and of no job."""
    text = read_infotext(infotext)
    return Picture(
        id=secrets.token_hex(16),
        owner=LOCAL,
        path=stored,
        job="",
        kind=kind,
        grid=grid,
        created=created,
        day=day_of(created),
        seed=seed,
        width=size[0],
        height=size[1],
        model=text.params.get("Model", ""),
        sampler=text.params.get("Sampler", ""),
        prompt=text.prompt,
        negative=text.negative_prompt,
        infotext=infotext,
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _named_folder(job: Job, grid: bool) -> Path | None:
    """The folder that somebody has named for the job's pictures, if anybody has."""
    return job.destination.folder if job.destination is not None and not grid else None


def _is_gone(path: Path) -> bool:
    return not path.is_file() and path.parent.parent.is_dir()


def _seed_of(params: Mapping[str, str]) -> int:
    seed = params.get("Seed", "")
    return int(seed) if re.fullmatch("[0-9]{1,18}", seed) else -1


def _small(data: bytes) -> bytes:
    image = open_picture(data)
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80)
    return file.getvalue()
