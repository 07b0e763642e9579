"""New files under names that nobody else has, and the pictures that lie in a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modules.studio.files import TEMPORARY, sync_folder, write_durably
from modules.studio.image_files import FORMATS
from modules.studio.request import RequestError

MOST_FILES = 10_000
"""Of a folder that a job is about."""
ENDINGS = {format.ending for format in FORMATS.values()} | {".jpeg"}


@dataclass(frozen=True)
class Naming:
    """How a new file is called: `<prefix><running number>-<decoration><ending>`, as A1111 does."""

    decoration: str
    ending: str
    numbered: bool = True
    """Without it the decoration is the name, and a number follows only when there is such a file already."""
    prefix: str = ""
    digits: int = 5

    def stem(self, number: int) -> str:
        """The name of the file with this number, without its ending."""
        if not self.numbered:
            return f"{self.decoration}-{number}" if number else self.decoration
        counted = f"{self.prefix}{number:0{self.digits}}"
        return f"{counted}-{self.decoration}" if self.decoration else counted

    def claim(self, number: int) -> str:
        """The name of the temporary file: whoever makes it has the number, whatever the decoration."""
        counted = f"{self.prefix}{number:0{self.digits}}" if self.numbered else self.stem(number)
        return f".{counted}{TEMPORARY}"

    def is_taken(self, folder: Path, number: int) -> bool:
        """Whether a finished file in `folder` has this number."""
        if self.numbered:
            return number in self._numbers(folder)
        return (folder / (self.stem(number) + self.ending)).exists()

    def next_number(self, folder: Path) -> int:
        """One more than the highest number in `folder`; without numbers 0."""
        return max(self._numbers(folder), default=-1) + 1 if self.numbered else 0

    def _numbers(self, folder: Path) -> set[int]:
        pattern = re.compile(re.escape(self.prefix) + r"(\d{1,9})(?!\d)", re.ASCII)
        return {int(found[1]) for path in folder.iterdir() if (found := pattern.match(path.name))}


def write_new(folder: Path, naming: Naming, data: bytes) -> Path:
    """Writes a file that was not there before, whole or not at all, and returns its path; it is on disk then.

    Several processes may write into one folder: the temporary file, made with O_EXCL, is the claim on a number, and
    the number counts only if no finished file has it while the claim is held. Raises: OSError.
    """
    number = naming.next_number(folder)
    while True:
        temporary = folder / naming.claim(number)
        try:
            write_durably(temporary, data)
        except FileExistsError:
            number += 1
            continue
        try:
            if not naming.is_taken(folder, number):
                path = folder / (naming.stem(number) + naming.ending)
                temporary.replace(path)
                sync_folder(folder)
                return path
        finally:
            temporary.unlink(missing_ok=True)
        number += 1


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed process left half-written. Raises: OSError."""
    for path in folder.glob(f".*{TEMPORARY}"):
        path.unlink(missing_ok=True)


def pictures_directly_in(folder: Path) -> list[Path]:
    """The picture files in a folder, by their names; not those in folders below it. Raises: OSError."""
    with os.scandir(folder) as entries:
        paths = sorted(Path(entry.path) for entry in entries if entry.is_file() and not entry.name.startswith("."))
    return [path for path in paths if path.suffix.lower() in ENDINGS]


def names_in(folder: str, field: str) -> tuple[str, ...]:
    """The names of the pictures in a folder that a request names in `field`. Raises: RequestError."""
    try:
        names = [path.name for path in pictures_directly_in(Path(folder).expanduser())]
    except (OSError, ValueError, RuntimeError) as error:  # NUL in the name; a home that is not known
        reason = getattr(error, "strerror", None) or error
        raise RequestError(f"The folder {folder} cannot be read: {reason}.", field) from None
    if not names or len(names) > MOST_FILES:
        raise RequestError(
            f"The folder {folder} holds {f'more than {MOST_FILES:,}' if names else 'no'} pictures.", field
        )
    return tuple(names)


def pictures_in(folder: Path) -> Iterator[Path]:
    """The picture files below a folder, by their names. Symbolic links are not followed, hidden files left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if path.suffix.lower() in ENDINGS and not name.startswith(".") and not path.is_symlink():
                yield path
