"""The routes that A1111's own page asks, which other programs have come to ask too."""

from __future__ import annotations

import base64
import datetime
import json
import platform
from importlib import metadata
from typing import Any

import torch
from fastapi import APIRouter
from fastapi import Request as HttpRequest
from starlette.responses import Response

from modules.diffusion.hardware import free_memory
from modules.studio.app import App
from modules.studio.job import ENDED, Job
from modules.studio.option_rows import option_rows
from modules.studio.version import VERSION
from modules.web.answers import json_answer
from modules.web.http_api import public_flags
from modules.web.http_models import Payload
from modules.web.login import owner_of
from modules.web.task_names import TaskNames


class ProgressPayload(Payload):
    """POST /internal/progress."""

    id_task: str = ""
    id_live_preview: int = -1
    live_preview: bool = True


def internal_routes(app: App, tasks: TaskNames) -> APIRouter:
    """Everything below /internal."""
    router = APIRouter()
    _add_tasks(router, app, tasks)
    _add_facts(router, app)
    return router


def _add_tasks(router: APIRouter, app: App, tasks: TaskNames) -> None:
    @router.post("/internal/progress")
    def progress(payload: ProgressPayload, request: HttpRequest) -> Response:
        """How far one of one's own jobs is, by the name it was given."""
        job = tasks.find(payload.id_task, owner_of(request.scope))
        line = app.queue.line()
        return json_answer(_told(job, payload, line.index(job.id) if job and job.id in line else None, len(line)))

    @router.get("/internal/pending-tasks")
    def pending_tasks(request: HttpRequest) -> Response:
        """The names of one's own jobs that wait."""
        owner = owner_of(request.scope)
        waiting = [job for job in map(app.engine.job, app.queue.line()) if job is not None and job.owner == owner]
        return json_answer({"size": len(waiting), "tasks": [tasks.name_of(job) for job in waiting]})

    @router.get("/internal/ping")
    def ping() -> dict[str, Any]:
        """That the server is there."""
        return {}


def _told(job: Job | None, payload: ProgressPayload, place: int | None, waiting: int) -> dict[str, Any]:
    """A job that neither runs, waits nor has ended is one that nobody knows."""
    now = job.progress if job is not None else None
    active = now is not None and now.state == "running"
    told: dict[str, Any] = {
        "active": active,
        "queued": now is not None and now.state == "queued",
        "completed": now is not None and now.state in ENDED,
        "progress": None,
        "eta": None,
        "live_preview": None,
        "id_live_preview": -1,
        "textinfo": None if now is not None and now.state in ENDED else "Waiting...",
    }
    if place is not None:
        told["textinfo"] = f"In queue: {place + 1}/{waiting}"
    if now is None or not active:
        return told
    told.update(progress=now.fraction, eta=now.eta, textinfo=now.stage or None, id_live_preview=payload.id_live_preview)
    if payload.live_preview and now.preview and now.preview_id != payload.id_live_preview:
        uri = "data:image/jpeg;base64," + base64.b64encode(now.preview).decode()
        told.update(live_preview=uri, id_live_preview=now.preview_id)
    return told


def _add_facts(router: APIRouter, app: App) -> None:
    @router.get("/internal/quicksettings-hint")
    def quicksettings_hint() -> list[dict[str, str]]:
        """The names of the options, and what the Settings page calls them."""
        return [{"name": row.name, "label": row.label} for row in option_rows()]

    @router.get("/internal/profile-startup")
    def profile_startup() -> dict[str, Any]:
        """Empty: the log says how long the start took."""
        return {"total": 0, "records": {}}

    @router.get("/internal/sysinfo")
    def sysinfo(request: HttpRequest, attachment: bool = False) -> Response:
        """What a report of a fault should say: the machine, the flags without secrets, the options."""
        name = f"sysinfo-{datetime.datetime.now().astimezone():%Y-%m-%d-%H-%M}.json"
        headers = {"Content-Disposition": f'{"attachment" if attachment else "inline"}; filename="{name}"'}
        text = json.dumps(_facts(app, owner_of(request.scope)), indent=4)
        return Response(text, media_type="text/plain", headers=headers)

    @router.get("/internal/sysinfo-download")
    def sysinfo_download(request: HttpRequest) -> Response:
        """The same as a file."""
        return sysinfo(request, attachment=True)


def _facts(app: App, owner: str) -> dict[str, Any]:
    ram = free_memory(torch.device("cpu"))
    packages = {name: found.version for found in metadata.distributions() if (name := found.metadata["Name"])}
    return {
        "Platform": platform.platform(),
        "Python": platform.python_version(),
        "Version": f"Aquatint {VERSION}",
        "Commandline": public_flags(app.flags),
        "Torch": torch.__version__,
        "Device": str(app.hardware.device),
        "Attention": app.attention.name,
        "CPU": {"model": platform.processor() or platform.machine()},
        "RAM": {"total": ram.total, "free": ram.free},
        "Extensions": [],
        "Config": app.own_options.of_programs(owner).model_dump(),
        "Packages": [f"{name}=={packages[name]}" for name in sorted(packages, key=str.casefold)],
    }
