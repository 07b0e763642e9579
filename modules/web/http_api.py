"""The rest of A1111's REST API: progress and interrupting, options, lists of what there is, PNG info."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from fastapi import APIRouter
from fastapi import Request as HttpRequest
from starlette.responses import Response

from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.errors import AquatintError
from modules.diffusion.hardware import free_memory, resident_memory
from modules.diffusion.samplers import SAMPLERS
from modules.diffusion.sigmas import SCHEDULES
from modules.studio.app import App
from modules.studio.command_line import rows
from modules.studio.image_files import read_texts
from modules.studio.infotext import read_infotext
from modules.studio.job import Job
from modules.studio.request import RequestError
from modules.studio.resolve import checkpoint_name
from modules.studio.settings import Options
from modules.studio.validation import accepted_part
from modules.web.answers import json_answer
from modules.web.http_models import PngInfoPayload, picture_bytes
from modules.web.login import owner_of

PREFIX = "/sdapi/v1"
SECRETS = ("gradio_auth", "api_auth", "gradio_auth_path", "tls_keyfile")
NOTHING: Mapping[str, object] = {
    "latent-upscale-modes": [],
    "scripts": {"txt2img": [], "img2img": []},
    "script-info": [],
    "embeddings": {"loaded": {}, "skipped": {}},
    "loras": [],
    "hypernetworks": [],
    "face-restorers": [],
    "realesrgan-models": [],
    "extensions": [],
}
"""Lists that clients ask for at their start, of things that this version has none of."""


def api_routes(app: App) -> APIRouter:
    """Everything below /sdapi/v1 but txt2img and img2img."""
    router = APIRouter(prefix=PREFIX)
    _add_progress(router, app)
    _add_options(router, app)
    _add_checkpoints(router, app)
    _add_lists(router, app)
    return router


def _add_progress(router: APIRouter, app: App) -> None:
    @router.get("/progress")
    def progress(request: HttpRequest, skip_current_image: bool = False) -> Response:
        """How far the running job is, if it is one's own; zeros when nothing runs."""
        owner = owner_of(request.scope)
        running = app.engine.running
        job = running if running is not None and running.owner == owner else None
        waiting = sum(other is not None and other.owner == owner for other in map(app.engine.job, app.queue.line()))
        return json_answer(_progress(job, waiting, skip_current_image))

    @router.post("/interrupt")
    def interrupt(request: HttpRequest) -> dict[str, Any]:
        """Ends one's own running job; what it has finished is kept, and txt2img answers with it."""
        running = app.engine.running
        if running is not None:
            app.engine.interrupt(running.id, owner_of(request.scope))
        return {}

    @router.post("/skip")
    def skip(request: HttpRequest) -> None:
        """Ends the running batch of one's own job and goes on with the next."""
        running = app.engine.running
        if running is not None:
            app.engine.skip(running.id, owner_of(request.scope))


def _progress(job: Job | None, waiting: int, skip_image: bool) -> dict[str, Any]:
    now = job.progress if job is not None else None
    preview = now.preview if now and not skip_image else None
    return {
        "progress": now.fraction if now else 0.0,
        "eta_relative": (now.eta or 0.0) if now else 0.0,
        "state": {
            "skipped": job.skipped if job else False,
            "interrupted": job.interrupted if job else False,
            "stopping_generation": job.interrupted if job else False,
            "job": f"Batch {now.batch + 1} out of {max(1, now.batches)}" if now else "",
            "job_count": max(1, now.batches) if now else min(1, waiting),
            "job_timestamp": job.id if job else "0",
            "job_no": now.batch if now else 0,
            "sampling_step": now.step if now else 0,
            "sampling_steps": now.steps if now else 0,
        },
        "current_image": base64.b64encode(preview).decode() if preview else None,
        "textinfo": now.stage if now else (f"In queue: {waiting} waiting" if waiting else None),
    }


def _add_options(router: APIRouter, app: App) -> None:
    @router.get("/options")
    def options() -> dict[str, Any]:
        """Every option of the server."""
        chosen = _chosen(app)
        values = app.settings.options.model_dump()
        if chosen is not None:
            values |= {"sd_model_checkpoint": chosen.title, "sd_checkpoint_hash": chosen.known_sha256 or ""}
        return values

    @router.post("/options")
    def set_options(values: dict[str, Any]) -> None:
        """Changes options, for jobs that are sent from now on. Unknown keys are ignored."""
        wanted = {key: value for key, value in values.items() if key in Options.model_fields and value is not None}
        if "sd_model_checkpoint" in wanted:
            _name_checkpoint(app, wanted)
        _, refused = accepted_part(Options, {**app.settings.options.model_dump(), **wanted})
        problems = [f"{key}: {reason}" for key, reason in refused.items()] or app.settings.change(wanted)
        if problems:
            raise RequestError("; ".join(problems))
        app.store.keep = app.settings.options.sd_checkpoints_limit

    @router.get("/cmd-flags")
    def cmd_flags() -> dict[str, Any]:
        """What the server was started with, without the secrets."""
        flags = {row.name: getattr(app.flags, row.name) for row in rows() if row.name not in SECRETS}
        return {name: str(value) if isinstance(value, Path) else value for name, value in flags.items()}

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        """Bytes of RAM, and of the GPU if there is one."""
        machine = free_memory(torch.device("cpu"))
        ram = {"free": machine.free, "used": resident_memory(), "total": machine.total}
        if app.hardware.device.type != "cuda":
            return {"ram": ram, "cuda": {"error": "unavailable"}}
        gpu = free_memory(app.hardware.device)
        return {"ram": ram, "cuda": {"system": {"free": gpu.free, "used": gpu.total - gpu.free, "total": gpu.total}}}


def _name_checkpoint(app: App, wanted: dict[str, Any]) -> None:
    """A title becomes a name; the one that is in use anyway is no change.

    Raises: AquatintError when there is no such checkpoint.
    """
    name = app.store.find(str(wanted["sd_model_checkpoint"])).name
    chosen = _chosen(app)
    if chosen is not None and chosen.name == name:
        del wanted["sd_model_checkpoint"]
    else:
        wanted["sd_model_checkpoint"] = name


def _add_checkpoints(router: APIRouter, app: App) -> None:
    @router.get("/sd-models")
    def sd_models() -> list[dict[str, Any]]:
        """The checkpoints; the title is what the option sd_model_checkpoint shows."""
        return [_model(app, checkpoint) for checkpoint in app.store.checkpoints]

    @router.get("/sd-vae")
    @router.get("/sd-modules")
    def sd_vae() -> list[dict[str, Any]]:
        """The VAEs, also by the name that Forge has for the list."""
        folder = app.folders.vae
        return [{"model_name": name, "filename": _shown_path(app, folder / name)} for name in app.store.vaes]

    @router.post("/refresh-checkpoints")
    @router.post("/refresh-vae")
    def refresh() -> None:
        """Looks for new files."""
        app.store.refresh()

    @router.post("/unload-checkpoint")
    def unload() -> dict[str, Any]:
        """Frees the memory of models that are not in use."""
        app.store.unload()
        return {}

    @router.post("/reload-checkpoint")
    def reload() -> dict[str, Any]:
        """Loads the chosen checkpoint before the first picture needs it."""
        with app.store.lease(checkpoint_name(app.settings.options, app.store), app.settings.options.sd_vae):
            return {}


def _add_lists(router: APIRouter, app: App) -> None:
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

    @router.get("/upscalers")
    def upscalers() -> list[dict[str, Any]]:
        """None, which clients expect to come first."""
        return [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 4.0}]

    @router.get("/prompt-styles")
    def prompt_styles() -> list[dict[str, str]]:
        """The styles of styles.csv."""
        return [
            {"name": name, "prompt": style.prompt, "negative_prompt": style.negative_prompt}
            for name, style in app.styles.all().items()
        ]

    @router.post("/png-info")
    def png_info(payload: PngInfoPayload) -> dict[str, Any]:
        """What is written in a picture."""
        items = read_texts(picture_bytes(payload.image)) if payload.image.strip() else {}
        info = items.get("parameters", "")
        return {"info": info, "items": items, "parameters": _parameters(info)}

    for name, content in NOTHING.items():
        router.add_api_route(f"/{name}", _constantly(content), name=name)


def _constantly(content: object) -> Callable[[], object]:
    def answer() -> object:
        """Empty in this version."""
        return content

    return answer


def _chosen(app: App) -> Checkpoint | None:
    """The checkpoint that a job without wishes would use; None when there is none, or the chosen one is gone."""
    try:
        return app.store.find(checkpoint_name(app.settings.options, app.store))
    except AquatintError:
        return None


def _model(app: App, checkpoint: Checkpoint) -> dict[str, Any]:
    sha256 = checkpoint.known_sha256
    return {
        "title": checkpoint.title,
        "model_name": checkpoint.stem,
        "hash": sha256[:10] if sha256 else None,
        "sha256": sha256,
        "filename": _shown_path(app, checkpoint.path),
        "config": None,
    }


def _shown_path(app: App, path: Path) -> str:
    """Relative to the data folder where it can be: where that lies is nobody's business."""
    data = app.folders.data
    return path.relative_to(data).as_posix() if path.is_relative_to(data) else path.name


def _parameters(infotext: str) -> dict[str, str]:
    """As A1111 takes an infotext apart: the prompts are entries too, and sizes come as two numbers."""
    parts = read_infotext(infotext)
    found = {"Prompt": parts.prompt, "Negative prompt": parts.negative_prompt}
    for key, value in parts.params.items():
        size = re.fullmatch(r"(\d+)x(\d+)", value)
        found |= {f"{key}-1": size[1], f"{key}-2": size[2]} if size else {key: value}
    return found
