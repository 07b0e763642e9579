"""The queue as sd-webui-agent-scheduler's API has it, for the programs that speak it: one's own jobs."""

from __future__ import annotations

import base64
import datetime
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from pydantic import Field

from modules.diffusion.errors import AquatintError
from modules.diffusion.samplers import SAMPLERS
from modules.studio.app import App
from modules.studio.gallery import NoSuchPictureError
from modules.studio.job import ENDED, State
from modules.studio.queue import Marks, QueueRow
from modules.studio.record import IN_THE_REQUEST
from modules.studio.request import RequestError, read_request
from modules.studio.settings import Options
from modules.web.http_extensions import ScriptsAtHand
from modules.web.http_models import Img2ImgPayload, Payload, PicturePayload, Txt2ImgPayload, check_features
from modules.web.http_pictures import submit_payload
from modules.web.login import owner_of

STATUSES: dict[State, str] = {
    "queued": "pending",
    "running": "running",
    "done": "done",
    "failed": "failed",
    "cancelled": "interrupted",
}
LAST = 1_000_000
NOT_FOUND = "Task not found"
LONGEST_NAME = 200
"""Letters of a job's name that are kept."""
PICTURES = ("init_images", "mask", "firstpass_image", "images", "files", "input_dir")
Answer = dict[str, Any]


class Queued(Payload):
    """What the queue is told besides the picture."""

    checkpoint: str = ""
    vae: str = ""
    callback_url: str = Field("", description="Refused: this server calls no address.")


class QueueTxt2ImgPayload(Queued, Txt2ImgPayload):
    """POST /agent-scheduler/v1/queue/txt2img."""


class QueueImg2ImgPayload(Queued, Img2ImgPayload):
    """POST /agent-scheduler/v1/queue/img2img."""


def scheduler_routes(app: App, scripts: ScriptsAtHand) -> APIRouter:
    """Everything below /agent-scheduler/v1; the older names of routes stand beside the newer ones."""
    router = APIRouter(prefix="/agent-scheduler/v1")
    _add_queueing(router, app, scripts)
    tasks = Tasks(app)
    for method, paths, act in (
        ("GET", ["/task/{id}"], tasks.show),
        ("GET", ["/task/{id}/position"], tasks.position),
        ("POST", ["/task/requeue-failed"], tasks.requeue_failed),
        ("POST", ["/task/{id}/run", "/run/{id}"], tasks.run),
        ("POST", ["/task/{id}/requeue", "/requeue/{id}"], tasks.requeue),
        ("DELETE", ["/task/{id}"], tasks.delete),
        ("POST", ["/delete/{id}"], tasks.delete),
        ("POST", ["/task/{id}/move/{over_id}", "/move/{id}/{over_id}"], tasks.move),
        ("POST", ["/task/{id}/rename", "/rename/{id}"], tasks.rename),
        ("POST", ["/task/{id}/bookmark", "/bookmark/{id}"], tasks.bookmark),
        ("POST", ["/task/{id}/unbookmark", "/unbookmark/{id}"], tasks.unbookmark),
        ("GET", ["/task/{id}/results", "/results/{id}"], tasks.results),
        ("POST", ["/queue/pause", "/pause"], tasks.pause),
        ("POST", ["/queue/resume", "/resume"], tasks.resume),
        ("POST", ["/queue/clear"], tasks.clear_queue),
        ("POST", ["/history/clear"], tasks.clear_history),
        ("GET", ["/queue"], tasks.queue),
        ("GET", ["/history"], tasks.history),
    ):
        for path in paths:
            router.add_api_route(path, act, methods=[method], response_model=None)
    return router


def _add_queueing(router: APIRouter, app: App, scripts: ScriptsAtHand) -> None:
    def queued(payload: QueueTxt2ImgPayload | QueueImg2ImgPayload, owner: str) -> Answer:
        if payload.callback_url:
            raise RequestError("callback_url: this server calls no address; ask for the task instead", "callback_url")
        chosen = {"sd_model_checkpoint": payload.checkpoint, "sd_vae": payload.vae}
        overrides = {**payload.override_settings, **{key: value for key, value in chosen.items() if value}}
        kept: PicturePayload = payload.model_copy(update={"override_settings": overrides, "save_images": True})
        check_features(kept, scripts)
        return {"task_id": submit_payload(app, scripts, kept, owner).id}

    @router.post("/queue/txt2img")
    def queue_txt2img(payload: QueueTxt2ImgPayload, request: HttpRequest) -> Answer:
        """Puts a job at one's end of the queue and answers at once."""
        return queued(payload, owner_of(request.scope))

    @router.post("/queue/img2img")
    def queue_img2img(payload: QueueImg2ImgPayload, request: HttpRequest) -> Answer:
        """The same for pictures from pictures."""
        if not payload.init_images:
            raise RequestError("init_images: there is no picture", "init_images")
        return queued(payload, owner_of(request.scope))

    @router.get("/samplers")
    def samplers() -> list[str]:
        """Names."""
        return list(SAMPLERS)

    @router.get("/sd-models")
    def sd_models() -> list[str]:
        """Titles."""
        return [checkpoint.title for checkpoint in app.store.checkpoints]


class Tasks:
    """What can be asked of one's own jobs; a job of somebody else is not found."""

    def __init__(self, app: App) -> None:
        self.app = app

    def queue(self, request: HttpRequest, limit: int = 20, offset: int = 0) -> Answer:
        """The jobs that wait, in the order in which they will run."""
        owner, running = owner_of(request.scope), self.app.engine.running
        waiting = self._waiting(owner)
        shown = [*enumerate(waiting)][max(0, offset) :][: max(0, limit)]
        return {
            "current_task_id": running.id if running is not None and running.owner == owner else None,
            "pending_tasks": [self._told(row, place) | _times(row) for place, row in shown],
            "total_pending_tasks": len(waiting),
            "paused": self.app.queue.paused,
        }

    def history(self, request: HttpRequest, status: str = "", limit: int = 20, offset: int = 0) -> Answer:
        """The jobs that ended, the newest first; `status` may be "bookmarked"."""
        queue = self.app.queue
        wanted = [state for state in ENDED if status in ("", "all", "bookmarked", STATUSES[state])]
        rows = queue.rows(owner_of(request.scope), wanted, limit=None) if wanted else []
        rows = [row for row in rows if status != "bookmarked" or queue.marks(row.id).bookmarked]
        shown = rows[max(0, offset) :][: max(0, limit)]
        return {"tasks": [self._told(row) | _times(row) for row in shown], "total": len(rows)}

    def show(self, id: str, request: HttpRequest) -> Answer:
        """One job."""
        row = self._own(id, request)
        return (
            _no(NOT_FOUND)
            if row is None
            else {"success": True, "data": self._told(row, self._place(row)) | _dates(row)}
        )

    def position(self, id: str, request: HttpRequest) -> Answer:
        """Where a job is among one's own that wait."""
        row = self._own(id, request)
        if row is None:
            return _no(NOT_FOUND)
        return {"success": True, "data": {"status": STATUSES[row.state], "position": self._place(row)}}

    def run(self, id: str, request: HttpRequest) -> Answer:
        """Makes a job that waits one's next."""
        row = self._own(id, request)
        if row is None:
            return _no(NOT_FOUND)
        if self.app.queue.move(id, row.owner, 0):
            return _yes("Task is scheduled to run next")
        return _no("Task is running" if row.state == "running" else "Task has ended: requeue it")

    def requeue(self, id: str, request: HttpRequest) -> Answer:
        """Queues the same job once more, with its seed."""
        row = self._own(id, request)
        if row is None:
            return _no(NOT_FOUND)
        problem = self._again(row)
        return _no(problem) if problem else _yes("Task requeued")

    def requeue_failed(self, request: HttpRequest) -> Answer:
        """Every job that failed and can be run again, once more."""
        failed = self.app.queue.rows(owner_of(request.scope), ["failed"], limit=None)
        problems = {row.id: self._again(row) for row in failed}
        again = [row for row in failed if not problems[row.id]]
        for row in again:
            self.app.queue.forget(row.owner, row.id)
        if again or not failed:
            return _yes(f"Requeued {len(again)} failed tasks") if again else _no("No failed tasks")
        return _no(problems[failed[0].id])

    def delete(self, id: str, request: HttpRequest) -> Answer:
        """Ends a running job, or takes another out of the queue or the history; pictures stay."""
        row = self._own(id, request)
        if row is None:
            return _no(NOT_FOUND)
        if self.app.engine.interrupt(id, row.owner):
            return _yes("Task interrupted")
        self.app.engine.cancel(id, row.owner)
        self.app.queue.forget(row.owner, id)
        return _yes("Task deleted")

    def move(self, id: str, over_id: str, request: HttpRequest) -> Answer:
        """Moves a job that waits: to the `top`, to the `bottom`, or to the place of another."""
        owner = owner_of(request.scope)
        ids = [row.id for row in self._waiting(owner)]
        places = {other: place for place, other in enumerate(ids)} | {"top": 0, "bottom": LAST}
        if id not in ids or over_id not in places:
            return _no(NOT_FOUND)
        self.app.queue.move(id, owner, places[over_id])
        return _yes("Task moved")

    def rename(self, id: str, name: str, request: HttpRequest) -> Answer:
        """Gives a job a name."""
        return self._marked(id, request, "Task renamed.", name=name[:LONGEST_NAME])

    def bookmark(self, id: str, request: HttpRequest) -> Answer:
        """Marks a job, to be found again in the history."""
        return self._marked(id, request, "Task bookmarked", bookmarked=True)

    def unbookmark(self, id: str, request: HttpRequest) -> Answer:
        """Takes the mark away."""
        return self._marked(id, request, "Task unbookmarked", bookmarked=False)

    def _marked(self, id: str, request: HttpRequest, message: str, **marks: Any) -> Answer:
        if self._own(id, request) is None:
            return _no(NOT_FOUND)
        self.app.queue.mark(id, self.app.queue.marks(id)._replace(**marks))
        return _yes(message)

    def results(self, id: str, request: HttpRequest, zip: bool = False) -> Answer | Response:
        """The pictures of a job that is done, in base64 or as an archive."""
        row = self._own(id, request)
        if row is None or row.state != "done":
            return _no(NOT_FOUND if row is None else f"Task is {STATUSES[row.state]}")
        pictures = self._pictures(row)
        if not zip:
            shown = [
                {"image": f"data:{mime};base64,{base64.b64encode(data).decode()}", "infotext": infotext}
                for data, mime, infotext, _ in pictures
            ]
            return {"success": True, "data": shown}
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            for data, _, _, name in pictures:
                file.writestr(name, data)
        headers = {"Content-Disposition": f"attachment; filename=results-{row.id}.zip"}
        return Response(archive.getvalue(), headers=headers, media_type="application/zip")

    def pause(self) -> Answer:
        """No further job begins, of anybody."""
        self.app.engine.pause(True)
        return _yes("Queue paused.")

    def resume(self) -> Answer:
        """Jobs begin again."""
        self.app.engine.pause(False)
        return _yes("Queue resumed.")

    def clear_queue(self, request: HttpRequest) -> Answer:
        """Takes out one's own jobs that wait."""
        for row in self._waiting(owner_of(request.scope)):
            self.app.engine.cancel(row.id, row.owner)
            self.app.queue.forget(row.owner, row.id)
        return _yes("Queue cleared.")

    def clear_history(self, request: HttpRequest) -> Answer:
        """Forgets one's own jobs that ended; pictures stay."""
        self.app.queue.forget(owner_of(request.scope))
        return _yes("History cleared.")

    def _own(self, id: str, request: HttpRequest) -> QueueRow | None:
        row = self.app.queue.get(id)
        return row if row is not None and row.owner == owner_of(request.scope) else None

    def _place(self, row: QueueRow) -> int | None:
        """Among its owner's jobs that wait."""
        ids = [each.id for each in self._waiting(row.owner)]
        return ids.index(row.id) if row.id in ids else None

    def _waiting(self, owner: str) -> list[QueueRow]:
        own = {row.id: row for row in self.app.queue.rows(owner, ["queued"], limit=None)}
        return [own[id] for id in self.app.queue.line() if id in own]

    def _again(self, row: QueueRow) -> str:
        """Queues the job once more, or says why it cannot be: its picture may be gone, or its checkpoint."""
        request = read_request(row.kind, json.loads(row.request)).model_copy(update={"styles": ()})
        defaults = {name: Options.model_fields[name].default for name in IN_THE_REQUEST}
        options = Options.model_validate_json(row.options).model_copy(update=defaults)
        try:
            ticket = self.app.engine.submit(request, row.owner, options)
        except AquatintError as error:
            return str(error)
        if name := self.app.queue.marks(row.id).name:
            self.app.queue.mark(ticket.id, Marks(f"Copy of {name}"[:LONGEST_NAME]))
        return ""

    def _told(self, row: QueueRow, position: int | None = None) -> Answer:
        params = {key: value for key, value in json.loads(row.request).items() if key not in PICTURES}
        marks = self.app.queue.marks(row.id)
        params["checkpoint"] = json.loads(row.options).get("sd_model_checkpoint")
        return {
            "id": row.id,
            "api_task_id": None,
            "api_task_callback": None,
            "name": marks.name or None,
            "type": row.kind if row.kind == "txt2img" else "img2img",
            "status": STATUSES[row.state],
            "params": params,
            "priority": row.order,
            "position": position,
            "result": row.error or self._infotexts(row),
            "bookmarked": marks.bookmarked,
        }

    def _infotexts(self, row: QueueRow) -> str | None:
        images = self.app.gallery.of_job(row.id) if row.state == "done" else []
        if not images:
            return None
        addresses = [f"/aquatint/images/{image.id}" for image in images]
        return json.dumps({"images": addresses, "infotexts": [image.infotext for image in images]})

    def _pictures(self, row: QueueRow) -> Sequence[tuple[bytes, str, str, str]]:
        """File, MIME type, infotext, and a name that no other has."""
        found: list[tuple[bytes, str, str, str]] = []
        for image in self.app.gallery.of_job(row.id):
            try:
                data, mime = self.app.gallery.read(image.id, row.owner)
            except NoSuchPictureError:  # deleted, by its owner or on the disk
                continue
            name = image.path.name if image.path is not None else f"{image.id}.png"
            found.append((data, mime, image.infotext, name))
        return found


def _yes(message: str) -> Answer:
    return {"success": True, "message": message}


def _no(message: str) -> Answer:
    return {"success": False, "message": message}


def _times(row: QueueRow) -> Answer:
    """Milliseconds since 1970."""
    return {"created_at": int(row.created * 1000), "updated_at": int(_changed(row) * 1000)}


def _dates(row: QueueRow) -> Answer:
    """ISO 8601."""
    created, changed = (
        datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat()
        for seconds in (row.created, _changed(row))
    )
    return {"created_at": created, "updated_at": changed}


def _changed(row: QueueRow) -> float:
    return row.ended or row.started or row.created
