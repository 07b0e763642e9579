"""The LoRA files in a folder: found by name or by the alias in their metadata, told apart by hash."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from modules.diffusion.errors import AquatintError, CheckpointError
from modules.diffusion.file_facts import PIECE, FileFacts
from modules.diffusion.finding import ending, names_below
from modules.diffusion.lora import Lora, read_lora, text_width
from modules.diffusion.weights import open_weights

SUFFIXES = (".safetensors", ".pt", ".ckpt")
ALIAS = "ss_output_name"
"""kohya's metadata key for the name that the file had when it was trained."""


LOOK_AGAIN = 2.0
"""Seconds between two looks at the disk for a file that is asked for and not there."""


class LoraFile(NamedTuple):
    """A file by its stem."""

    name: str
    file: str

    @property
    def path(self) -> Path:
        return Path(self.file)


class LoraFolder:
    """All LoRAs below some folders. Nothing is read until it is asked for, and what was read is remembered."""

    def __init__(self, folders: Iterable[Path], cache: Path | None = None) -> None:
        self._folders = tuple(folders)
        self._facts = FileFacts(cache)
        self.files: dict[str, LoraFile] = {}
        self._looked = 0.0
        """When the disk was looked at last, by time.monotonic()."""
        self.refresh()

    def refresh(self) -> None:
        """Looks at the disk again; of two files with one name the first counts, as in A1111."""
        found = [(name.removesuffix(ending(name)), place, name) for place, name in names_below(self._folders, SUFFIXES)]
        found.sort(key=lambda each: (each[0].casefold(), each[1].count(os.sep), each[1], each[2]))
        files: dict[str, LoraFile] = {}
        for stem, place, name in found:
            if stem not in files:
                files[stem] = LoraFile(stem, f"{place}{os.sep}{name}")
        self.files, self._looked = files, time.monotonic()

    def find(self, word: str) -> LoraFile:
        """By name, whatever its case, or by alias; for one that is not there the disk is looked at again now and then.

        Raises: AquatintError saying what there is.
        """
        file = self._known(word.strip())
        if file is None and time.monotonic() - self._looked > LOOK_AGAIN:
            self.refresh()
            file = self._known(word.strip())
        if file is None:
            known = ", ".join(list(self.files)[:20]) or "none"
            raise AquatintError(f"No LoRA called '{word}' in {self._folders[0].name}. Found: {known}.")
        return file

    def _known(self, wanted: str) -> LoraFile | None:
        by_name = {name.casefold(): file for name, file in self.files.items()}
        file = self.files.get(wanted) or by_name.get(wanted.casefold())
        if file is None:
            file = next((each for each in self.files.values() if wanted and self.alias(each) == wanted), None)
        return file

    def has(self, word: str) -> bool:
        """Whether `find` finds it."""
        try:
            self.find(word)
        except AquatintError:
            return False
        return True

    def read(self, word: str) -> Lora:
        """The weights of the file that `find` finds. Raises: AquatintError, CheckpointError naming the file."""
        return read_lora(self.find(word).path)

    def metadata(self, file: LoraFile) -> dict[str, str]:
        """What training wrote into the file; empty when it cannot be read."""
        known = self._facts.get(file.file, "metadata")
        if known is None:
            try:
                with open_weights(file.path) as weights:
                    known = dict(weights.metadata)
            except CheckpointError:
                known = {}
            self._facts.put(file.file, "metadata", known, save=False)
        return {str(key): str(value) for key, value in known.items()}

    def alias(self, file: LoraFile) -> str:
        """Its other name; its own when it has none."""
        return self.metadata(file).get(ALIAS) or file.name

    def text_width(self, file: LoraFile) -> int:
        """How wide the text is that the UNet reads for which it was made; 0 when the file does not tell."""
        known = self._facts.get(file.file, "text_width")
        if known is None:
            try:
                known = text_width(file.path)
            except CheckpointError:
                known = 0
            self._facts.put(file.file, "text_width", known, save=False)
        return int(known)

    def short_hash(self, file: LoraFile) -> str:
        """Twelve digits: of what training wrote of itself, or of the weights without their header, as A1111's."""
        written = self.metadata(file).get("sshs_model_hash", "")
        if written:
            return written[:12]
        known = self._facts.get(file.file, "weights_sha256")
        if not isinstance(known, str):
            known = _hash_without_header(file.path)
            self._facts.put(file.file, "weights_sha256", known)
        return known[:12]

    def save(self) -> None:
        """Remembers what was read."""
        self._facts.save()


def _hash_without_header(path: Path) -> str:
    """SHA-256 of what follows a safetensors header, or of all of another file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if path.suffix.lower() == ".safetensors":
            file.seek(int.from_bytes(file.read(8), "little") + 8)
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
