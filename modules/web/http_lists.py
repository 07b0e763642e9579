"""The lists of A1111's REST API: what there is to choose from, in the shapes that its clients read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter

from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.embedding_files import EmbeddingFile
from modules.diffusion.embeddings import NOTES
from modules.diffusion.errors import AquatintError
from modules.diffusion.hypernetworks import find_hypernetworks
from modules.diffusion.latent_upscaling import LATENT_UPSCALERS
from modules.diffusion.samplers import SAMPLERS
from modules.diffusion.sigmas import SCHEDULES
from modules.studio.app import App
from modules.studio.folders import Folders
from modules.studio.resolve import checkpoint_name

PREFIX = "/sdapi/v1"


def list_routes(app: App) -> APIRouter:
    """The lists, and the routes that look for new files."""
    router = APIRouter(prefix=PREFIX)
    _add_files(router, app)
    _add_loras(router, app)
    _add_embeddings(router, app)
    _add_samplers(router)
    _add_others(router, app)
    return router


def _add_files(router: APIRouter, app: App) -> None:
    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        """The checkpoints; the title is what the option sd_model_checkpoint shows."""
        return [_model(app.folders, checkpoint) for checkpoint in app.store.checkpoints]

    @router.get("/sd-vae")
    @router.get("/sd-modules")
    def sd_vae() -> list[dict[str, Any]]:
        """The VAEs, also by the name that Forge has for the list."""
        folder = app.folders.vae
        return [{"model_name": name, "filename": _shown_path(app.folders, folder / name)} for name in app.store.vaes]

    @router.post("/refresh-checkpoints")
    @router.post("/refresh-vae")
    def refresh() -> None:
        """Looks for new files."""
        app.store.refresh()
        app.upscalers.refresh()


def _add_loras(router: APIRouter, app: App) -> None:
    folder = app.loras

    @router.get("/loras")
    def loras() -> list[dict[str, Any]]:
        """The LoRA files, with what training wrote into them."""
        found = [
            {
                "name": file.name,
                "alias": folder.alias(file),
                "path": _shown_path(app.folders, file.path),
                "metadata": folder.metadata(file),
            }
            for file in folder.files.values()
        ]
        folder.save()
        return found

    @router.get("/hypernetworks")
    def hypernetworks() -> list[dict[str, Any]]:
        """The hypernetwork files."""
        found = find_hypernetworks(app.folders.hypernetworks)
        return [{"name": name, "path": _shown_path(app.folders, path)} for name, path in found.items()]

    @router.post("/refresh-loras")
    def refresh() -> None:
        """Looks for new files."""
        folder.refresh()


def _add_embeddings(router: APIRouter, app: App) -> None:
    folder = app.embeddings

    @router.get("/embeddings")
    def embeddings() -> dict[str, dict[str, Any]]:
        """The textual inversions that the chosen checkpoint understands, and the others."""
        try:
            widths = app.store.find(checkpoint_name(app.settings.options, app.store)).text_widths
        except AquatintError:
            widths = ()
        loaded = {file.name: _embedding(file) for file in folder.fitting(widths)}
        skipped = {file.name: _embedding(file) for file in folder.files.values() if file.name not in loaded}
        return {"loaded": loaded, "skipped": skipped}

    @router.post("/refresh-embeddings")
    def refresh() -> None:
        """Looks for new files."""
        folder.refresh()


def _embedding(file: EmbeddingFile) -> dict[str, Any]:
    written = {name: file.notes.get(name) for name in NOTES}
    return {**written, "shape": sum(file.widths), "vectors": file.tokens}


def _add_samplers(router: APIRouter) -> None:
    @router.get("/samplers")
    def samplers() -> list[dict[str, Any]]:
        """The samplers, and the scheduler that each takes by itself."""
        return [
            {"name": row.name, "aliases": list(row.aliases), "options": {"scheduler": row.default_schedule.lower()}}
            for row in SAMPLERS.values()
        ]

    @router.get("/schedulers")
    def schedulers() -> list[dict[str, Any]]:
        """The schedule types."""
        known = [("automatic", "Automatic", ()), *((row.id, row.label, row.aliases) for row in SCHEDULES.values())]
        return [
            {
                "name": name,
                "label": label,
                "aliases": list(aliases) or None,
                "default_rho": 7.0 if name == "karras" else -1.0,
                "need_inner_model": False,
            }
            for name, label, aliases in known
        ]


def _add_others(router: APIRouter, app: App) -> None:
    @router.get("/latent-upscale-modes")
    def latent_upscale_modes() -> list[dict[str, str]]:
        """What hires fix can do without leaving latent space."""
        return [{"name": name} for name in LATENT_UPSCALERS]

    @router.get("/upscalers")
    def upscalers() -> list[dict[str, Any]]:
        """None, which clients expect to come first, what needs no model, and the networks in models/."""
        app.upscalers.refresh()
        return [
            {
                "name": row.name,
                "model_name": row.path.stem if row.path else None,
                "model_path": _shown_path(app.folders, row.path) if row.path else None,
                "model_url": None,
                "scale": 4,
            }
            for row in app.upscalers.rows
        ]

    @router.get("/face-restorers")
    def face_restorers() -> list[dict[str, str]]:
        """Those that there is a file for."""
        rows = (app.faces.find_file(name) for name in app.faces.names())
        return [{"name": row.name, "cmd_dir": _shown_path(app.folders, row.path.parent)} for row in rows]

    @router.get("/realesrgan-models")
    def realesrgan_models() -> list[dict[str, Any]]:
        """The networks in models/RealESRGAN."""
        own = (row for row in app.upscalers.rows if row.path and "RealESRGAN" in row.path.parts)
        return [{"name": row.name, "path": _shown_path(app.folders, row.path), "scale": 4} for row in own if row.path]

    @router.get("/prompt-styles")
    def prompt_styles() -> list[dict[str, str]]:
        """The styles of styles.csv."""
        return [
            {"name": name, "prompt": style.prompt, "negative_prompt": style.negative_prompt}
            for name, style in app.styles.all().items()
        ]


def _model(folders: Folders, checkpoint: Checkpoint) -> dict[str, Any]:
    sha256 = checkpoint.known_sha256
    return {
        "title": checkpoint.title,
        "model_name": checkpoint.stem,
        "hash": sha256[:10] if sha256 else None,
        "sha256": sha256,
        "filename": _shown_path(folders, checkpoint.path),
        "config": None,
    }


def _shown_path(folders: Folders, path: Path) -> str:
    """Relative to the data folder where it can be: where that lies is nobody's business."""
    data = folders.data
    return path.relative_to(data).as_posix() if path.is_relative_to(data) else path.name
