"""Files written whole or not at all, also when the power fails or the disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from modules.diffusion.errors import AquatintError

TEMPORARY = ".tmp"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(AquatintError):
    """There is no room to write; nothing half-written is left behind."""


def write_atomically(path: Path, data: bytes) -> None:
    """Puts `data` at `path` in one step: readers see the old file or the new one.

    Raises: DiskFullError; AquatintError naming the file for other reasons.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
        write_durably(temporary, data, os.O_TRUNC)
        temporary.replace(path)
        sync_folder(path.parent)


def write_durably(path: Path, data: bytes, flags: int = os.O_EXCL) -> None:
    """Writes a file and waits until it is on the disk; when that fails the file is removed. Raises: OSError.

    With O_EXCL it must not exist before (FileExistsError).
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | flags, 0o666)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` durable. Windows has no such call and does it by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns the system's errors at `path` into sentences for people."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFullError(
                f"The disk is full: {path.name} could not be written. Free some space, then go on."
            ) from error
        raise AquatintError(f"{path.name} in {path.parent} cannot be written: {error.strerror or error}.") from error
