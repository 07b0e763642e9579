"""What people bring: pictures as bare pixels and files as they are, by owner, under ids that say nothing of a name."""

from __future__ import annotations

import hashlib
import io
import os
import re
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.files import explained, write_atomically
from modules.studio.image_files import open_picture
from modules.studio.record import pixels_hash

if TYPE_CHECKING:
    from modules.studio.job import Job


class NoSuchUploadError(AquatintError):
    """There is no such upload, or it is somebody else's: nobody learns which."""

    def __init__(self) -> None:
        super().__init__("The picture or file is not on the server any more. Put it in again.")


class Uploads:
    """One folder an owner, one PNG a picture, one file a file; what is brought twice is kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, data: bytes, owner: str) -> str:
        """Keeps a picture's pixels, upright, and nothing else that was in the file; returns its id.

        Raises: PictureError when it is damaged, too large or no picture; DiskFullError, AquatintError.
        """
        file = io.BytesIO()
        open_picture(data).save(file, "PNG", compress_level=1)
        return self._keep(file.getvalue(), owner, ".png")

    def add_file(self, data: bytes, owner: str) -> str:
        """Keeps any file as it is; returns its id. Raises: DiskFullError, AquatintError."""
        return self._keep(data, owner, ".bin")

    def _keep(self, data: bytes, owner: str, ending: str) -> str:
        id = hashlib.blake2b(data, digest_size=16, key=_folder_name(owner).encode()).hexdigest()
        path = self._folder / _folder_name(owner) / f"{id}{ending}"
        if path.exists():
            with explained(path):
                os.utime(path)
        else:
            write_atomically(path, data)
        return id

    def read(self, id: str, owner: str) -> bytes:
        """The picture as PNG. Raises: NoSuchUploadError."""
        return self._read(id, owner, ".png")

    def read_file(self, id: str, owner: str) -> bytes:
        """The file. Raises: NoSuchUploadError."""
        return self._read(id, owner, ".bin")

    def require(self, id: str, owner: str) -> None:
        """Raises: NoSuchUploadError when the owner has neither a picture nor a file of this id."""
        try:
            self.read(id, owner)
        except NoSuchUploadError:
            self.read_file(id, owner)

    def _read(self, id: str, owner: str, ending: str) -> bytes:
        if not re.fullmatch("[0-9a-f]{32}", id):
            raise NoSuchUploadError
        try:
            return (self._folder / _folder_name(owner) / f"{id}{ending}").read_bytes()
        except OSError as error:
            raise NoSuchUploadError from error

    def open(self, id: str, owner: str) -> Image.Image:
        """The picture, RGB or RGBA. Raises: NoSuchUploadError."""
        return open_picture(self.read(id, owner))

    def of_job(self, job: Job, id: str) -> Image.Image:
        """The picture that a job knows by an id: one that a hook has put there, else its owner's upload.

        Raises: NoSuchUploadError.
        """
        return job.at_hand.get(id) or self.open(id, job.owner)

    def find(self, pixels: str, owner: str) -> str | None:
        """The id of the owner's picture with these pixels (`pixels_hash`), if there is one."""
        for path in sorted((self._folder / _folder_name(owner)).glob("*.png")):
            try:
                if pixels_hash(self.open(path.stem, owner)) == pixels:
                    return path.stem
            except AquatintError:
                continue
        return None

    def sweep(self, keep: Collection[str], older_than: float) -> int:
        """Removes the pictures that are not in `keep` and were last brought more than `older_than` seconds ago, and
        what a kill left half-written; returns how many files went. Raises: AquatintError.
        """
        limit = time.time() - older_than
        removed = 0
        with explained(self._folder):
            for path in self._folder.glob("*/*"):
                if path.stem not in keep and path.stat().st_mtime < limit:
                    path.unlink()
                    removed += 1
        return removed


def _folder_name(owner: str) -> str:
    """A user name may hold anything; its hash may not."""
    return hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:32]
