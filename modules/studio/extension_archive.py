"""Archives that people bring, unpacked by rules of our own: nothing outside, no links, no bombs."""

from __future__ import annotations

import contextlib
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from modules.diffusion.errors import AquatintError

MOST_FILES = 10_000
MOST_BYTES = 1 << 30
"""Of all files together, counted while they are written: what an archive says of itself is no promise."""
LONGEST_NAME = 240
CHUNK = 1 << 16
KINDS = (".zip", ".tar.gz", ".tgz", ".tar")
PARTS = frozenset({"scripts", "javascript", "localizations", "html"})
"""Folders that an extension has itself: alone in an archive they wrap nothing."""
ENCRYPTED = 0x1
ODD = re.compile(r'[\x00-\x1f\\:*?"<>|\ufffd]')
DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)\s*(\..*)?", re.IGNORECASE)
"""What Windows takes for a device in any folder and with any ending."""


class ArchiveError(AquatintError):
    """An archive that is not unpacked; the text says why."""


@dataclass(frozen=True)
class Entry:
    """A file in an archive."""

    name: str
    open: Callable[[], IO[bytes] | None]


def is_archive(name: str) -> bool:
    """Whether a file of that name is one that `unpack` reads."""
    return name.lower().endswith(KINDS)


def bare_name(name: str) -> str:
    """`x` for `x.zip` and `x.tar.gz`."""
    return next((name[: -len(kind)] for kind in KINDS if name.lower().endswith(kind)), name)


def unpack(archive: Path, into: Path) -> Path:
    """Unpacks below `into`, a new folder. Returns where the files are: the one folder that holds all, if there is one.

    Raises: ArchiveError, when any entry is not what an extension needs; nothing is then to be used of `into`.
    """
    try:
        with _opened(archive) as entries:
            check_names(entry.name for entry in entries)
            into.mkdir(parents=True)
            _write(entries, into)
    except OSError as error:
        raise ArchiveError(f"{archive.name} could not be unpacked: {error.strerror or error}.") from None
    except (
        *(zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, EOFError),
        *(NotImplementedError, RuntimeError, ValueError),
    ) as error:
        raise ArchiveError(f"{archive.name} is damaged, or no archive that can be read: {error}.") from None
    inside = list(into.iterdir())
    wrapped = len(inside) == 1 and inside[0].is_dir() and inside[0].name not in PARTS
    return inside[0] if wrapped else into


def check_names(names: Iterable[str]) -> None:
    """Raises: ArchiveError for a name that could mean another place, or another file than it seems."""
    files: set[str] = set()
    folders: set[str] = set()
    for name in names:
        parts = name.removeprefix("./").split("/")
        if not all(map(_is_plain, parts)) or len(name.encode("utf-8", "replace")) > LONGEST_NAME:
            raise ArchiveError(f"{name!r:.100} is no name for a file of an extension.")
        key = _folded(parts)
        if key in files:
            raise ArchiveError(f"{name!r:.100} is in it twice.")
        files.add(key)
        folders |= {_folded(parts[:depth]) for depth in range(1, len(parts))}
    if both := files & folders:
        raise ArchiveError(f"{min(both)!r:.100} is in it as a file and as a folder.")
    if not files:
        raise ArchiveError("There is no file in it.")


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[list[Entry]]:
    """By its bytes, not by its name."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield list(_zip_entries(file))
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield list(_tar_entries(tar))
    else:
        raise ArchiveError(f"{archive.name} is neither a .zip nor a .tar.gz.")


def _zip_entries(file: zipfile.ZipFile) -> Iterator[Entry]:
    for count, row in enumerate(file.infolist()):
        _count(count)
        kind = stat.S_IFMT(row.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ArchiveError(f"{row.filename!r:.100} is a link or a device: an extension holds files.")
        if row.flag_bits & ENCRYPTED:
            raise ArchiveError("The archive is locked with a password.")
        if not row.is_dir():
            yield Entry(row.orig_filename, partial(file.open, row))


def _tar_entries(tar: tarfile.TarFile) -> Iterator[Entry]:
    for count, row in enumerate(tar):
        _count(count)
        if not row.isfile() and not row.isdir():
            raise ArchiveError(f"{row.name!r:.100} is a link or a device: an extension holds files.")
        if row.isfile():
            yield Entry(row.name, partial(tar.extractfile, row))


def _count(count: int) -> None:
    if count >= MOST_FILES:
        raise ArchiveError(f"There are more than {MOST_FILES} files in it.")


def _is_plain(part: str) -> bool:
    """A name for one file or folder that means the same to every system."""
    trimmed = part.strip(" ").rstrip(".")
    return bool(part.strip(". ")) and part == trimmed and not (ODD.search(part) or DEVICE.fullmatch(part))


def _folded(parts: Iterable[str]) -> str:
    """Names that some file system takes for the same are the same."""
    return unicodedata.normalize("NFC", "/".join(parts)).casefold()


def _write(entries: Iterable[Entry], into: Path) -> None:
    left = MOST_BYTES
    for entry in entries:
        path = into.joinpath(*entry.name.removeprefix("./").split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        source = entry.open()
        if source is None:
            raise ArchiveError(f"{entry.name!r:.100} cannot be read.")
        with source, path.open("xb") as file:
            while chunk := source.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise ArchiveError(f"What is in it is larger than {MOST_BYTES >> 20} MB.")
                file.write(chunk)
