"""The store lends models: it lists and finds checkpoints, loads each once however many ask, and keeps the last few."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch

from modules.diffusion.attention import Attention
from modules.diffusion.checkpoint import BrokenFile, Checkpoint, list_checkpoints
from modules.diffusion.diffusers_folder import weights_files
from modules.diffusion.embedding_files import EmbeddingFolder
from modules.diffusion.errors import AquatintError, CheckpointError
from modules.diffusion.file_facts import FileFacts
from modules.diffusion.finding import files_below
from modules.diffusion.hardware import Hardware, free_memory, release_memory
from modules.diffusion.loading import Components, load_components, load_vae
from modules.diffusion.model import Model
from modules.diffusion.placement import Placement

AUTOMATIC, NONE = "Automatic", "None"
VAE_SUFFIXES = (".safetensors", ".pt", ".ckpt", ".bin")
BESIDE = (".vae.safetensors", ".vae.pt", ".vae.ckpt")


class _Key(NamedTuple):
    """A checkpoint as it was on disk: a file that was replaced is another one."""

    path: Path
    size: int
    changed: int


@dataclass
class _Loaded:
    """A checkpoint in memory, as a model for each VAE that it is used with."""

    components: Components
    placement: Placement
    models: dict[Path | None, Model] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def forget_other_vaes(self) -> None:
        """Keep the checkpoint's own VAE and the one used last."""
        with self.lock:
            last = next(reversed(self.models), None)
            self.models = {path: model for path, model in self.models.items() if path in (None, last)}
            self.placement.keep({part for model in self.models.values() for part in model.parts})


@dataclass
class _Entry:
    name: str
    future: Future[_Loaded] = field(default_factory=Future)
    leases: int = 0
    spoiled: bool = False
    """Nobody shall lease it again."""


class ModelStore:
    """All checkpoints in some folders, and the few of them that are in memory. Any number of threads may lease."""

    def __init__(
        self,
        folders: Sequence[Path],
        vae_folder: Path,
        hardware: Hardware,
        attention: Attention,
        keep: int = 2,
        cache: Path | None = None,
        embeddings: EmbeddingFolder | None = None,
    ) -> None:
        self._folders, self._vae_folder = tuple(folders), vae_folder
        self.hardware, self._attention, self._embeddings = hardware, attention, embeddings
        self._facts = FileFacts(cache)
        self._keep = keep
        self._lock = threading.RLock()
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        """The least recently leased first."""
        self.guests: list[Callable[[], None]] = []
        """What frees the memory of others; called before a load that would not fit."""
        self.checkpoints: tuple[Checkpoint, ...] = ()
        self.broken: tuple[BrokenFile, ...] = ()
        self.vaes: tuple[str, ...] = ()
        self.refresh()

    @property
    def keep(self) -> int:
        """How many models stay in memory; those in use always do."""
        return self._keep

    @keep.setter
    def keep(self, count: int) -> None:
        self._keep = max(1, count)
        self._free(self._keep)

    @property
    def folder(self) -> Path:
        """Where a new checkpoint goes."""
        return self._folders[0]

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of the checkpoints in memory, the last used last."""
        with self._lock:
            return tuple(entry.name for entry in self._entries.values() if entry.future.done())

    def refresh(self) -> None:
        """Look at the disk again. Unchanged files are not read."""
        checkpoints: dict[str, Checkpoint] = {}
        broken: list[BrokenFile] = []
        for folder in self._folders:
            found, failed = list_checkpoints(folder, self._facts)
            for checkpoint in found:
                name = checkpoint.name if checkpoint.name not in checkpoints else f"{folder.name}/{checkpoint.name}"
                checkpoints.setdefault(name, replace(checkpoint, name=name))
            broken += failed
        self.checkpoints, self.broken = tuple(checkpoints.values()), tuple(broken)
        vaes = (path.relative_to(self._vae_folder) for path in files_below([self._vae_folder], VAE_SUFFIXES))
        self.vaes = tuple(sorted((path.as_posix() for path in vaes), key=str.casefold))

    def find(self, text: str) -> Checkpoint:
        """By title, name, name without suffix, stem, or hash (all of it or its first ten digits).

        Raises AquatintError saying what there is.
        """
        words = text.strip()
        titled = re.fullmatch(r"(.+?) \[([0-9a-fA-F]{8,64})\]", words)
        for word in (titled[2], titled[1]) if titled else (words,):
            ranked = [(_rank(checkpoint, word), checkpoint) for checkpoint in self.checkpoints]
            best, checkpoint = min(ranked, key=lambda pair: pair[0], default=(UNKNOWN, None))
            if checkpoint is not None and best < UNKNOWN:
                return checkpoint
        places = ", ".join(str(folder) for folder in self._folders)
        found = ", ".join(checkpoint.name for checkpoint in self.checkpoints[:20]) or "nothing"
        raise AquatintError(f"No checkpoint called '{text}' in {places}. Found: {found}.")

    def find_vae(self, text: str) -> str:
        """The VAE's name as `vaes` has it, or "Automatic" or "None". Raises AquatintError saying what there is."""
        word = text.strip().casefold()
        if word in ("", AUTOMATIC.casefold(), NONE.casefold()):
            return NONE if word == NONE.casefold() else AUTOMATIC
        for name in self.vaes:
            if word in (name.casefold(), Path(name).name.casefold(), Path(name).stem.casefold()):
                return name
        found = ", ".join(self.vaes[:20]) or "nothing"
        raise AquatintError(f"No VAE called '{text}' in {self._vae_folder}. Found: {found}.")

    def vae_file(self, text: str) -> Path | None:
        """The file of a VAE; None for "Automatic" and "None". Raises AquatintError saying what there is."""
        name = self.find_vae(text)
        return None if name in (AUTOMATIC, NONE) else self._vae_folder / name

    def vae_sha256(self, name: str, vae: str = AUTOMATIC) -> str:
        """The hash of the VAE's file that a lease with these words would use; "" for the checkpoint's own."""
        path = self._vae_path(self.find(name), vae)
        return self._facts.sha256(path) if path else ""

    @contextmanager
    def lease(self, name: str, vae: str = AUTOMATIC) -> Iterator[Model]:
        """A model on its device while the block lasts; loaded first if it is not in memory.

        `vae`: a name of `vaes`; "Automatic", the one beside the checkpoint or the checkpoint's own; "None", its own.
        Threads that ask for a checkpoint while it loads wait for that one load, and see its error if it fails.
        Raises AquatintError (CheckpointError) naming what is missing or broken; whatever was loaded stays so.
        """
        checkpoint = self.find(name)
        vae_path = self._vae_path(checkpoint, vae)
        key = _key(checkpoint)
        loaded = self._acquire(key, checkpoint)
        try:
            model = self._model(loaded, checkpoint, vae_path)
            self._to_device(model)
            yield model
        finally:
            self._release(key)

    @contextmanager
    def lease_instead(self, model: Model, name: str, vae: str = AUTOMATIC) -> Iterator[Model]:
        """Another model in the place of a leased one, which waits in RAM meanwhile: a device holds one of them.

        Of the checkpoint that `model` is of, it is `model` itself. Otherwise as `lease`.
        """
        if self.find(name).path == model.checkpoint.path:
            yield model
            return
        model.placement.leave()
        try:
            with self.lease(name, vae) as other:
                try:
                    yield other
                finally:
                    other.placement.leave()
        finally:
            model.placement.enter()

    def unload(self) -> None:
        """Free every model that is not in use."""
        self._free(0)

    def forget(self, model: Model) -> None:
        """Its weights are not what its file says: whoever leases it next has it loaded anew."""
        with self._lock:
            for key, entry in list(self._entries.items()):
                if entry.future.done() and any(each is model for each in entry.future.result().models.values()):
                    entry.spoiled = True
                    if not entry.leases:
                        del self._entries[key]
        release_memory(self.hardware.device)

    def _acquire(self, key: _Key, checkpoint: Checkpoint) -> _Loaded:
        with self._lock:
            entry = self._entries.get(key)
            loads = entry is None
            if entry is None:
                entry = self._entries[key] = _Entry(checkpoint.name)
            entry.leases += 1
            self._entries.move_to_end(key)
        if loads:
            try:
                self._make_room(checkpoint)
                components = load_components(checkpoint, self.hardware)
                entry.future.set_result(_Loaded(components, Placement(self.hardware)))
            except BaseException as error:
                with self._lock:
                    del self._entries[key]
                entry.future.set_exception(error)
                raise
            self._free(self._keep)
        return entry.future.result()

    def _release(self, key: _Key) -> None:
        with self._lock:
            entry = self._entries[key]
            entry.leases -= 1
            if not entry.leases and entry.spoiled:
                del self._entries[key]
            elif not entry.leases:
                entry.future.result().forget_other_vaes()
        self._free(self._keep)

    def _model(self, loaded: _Loaded, checkpoint: Checkpoint, vae_path: Path | None) -> Model:
        with loaded.lock:
            model = loaded.models.pop(vae_path, None)
            if model is None:
                own = loaded.components.vae
                vae = load_vae(vae_path, checkpoint.family, self.hardware) if vae_path else own
                if vae is None:
                    raise CheckpointError(f"{checkpoint.name} holds no VAE. Choose one from {self._vae_folder}.")
                name = vae_path.name if vae_path else None
                model = Model(
                    checkpoint,
                    loaded.components,
                    vae,
                    name,
                    loaded.placement,
                    self.hardware,
                    self._attention,
                    self._embeddings,
                )
            loaded.models[vae_path] = model
            return model

    def _to_device(self, model: Model) -> None:
        """Bring a model to the device; those that nobody uses go back to RAM first."""
        with self._lock:
            idle = [entry for entry in self._entries.values() if not entry.leases and entry.future.done()]
        for entry in idle:
            entry.future.result().placement.leave()
        model.placement.enter()

    def _make_room(self, checkpoint: Checkpoint) -> None:
        """Free what does not work before a load that would not fit beside it; otherwise a failed load costs nothing."""
        needed = 1.25 * _size_on_disk(checkpoint)
        count = len(self._entries)
        if free_memory(torch.device("cpu")).free < needed:
            for free in self.guests:
                free()
        while count > 1 and free_memory(torch.device("cpu")).free < needed:
            count -= 1
            self._free(count)

    def _free(self, keep: int) -> None:
        """Drop idle models, the longest unused first, until so many are left."""
        with self._lock:
            idle = [key for key, entry in self._entries.items() if not entry.leases and entry.future.done()]
            surplus = idle[: max(0, len(self._entries) - keep)]
            dropped = [self._entries.pop(key) for key in surplus]
        if dropped:
            dropped.clear()
            release_memory(self.hardware.device)

    def _vae_path(self, checkpoint: Checkpoint, vae: str) -> Path | None:
        name = self.find_vae(vae)
        if name == NONE:
            return None
        if name != AUTOMATIC:
            return self._vae_folder / name
        beside = (checkpoint.path.with_name(checkpoint.stem + suffix) for suffix in BESIDE)
        named = (self._vae_folder / (checkpoint.stem + suffix) for suffix in BESIDE)
        return next((path for path in (*beside, *named) if path.is_file()), None)


def _key(checkpoint: Checkpoint) -> _Key:
    try:
        found = checkpoint.weights_path.stat()
    except OSError as error:
        raise CheckpointError(f"{checkpoint.name} cannot be opened: {error.strerror or error}.") from None
    return _Key(checkpoint.path, found.st_size, found.st_mtime_ns)


UNKNOWN = 99


def _rank(checkpoint: Checkpoint, word: str) -> int:
    """How good a name the word is: 0 the best, UNKNOWN none. Two checkpoints may share a stem, or all but the case."""
    sha256 = checkpoint.known_sha256 or ""
    without_suffix = checkpoint.name if checkpoint.is_folder else checkpoint.name.rpartition(".")[0]
    names = [checkpoint.name, str(checkpoint.path), without_suffix, checkpoint.stem, sha256, sha256[:10]]
    folded = [name.casefold() for name in names]
    if word in names and word:
        return names.index(word)
    return len(names) + folded.index(word.casefold()) if word.casefold() in folded and word else UNKNOWN


def _size_on_disk(checkpoint: Checkpoint) -> int:
    if not checkpoint.is_folder:
        return checkpoint.path.stat().st_size
    parts = ("unet", "vae", *(row.folder for row in checkpoint.family.encoders))
    return sum(path.stat().st_size for part in parts for path in weights_files(checkpoint.path, part) if path.exists())
