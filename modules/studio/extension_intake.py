"""Extensions on their way in: brought from a folder, an archive or a git address, looked at, and not yet installed."""

from __future__ import annotations

import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from modules.diffusion.errors import AquatintError
from modules.studio.extension_archive import DEVICE, MOST_BYTES, MOST_FILES, bare_name, unpack
from modules.studio.extension_git import Git
from modules.studio.extension_records import Record
from modules.studio.extension_scan import Scan, scan
from modules.studio.extension_words import Words
from modules.studio.files import explained

NAME = re.compile(r"[A-Za-z0-9][\w.+ -]{0,79}")


class NoSuchExtensionError(AquatintError):
    """An extension was named that is not there."""


class IntakeError(AquatintError):
    """What was brought cannot become an extension; the text says why."""


@dataclass(frozen=True)
class Staged:
    """One that lies ready."""

    id: str
    name: str
    folder: Path
    record: Record
    scan: Scan


def good_name(text: str) -> str:
    """A name for a folder in extensions/. Raises: IntakeError."""
    name = text.strip()
    if not NAME.fullmatch(name) or name.endswith((".", " ")) or DEVICE.fullmatch(name):
        raise IntakeError(f"{text[:80]!r} is no name for an extension: letters, digits, - _ . + and blanks.")
    return name


class Intake:
    """A folder of what was brought since the start; what is left there from before is swept away."""

    def __init__(self, folder: Path, words: Words, git: Git) -> None:
        self._folder, self._words, self._git = folder, words, git
        self._staged: dict[str, Staged] = {}
        shutil.rmtree(folder, ignore_errors=True)

    def get(self, id: str) -> Staged:
        """Raises: NoSuchExtensionError."""
        try:
            return self._staged[id]
        except KeyError:
            raise NoSuchExtensionError("That extension does not lie ready any more: bring it again.") from None

    def bring(self, what: str) -> Staged:
        """From an address or a path, whichever it is. Raises: AquatintError."""
        text = what.strip().strip("\"'")
        if not text:
            raise IntakeError("Name a folder, an archive or an https address.")
        if re.match(r"[a-z][\w+.-]+:", text, re.IGNORECASE) and not re.match(r"[a-z]:[\\/]", text, re.IGNORECASE):
            return self.bring_git(text)
        path = Path(text).expanduser()
        if not path.is_absolute():
            raise IntakeError(f"{text[:200]} is neither an https address nor a path from the root of this machine.")
        if path.is_dir():
            return self.bring_folder(path)
        if path.is_file():
            return self.bring_archive(path, path.name)
        raise IntakeError(f"There is nothing at {path}.")

    def bring_git(self, address: str) -> Staged:
        """A clone of the repository at an https address. Raises: AquatintError."""
        self._git.check(address)
        name = good_name(urlsplit(address).path.rstrip("/").rpartition("/")[2].removesuffix(".git"))
        id, place = self._place()
        try:
            self._git.clone(address, place)
            head = self._git.head(place)
            record = Record("git", address, head.id, self._git.branch(place), head.date)
            return self._look(id, name, place, record)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def bring_archive(self, archive: Path, name: str) -> Staged:
        """What is in an archive; `name` is what the person calls the file. Raises: AquatintError."""
        id, place = self._place()
        try:
            inside = unpack(archive, place)
            own = inside.name if inside != place else bare_name(name)
            own = re.sub(r"-(main|master)$", "", own)
            return self._look(id, good_name(own), inside, Record("archive", name))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def bring_folder(self, folder: Path) -> Staged:
        """A copy of a folder, without links, git's own files and what Python keeps. Raises: AquatintError."""
        id, place = self._place()
        name = good_name(folder.resolve().name)
        _check_size(folder)
        leave = shutil.ignore_patterns(".git", "__pycache__", "*.pyc", ".venv", "venv", "node_modules")

        def leave_out(where: str, names: list[str]) -> set[str]:
            return leave(where, names) | {each for each in names if (Path(where) / each).is_symlink()}

        try:
            with explained(place):
                shutil.copytree(folder, place, ignore=leave_out)
            return self._look(id, name, place, Record("folder", str(folder)))
        except shutil.Error as error:
            shutil.rmtree(place, ignore_errors=True)
            raise IntakeError(f"{folder} could not be copied: {str(error.args[0])[:200]}") from None
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def upload_place(self) -> Path:
        """Where the bytes of an uploaded archive may be put for a moment."""
        with explained(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{secrets.token_hex(8)}.upload"

    def forget(self, id: str) -> None:
        """Takes away what lies ready, if it is there."""
        staged = self._staged.pop(id, None)
        if staged is not None:
            shutil.rmtree(self._folder / staged.id, ignore_errors=True)

    def _place(self) -> tuple[str, Path]:
        with explained(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        id = secrets.token_hex(8)
        return id, self._folder / id

    def _look(self, id: str, name: str, folder: Path, record: Record) -> Staged:
        staged = Staged(id, name, folder, record, scan(folder, self._words))
        self._staged[id] = staged
        return staged


def _check_size(folder: Path) -> None:
    """Raises: IntakeError for a folder that is no extension: somebody's whole disk, for instance."""
    files = bytes = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            files, bytes = files + 1, bytes + path.stat().st_size
        if files > MOST_FILES or bytes > MOST_BYTES:
            raise IntakeError(
                f"{folder} holds more than {MOST_FILES} files or {MOST_BYTES >> 20} MB: is it an extension?"
            )
