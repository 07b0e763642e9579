"""A1111's REST API for what runs: progress and interrupting, options and flags, memory and what is in it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from fastapi import APIRouter
from fastapi import Request as HttpRequest
from starlette.responses import Response

from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.errors import AquatintError
from modules.diffusion.hardware import free_memory, resident_memory
from modules.studio.app import App
from modules.studio.command_line import Flags, rows
from modules.studio.job import Job
from modules.studio.request import RequestError
from modules.studio.resolve import checkpoint_name
from modules.studio.settings import Options
from modules.studio.validation import accepted_part
from modules.web.answers import json_answer
from modules.web.login import owner_of

PREFIX = "/sdapi/v1"
SECRETS = ("gradio_auth", "api_auth", "gradio_auth_path", "tls_keyfile")


def api_routes(app: App) -> APIRouter:
    """What runs, and what it runs with."""
    router = APIRouter(prefix=PREFIX)
    _add_progress(router, app)
    _add_options(router, app)
    _add_checkpoints(router, app)
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
    def options(request: HttpRequest) -> dict[str, Any]:
        """Every option, as the caller has it."""
        present = app.own_options.of_programs(owner_of(request.scope))
        chosen = _chosen(app, present)
        values = present.model_dump()
        if chosen is not None:
            values |= {"sd_model_checkpoint": chosen.title, "sd_checkpoint_hash": chosen.known_sha256 or ""}
        return values

    @router.post("/options")
    def set_options(values: dict[str, Any], request: HttpRequest) -> None:
        """Changes options, for the caller's jobs that are sent from now on. Unknown keys are ignored."""
        owner = owner_of(request.scope)
        present = app.own_options.of_programs(owner)
        wanted = {key: value for key, value in values.items() if key in Options.model_fields and value is not None}
        if "sd_model_checkpoint" in wanted:
            _name_checkpoint(app, present, wanted)
        _, refused = accepted_part(Options, {**present.model_dump(), **wanted})
        problems = [f"{key}: {reason}" for key, reason in refused.items()] or app.own_options.change_for_programs(
            owner, wanted
        )
        if problems:
            raise RequestError("; ".join(problems))
        app.store.keep = app.settings.options.sd_checkpoints_limit

    @router.get("/cmd-flags")
    def cmd_flags() -> dict[str, Any]:
        """What the server was started with, without the secrets."""
        return public_flags(app.flags)

    @router.get("/memory")
    def memory() -> dict[str, Any]:
        """Bytes of RAM, and of the GPU if there is one."""
        machine = free_memory(torch.device("cpu"))
        ram = {"free": machine.free, "used": resident_memory(), "total": machine.total}
        if app.hardware.device.type != "cuda":
            return {"ram": ram, "cuda": {"error": "unavailable"}}
        gpu = free_memory(app.hardware.device)
        system = {"free": gpu.free, "used": gpu.total - gpu.free, "total": gpu.total}
        return {"ram": ram, "cuda": {"system": system, **cuda_memory(torch.cuda.memory_stats(app.hardware.device))}}


def public_flags(flags: Flags) -> dict[str, Any]:
    """The flags as JSON can say them, without the secrets."""
    values = {row.name: getattr(flags, row.name) for row in rows() if row.name not in SECRETS}
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def cuda_memory(stats: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """torch's counters under A1111's names."""
    kinds = {"active": "active", "allocated": "allocated", "reserved": "reserved", "inactive": "inactive_split"}
    told = {
        name: {"current": stats.get(f"{kind}_bytes.all.current", 0), "peak": stats.get(f"{kind}_bytes.all.peak", 0)}
        for name, kind in kinds.items()
    }
    return {**told, "events": {"retries": stats.get("num_alloc_retries", 0), "oom": stats.get("num_ooms", 0)}}


def _name_checkpoint(app: App, present: Options, wanted: dict[str, Any]) -> None:
    """A title becomes a name; the one that is in use anyway is no change.

    Raises: AquatintError when there is no such checkpoint.
    """
    name = app.store.find(str(wanted["sd_model_checkpoint"])).name
    chosen = _chosen(app, present)
    if chosen is not None and chosen.name == name:
        del wanted["sd_model_checkpoint"]
    else:
        wanted["sd_model_checkpoint"] = name


def _add_checkpoints(router: APIRouter, app: App) -> None:
    @router.post("/unload-checkpoint")
    def unload() -> dict[str, Any]:
        """Frees the memory of models that are not in use."""
        app.store.unload()
        return {}

    @router.post("/reload-checkpoint")
    def reload(request: HttpRequest) -> dict[str, Any]:
        """Loads the chosen checkpoint before the first picture needs it."""
        options = app.own_options.of_programs(owner_of(request.scope))
        with app.store.lease(checkpoint_name(options, app.store), options.sd_vae):
            return {}


def _chosen(app: App, options: Options) -> Checkpoint | None:
    """The checkpoint that a job without wishes would use; None when there is none, or the chosen one is gone."""
    try:
        return app.store.find(checkpoint_name(options, app.store))
    except AquatintError:
        return None
