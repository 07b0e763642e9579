"""What the pages ask about the owner's jobs and pictures, and what they may do with them; JSON both ways."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modules.studio.app import App
from modules.studio.image_files import read_parameters
from modules.studio.infotext import read_infotext, to_request_values
from modules.studio.job import ENDED, LOCAL, Job, Progress, SavedImage
from modules.studio.merger import merged_file
from modules.studio.queue import QueueRow
from modules.studio.request import FolderBatch, RequestError
from modules.web.answers import json_answer, read_object, refusal
from modules.web.images import ALWAYS, read_picture
from modules.web.login import owner_of

SHOWN_WAITING = 50
SHOWN_ENDED = 12
SHOWN_IMAGES = 100
"""Of one job, the newest."""
PAGE = 60
LARGEST_PAGE = 500


def routes(app: App) -> list[Route]:
    """The routes below /aquatint/ that are not pictures."""
    jobs = JobRoutes(app)
    return [
        Route("/aquatint/state", jobs.state, methods=["GET"]),
        Route("/aquatint/jobs/{id}/preview", jobs.preview, methods=["GET"]),
        Route("/aquatint/jobs/{id}/move", jobs.move, methods=["POST"]),
        Route("/aquatint/jobs/{id}/{verb:str}", jobs.act, methods=["POST"]),
        Route("/aquatint/queue/{verb:str}", jobs.pause, methods=["POST"]),
        Route("/aquatint/gallery", jobs.gallery, methods=["GET"]),
        Route("/aquatint/png-info", png_info, methods=["POST"]),
    ]


class JobRoutes:
    """Every answer is about the owner's own; of others only how many there are."""

    def __init__(self, app: App) -> None:
        self.app = app

    def state(self, request: Request) -> Response:
        """The owner's jobs: the running one, those that wait, those that ended last; with a login, whose."""
        owner = owner_of(request.scope)
        engine, queue = self.app.engine, self.app.queue
        line = queue.line()
        running = engine.running
        waiting = [(place, job) for place, id in enumerate(line) if (job := engine.job(id)) is not None]
        shown = [_shown(running, 0)] if running is not None and running.owner == owner else []
        shown += [_shown(job, place + (running is not None)) for place, job in waiting if job.owner == owner][
            :SHOWN_WAITING
        ]
        known = {job["id"] for job in shown}
        ended = queue.rows(owner, states=ENDED, limit=SHOWN_ENDED, by="ended")
        shown += [self._shown_row(row) for row in ended if row.id not in known]
        others = sum(job.owner != owner for _, job in waiting) + (running is not None and running.owner != owner)
        login = None if owner == LOCAL else owner
        return json_answer({"jobs": shown, "paused": queue.paused, "others": others, "login": login})

    def preview(self, request: Request) -> Response:
        """The newest live preview of a running job, a JPEG."""
        job = self.app.engine.job(request.path_params["id"])
        preview = job.progress.preview if job is not None and job.owner == owner_of(request.scope) else None
        if preview is None:
            return _nothing("There is no preview.")
        return Response(preview, headers=ALWAYS, media_type="image/jpeg")

    def act(self, request: Request) -> Response:
        """interrupt, skip or cancel."""
        id, owner = request.path_params["id"], owner_of(request.scope)
        engine = self.app.engine
        verbs = {"interrupt": engine.interrupt, "skip": engine.skip, "cancel": engine.cancel}
        verb = verbs.get(request.path_params["verb"])
        if verb is None or not verb(id, owner):
            return _nothing("There is no such job, or it has ended.")
        return json_answer({"id": id})

    async def move(self, request: Request) -> Response:
        """{"place": 0}: the place among the owner's own waiting jobs."""
        id, owner = request.path_params["id"], owner_of(request.scope)
        place = (await read_object(request)).get("place")
        if not isinstance(place, int):
            raise RequestError("place: it is missing, or not a whole number", "place")
        moved = await run_in_threadpool(self.app.queue.move, id, owner, max(0, place))
        return json_answer({"id": id}) if moved else _nothing("There is no such job, or it does not wait any more.")

    def pause(self, request: Request) -> Response:
        """pause or resume: the queue of all people."""
        verb = request.path_params["verb"]
        if verb not in ("pause", "resume"):
            return _nothing("Not Found")
        self.app.engine.pause(verb == "pause")
        return json_answer({"paused": self.app.queue.paused})

    def gallery(self, request: Request) -> Response:
        """A page of the owner's pictures, newest first; `next` is the `before` of the page after it."""
        owner, asked = owner_of(request.scope), request.query_params
        filters = {name: asked.get(name, "") for name in ("words", "model", "sampler", "date")}
        limit = _limit(asked.get("limit"))
        found = self.app.gallery.find(owner, **filters, before=asked.get("before") or None, limit=limit)
        images: list[dict[str, Any]] = []
        for item in found:
            saved = self.app.gallery.get(item.id, owner)
            if saved is not None:
                images.append({**dataclasses.asdict(item), "infotext": saved.infotext})
        return json_answer({"images": images, "next": found[-1].cursor if len(found) == limit else None})

    def _shown_row(self, row: QueueRow) -> dict[str, Any]:
        """A job that ended, perhaps before the server was started."""
        progress = self.app.engine.progress(row.id) or Progress(state=row.state, error=row.error)
        request = json.loads(row.request)
        kind = request.get("each_kind", row.kind)  # a folder's pictures are shown in the tab that they are made by
        return _shown_as(row.id, kind, request.get("prompt", ""), progress, 0, request.get("target", ""))


async def png_info(request: Request) -> Response:
    """The parameters in a picture (the body), or of {"text": "..."}, as a text and as fields of a request."""
    if request.headers.get("content-type", "").startswith("application/json"):
        text = (await read_object(request)).get("text")
        if not isinstance(text, str):
            raise RequestError("text: it is missing, or not a text", "text")
        infotext = text
    else:
        infotext = await run_in_threadpool(read_parameters, await read_picture(request))
    parts = read_infotext(infotext)
    restored = await run_in_threadpool(to_request_values, parts)
    values = {**restored.values, **restored.options}
    return json_answer({"infotext": infotext, "values": values, "params": parts.params, "problems": restored.problems})


def _shown(job: Job, place: int) -> dict[str, Any]:
    kind = job.request.each_kind if isinstance(job.request, FolderBatch) else job.request.kind
    return _shown_as(job.id, kind, job.request.prompt, job.progress, place, merged_file(job.request))


def _shown_as(id: str, kind: str, prompt: str, progress: Progress, place: int, makes: str = "") -> dict[str, Any]:
    return {
        "id": id,
        "kind": kind,
        "state": progress.state,
        "place": place,
        "stage": progress.stage,
        "step": progress.step,
        "steps": progress.steps,
        "fraction": round(progress.fraction, 4),
        "eta": progress.eta,
        "preview": f"/aquatint/jobs/{id}/preview?n={progress.preview_id}" if progress.preview else None,
        "images": [_shown_image(image) for image in progress.images[-SHOWN_IMAGES:]],
        "error": progress.error,
        "comments": list(progress.comments),
        "prompt": prompt,
        "makes": makes,
    }


def _shown_image(image: SavedImage) -> dict[str, Any]:
    return {name: getattr(image, name) for name in ("id", "infotext", "seed", "width", "height")}


def _limit(text: str | None) -> int:
    return max(1, min(LARGEST_PAGE, int(text))) if text and text.isdecimal() and len(text) < 6 else PAGE


def _nothing(text: str) -> Response:
    return refusal(404, "NotFound", text)
