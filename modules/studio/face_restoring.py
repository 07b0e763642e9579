"""Face restorers: networks that people put into models/GFPGAN and models/Codeformer, used on every face of a picture.

Anything that holds the App's `faces` may call `restore` from the engine's thread, also in the middle of a job.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.diffusion.face_network import FaceNetwork, cut_out, put_back, turn_to_template
from modules.diffusion.faces import FaceFinder
from modules.diffusion.file_facts import FileFacts
from modules.diffusion.finding import files_below
from modules.diffusion.hardware import Hardware, release_memory
from modules.studio.upscaling import SUFFIXES

log = logging.getLogger(__name__)

GFPGAN, CODEFORMER = "GFPGAN", "CodeFormer"
FOLDERS = {CODEFORMER: "Codeformer", GFPGAN: "GFPGAN"}
USUAL_FILES = {CODEFORMER: "codeformer-v0.1.0.pth", GFPGAN: "GFPGANv1.4.pth"}
FINDER = "facedetection/mtcnn.safetensors"


NO_FINDER = f"What finds faces is missing, models/{FINDER}: `python webui.py upscalers` puts it there."


class FaceRestorer(NamedTuple):
    """A file that restores faces, under A1111's name for its kind."""

    name: str
    path: Path


class FaceRestorers:
    """All face restorers, and the one that was used last, in memory.

    `names` and `find` may be called from any thread, the others from the engine's only.
    """

    def __init__(
        self,
        models: Path,
        hardware: Hardware,
        instead: Mapping[str, Path | None] | None = None,
        facts: FileFacts | None = None,
    ) -> None:
        """`instead` names other folders than those below `models`, by the kind of restorer."""
        named = {kind: folder.expanduser() for kind, folder in (instead or {}).items() if folder}
        self._models, self._hardware, self._facts = models, hardware, facts or FileFacts()
        self._folders = {kind: named.get(kind, models / name) for kind, name in FOLDERS.items()}
        self._network: FaceNetwork | None = None
        self._finder: FaceFinder | None = None

    def names(self) -> list[str]:
        """Those that there is a file for."""
        return [row.name for name in FOLDERS for row in self._files(name)[:1]]

    def find(self, name: str) -> FaceRestorer:
        """By name. Raises: AquatintError saying which file belongs where, also when what finds faces is missing."""
        found = self.find_file(name)
        if not (self._models / FINDER).is_file():
            raise AquatintError(NO_FINDER)
        return found

    def missing(self) -> str:
        """What a person has to put where before any face can be restored; empty when one can."""
        lines = [] if self.names() else [_no_file(kind) for kind in FOLDERS]
        return " ".join([*lines, *([] if (self._models / FINDER).is_file() else [NO_FINDER])])

    def find_file(self, name: str) -> FaceRestorer:
        """By name; of several files the last by name, so the newest version. Raises: AquatintError."""
        kind = next((kind for kind in FOLDERS if kind.casefold() == name.strip().casefold()), None)
        if kind is None:
            raise AquatintError(f"No face restorer called '{name:.80}'. There may be: {', '.join(FOLDERS)}.")
        files = self._files(kind)
        if not files:
            raise AquatintError(_no_file(kind))
        return files[0]

    def hashes(self, name: str) -> dict[str, str]:
        """The SHA-256 of the restorer of that name and of what finds faces for it, by what they are.

        Raises: AquatintError, as `find`, or naming a file that cannot be read.
        """
        restorer = self.find(name)
        files = {f"face restorer {restorer.name}": restorer.path, "face finder": self._models / FINDER}
        return {what: self._facts.hash_of(path) for what, path in files.items()}

    def restore(
        self,
        image: Image.Image,
        name: str,
        share: float = 1.0,
        weight: float = 0.5,
        check: Callable[[], None] = lambda: None,
    ) -> tuple[Image.Image, int]:
        """The picture with its faces restored, mixed in by `share`, and how many there were.

        `check` is called before each face, and what it raises ends the work. Raises: AquatintError.
        """
        network = self._lend(self.find(name).path)
        if self._finder is None:
            self._finder = FaceFinder(self._models / FINDER)
        check()
        colors = image.convert("RGB")
        faces = self._finder.find(colors)
        made = colors
        for face in faces:
            check()
            turn = turn_to_template(face.marks)
            made = put_back(made, network.restore(cut_out(colors, turn), weight), turn, share)
        if image.mode == "RGBA":
            made.putalpha(image.getchannel("A"))
        return made, len(faces)

    def free(self) -> None:
        """Gives the memory of the network back."""
        if self._network is not None:
            self._network = None
            release_memory(self._hardware.device)

    def _files(self, name: str) -> list[FaceRestorer]:
        """The files of a kind, the one to use first. The folders hold other networks too (facexlib's)."""
        paths = files_below([self._folders[name]], SUFFIXES)
        fit = [path for path in paths if re.match(name, path.stem, re.IGNORECASE)]
        return [FaceRestorer(name, path) for path in sorted(fit, key=lambda path: path.stem.casefold(), reverse=True)]

    def _lend(self, path: Path) -> FaceNetwork:
        if self._network is None or self._network.path != path:
            self.free()
            log.info("Loading the face restorer %s", path.name)
            self._network = FaceNetwork(path, self._hardware)
        return self._network


def _no_file(kind: str) -> str:
    return f"There is no {kind} yet: put {USUAL_FILES[kind]} into models/{FOLDERS[kind]}."
