"""The parts of the studio, opened together: what pages, routes and extensions are handed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from modules.diffusion.attention import Attention, choose_attention, hide_xformers_without_cuda
from modules.diffusion.embedding_files import EmbeddingFolder
from modules.diffusion.file_facts import FileFacts
from modules.diffusion.forecast import Forecasts
from modules.diffusion.hardware import Hardware, probe
from modules.diffusion.lora_files import LoraFolder
from modules.diffusion.store import ModelStore
from modules.studio.command_line import Flags
from modules.studio.embeddings import Embeddings
from modules.studio.engine import Engine
from modules.studio.face_restoring import CODEFORMER, GFPGAN, FaceRestorers
from modules.studio.folders import Folders, find_folders
from modules.studio.forms import Forms
from modules.studio.gallery import Gallery
from modules.studio.hooks import Hooks
from modules.studio.hypernetworks import Hypernetworks
from modules.studio.keepsakes import Keepsakes
from modules.studio.live_preview import LivePreview
from modules.studio.loras import Loras
from modules.studio.own_options import OwnOptions
from modules.studio.queue import DataLock, Queue
from modules.studio.request import read_request
from modules.studio.restore_faces import RestoreFaces
from modules.studio.settings import Settings
from modules.studio.styles import Styles
from modules.studio.uploads import Uploads
from modules.studio.upscaling import Upscalers
from modules.studio.wildcards import WildcardFolder, Wildcards

UPLOADS_ARE_KEPT = 24 * 60 * 60
"""Seconds; longer while a form shows them or a job needs them."""


class App(NamedTuple):
    """Everything there is one of."""

    flags: Flags
    folders: Folders
    settings: Settings
    own_options: OwnOptions
    styles: Styles
    hardware: Hardware
    attention: Attention
    store: ModelStore
    loras: LoraFolder
    embeddings: EmbeddingFolder
    wildcards: WildcardFolder
    upscalers: Upscalers
    faces: FaceRestorers
    queue: Queue
    gallery: Gallery
    uploads: Uploads
    forms: Forms
    engine: Engine
    forecasts: Forecasts
    facts: FileFacts
    """Hashes of the networks that have no list of their own: upscalers, restorers, hypernetworks."""
    lock: DataLock

    def close(self) -> None:
        """Ends the running job within a step (it is queued again), frees the models and the data folder."""
        if self.engine.stop():
            self.store.unload()
            self.upscalers.free()
            self.faces.free()
        self.folders.empty_exchange()
        self.lock.release()


def open_app(
    flags: Flags,
    report: Callable[[str], None] = lambda text: None,
    hooks: Callable[[App], Sequence[Hooks]] = lambda app: (),
) -> App:
    """Opens the data folder and starts the engine; `report` hears what is being done.

    `hooks` is asked, before any job is begun, for those that come after our own.
    Raises: AquatintError when another server holds the data folder, or a folder cannot be written.
    """
    folders = find_folders(flags)
    folders.make()
    lock = DataLock(folders.state)
    report("settings and gallery")
    settings, styles = Settings(folders.config), Styles(folders.styles)
    gallery = Gallery(folders.state / "gallery.db", folders)
    uploads = Uploads(folders.state / "uploads")
    queue, forms = Queue(folders.state / "queue.db"), Forms(folders.state / "forms.db")
    own_options = OwnOptions(settings, forms)
    _tidy(folders, queue, gallery, uploads, forms)
    report("the device")
    hardware, attention = _device(flags)
    report("checkpoints")
    embeddings = EmbeddingFolder([folders.embeddings], folders.state / "embeddings.json")
    keep, cache = settings.options.sd_checkpoints_limit, folders.state / "hashes.json"
    store = ModelStore(folders.checkpoints, folders.vae, hardware, attention, keep, cache, embeddings)
    loras = LoraFolder([folders.lora, folders.models / "LyCORIS"], folders.state / "loras.json")
    wildcards, facts = WildcardFolder(folders.wildcards), FileFacts(folders.state / "networks.json")
    upscalers, faces = _networks_for_pictures(flags, folders, hardware, facts)
    keepsakes = Keepsakes(gallery, uploads, folders)
    own = [*_own_hooks(folders, store, loras, embeddings, wildcards, facts), keepsakes, RestoreFaces(faces)]
    store.guests += [upscalers.free, faces.free]
    engine = Engine(queue, store, gallery, uploads, own_options, styles, upscalers, faces, own)
    app = App(
        flags,
        folders,
        settings,
        own_options,
        styles,
        hardware,
        attention,
        store,
        loras,
        embeddings,
        wildcards,
        upscalers,
        faces,
        queue,
        gallery,
        uploads,
        forms,
        engine,
        Forecasts(hardware, attention),
        facts,
        lock,
    )
    engine.hooks += hooks(app)
    engine.start()
    return app


def _device(flags: Flags) -> tuple[Hardware, Attention]:
    hide_xformers_without_cuda()
    hardware = probe(flags.device, no_half=flags.no_half, offload=flags.offload)
    return hardware, choose_attention(hardware, flags.attention)


def _networks_for_pictures(
    flags: Flags, folders: Folders, hardware: Hardware, facts: FileFacts
) -> tuple[Upscalers, FaceRestorers]:
    others = (flags.esrgan_models_path, flags.realesrgan_models_path, flags.dat_models_path)
    instead = {GFPGAN: flags.gfpgan_models_path, CODEFORMER: flags.codeformer_models_path}
    faces = FaceRestorers(folders.models, hardware, instead, facts)
    return Upscalers(folders.models, hardware, others, facts), faces


def _own_hooks(
    folders: Folders,
    store: ModelStore,
    loras: LoraFolder,
    embeddings: EmbeddingFolder,
    wildcards: WildcardFolder,
    facts: FileFacts,
) -> list[Hooks]:
    """In their order: words are drawn before anything is looked for in them."""
    hypernetworks = Hypernetworks(folders.hypernetworks, facts)
    return [LivePreview(), Wildcards(wildcards), Loras(loras), Embeddings(embeddings, store), hypernetworks]


def _tidy(folders: Folders, queue: Queue, gallery: Gallery, uploads: Uploads, forms: Forms) -> None:
    """Takes away what a kill or a crash left half done, and what nobody needs any more."""
    folders.empty_exchange()
    gallery.recover()
    queue.recover()
    queue.prune()
    needed = {
        picture
        for row in queue.rows(states=("queued",), limit=None)
        for picture in read_request(row.kind, json.loads(row.request)).uploads()
    }
    uploads.sweep(needed | forms.words(), UPLOADS_ARE_KEPT)
