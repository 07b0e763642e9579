"""txt2img and img2img as A1111's REST API has them: a request, its job awaited, its pictures in base64."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import json
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi import Request as HttpRequest
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.studio.gallery import NoSuchPictureError
from modules.studio.infotext import read_infotext
from modules.studio.job import ENDED, Job, SavedImage
from modules.studio.request import Img2Img, Txt2Img
from modules.studio.settings import RESTRICTED_OPTIONS
from modules.studio.version import VERSION
from modules.web.answers import json_answer, refusal
from modules.web.http_extensions import ScriptsAtHand
from modules.web.http_models import (
    Img2ImgPayload,
    PicturePayload,
    Txt2ImgPayload,
    check_features,
    picture_bytes,
    request_of,
    with_infotext,
)
from modules.web.login import owner_of
from modules.web.task_names import TaskNames

LOOKS_EVERY = 0.05
"""Seconds; waiting on the loop costs no thread, however many clients wait."""


class Pictures(BaseModel):
    """The answer of txt2img and img2img."""

    images: list[str]
    """Base64 without a prefix, in the format of the option samples_format; each carries its infotext."""
    parameters: dict[str, Any]
    info: str
    """A JSON object as text."""


def picture_routes(app: App, tasks: TaskNames, scripts: ScriptsAtHand) -> APIRouter:
    """POST txt2img and img2img."""
    router = APIRouter()

    @router.post("/sdapi/v1/txt2img", response_model=Pictures)
    async def txt2img(payload: Txt2ImgPayload, request: HttpRequest) -> Response:
        """Makes pictures from words."""
        return await _make(app, tasks, scripts, payload, owner_of(request.scope))

    @router.post("/sdapi/v1/img2img", response_model=Pictures)
    async def img2img(payload: Img2ImgPayload, request: HttpRequest) -> Response:
        """Makes pictures from pictures and words; with a mask only what is white in it changes."""
        if not payload.init_images:
            raise HTTPException(404, "Init image not found")
        return await _make(app, tasks, scripts, payload, owner_of(request.scope))

    return router


async def _make(app: App, tasks: TaskNames, scripts: ScriptsAtHand, payload: PicturePayload, owner: str) -> Response:
    check_features(payload, scripts)
    ticket = await run_in_threadpool(submit_payload, app, scripts, payload, owner)
    tasks.remember(payload.force_task_id, ticket.job)
    made = MadePictures(app, ticket.job)
    await made.until_ended()
    progress = ticket.job.progress
    if progress.state == "failed":
        return refusal(500, "JobFailed", f"{progress.error} (job {ticket.id})")
    content = {
        "images": made.encoded if payload.send_images else [],
        "parameters": _echo(payload),
        "info": json.dumps(_info(ticket.job, made.images), default=str),
    }
    return await run_in_threadpool(json_answer, content)


def submit_payload(app: App, scripts: ScriptsAtHand, payload: PicturePayload, owner: str) -> Ticket:
    """Queues what a payload asks for. Raises: AquatintError."""
    payload = with_infotext(payload, app.store, app.settings.declared.values())
    pictures: list[str] = []
    named: dict[str, str | None] = {}
    if isinstance(payload, Img2ImgPayload):
        pictures = [app.uploads.add(picture_bytes(text), owner) for text in payload.init_images]
        for name, text in (("mask", payload.mask), ("latent_mask", payload.latent_mask)):
            named[name] = app.uploads.add(picture_bytes(text), owner) if text else None
    if isinstance(payload, Txt2ImgPayload):
        given = payload.firstpass_image if payload.enable_hr else ""
        named["firstpass_image"] = app.uploads.add(picture_bytes(given), owner) if given else None
    request = request_of(payload, scripts, pictures, **named)
    ticket = app.engine.submit(request, owner, app.own_options.of_programs(owner))
    if not payload.override_settings_restore_afterwards:
        kept = {key: value for key, value in payload.override_settings.items() if key not in RESTRICTED_OPTIONS}
        app.own_options.change_for_programs(owner, {key: value for key, value in kept.items() if value is not None})
    return ticket


@dataclass
class MadePictures:
    """The pictures of a job, read as they come: those that are not saved do not stay in memory for ever."""

    app: App
    job: Job
    _read: dict[str, str] = field(default_factory=dict)

    async def until_ended(self) -> None:
        """Waits for the end of the job, and reads its pictures meanwhile."""
        while True:
            ended = self.job.progress.state in ENDED
            await run_in_threadpool(self.collect)
            if ended:
                break
            await asyncio.sleep(LOOKS_EVERY)

    def collect(self) -> None:
        """Reads the pictures that are new."""
        for image in self.images:
            if image.id not in self._read:
                with contextlib.suppress(NoSuchPictureError):  # its owner was quick to delete it
                    data, _ = self.app.gallery.read(image.id, self.job.owner)
                    self._read[image.id] = base64.b64encode(data).decode()

    @property
    def images(self) -> list[SavedImage]:
        """The grid first, as A1111 has it."""
        progress = self.job.progress
        return [*([progress.grid] if progress.grid else []), *progress.images]

    @property
    def encoded(self) -> list[str]:
        return [self._read[image.id] for image in self.images if image.id in self._read]


def _echo(payload: PicturePayload) -> dict[str, Any]:
    """The request as it was understood, without its pictures unless they are asked for."""
    echo = payload.model_dump()
    if isinstance(payload, Img2ImgPayload) and not payload.include_init_images:
        echo |= {"init_images": None, "mask": None, "latent_mask": None}
    return echo


def _info(job: Job, images: list[SavedImage]) -> dict[str, Any]:
    """A1111's `info`: every key, also of a job that was interrupted before its first picture."""
    request, options, grid = job.request, job.options, job.progress.grid
    facts = read_infotext(images[0].infotext).params if images else {}
    seeds, subseeds = job.seeds or [request.seed], job.subseeds or [request.subseed]
    prompts, negatives = job.prompts or [request.prompt], job.negative_prompts or [request.negative_prompt]
    return {
        "prompt": prompts[0],
        "all_prompts": prompts,
        "negative_prompt": negatives[0],
        "all_negative_prompts": negatives,
        "seed": seeds[0],
        "all_seeds": seeds,
        "subseed": subseeds[0],
        "all_subseeds": subseeds,
        "subseed_strength": request.subseed_strength,
        "width": request.width,
        "height": request.height,
        "sampler_name": request.sampler_name,
        "cfg_scale": request.cfg_scale,
        "steps": request.steps,
        "batch_size": request.batch_size,
        "restore_faces": bool(request.restore_faces),
        "face_restoration_model": options.face_restoration_model if request.restore_faces else None,
        "sd_model_name": facts.get("Model", options.sd_model_checkpoint),
        "sd_model_hash": facts.get("Model hash"),
        "sd_vae_name": facts.get("VAE"),
        "sd_vae_hash": facts.get("VAE hash"),
        "seed_resize_from_w": request.seed_resize_from_w,
        "seed_resize_from_h": request.seed_resize_from_h,
        "denoising_strength": request.denoising_strength if isinstance(request, Img2Img | Txt2Img) else None,
        "extra_generation_params": job.further_entries(0),
        "index_of_first_image": 1 if grid else 0,
        "infotexts": [image.infotext for image in images],
        "styles": list(request.styles),
        "job_timestamp": datetime.datetime.now().astimezone().strftime("%Y%m%d%H%M%S"),
        "clip_skip": options.CLIP_stop_at_last_layers,
        "is_using_inpainting_conditioning": False,
        "version": f"Aquatint {VERSION}",
    } | ({"comments": list(job.progress.comments)} if job.progress.comments else {})
