"""The way of files to and from Gradio's own boxes: our routes, which stand before Gradio's and know whose a file is."""

from __future__ import annotations

from typing import Any

import gradio
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from modules.diffusion.errors import AquatintError
from modules.studio.files import DiskFullError
from modules.studio.image_files import PictureError, recognise
from modules.studio.job import LOCAL
from modules.web.answers import json_answer, refusal
from modules.web.gradio_files import GradioFiles, NoSuchFileError
from modules.web.images import ALWAYS
from modules.web.login import owner_of, when_leaving

AT_ONCE = 100
"""Files in one request."""
PLAYED = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
}
"""What a browser may open in its place, besides pictures. All else it may only save."""


def file_routes(files: GradioFiles) -> list[Route]:
    """What Gradio's page asks for, answered to the owners of files alone."""

    async def bring(request: Request) -> Response:
        try:
            paths = await _brought(request, files)
        except (AquatintError, HTTPException) as error:
            # Gradio's page shows the answer as it is: a sentence, not JSON.
            return PlainTextResponse(getattr(error, "detail", str(error)), _status(error))
        return json_answer(paths)

    def progress(request: Request) -> Response:
        """Gradio's page counts bytes with it; ours are there by the time it asks twice."""
        return Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    def show(request: Request) -> Response:
        path = files.find(request.path_params["path"], owner_of(request.scope))
        if path is None:
            return refusal(404, "NotFound", "Not Found")
        kind = _kind(path)
        return FileResponse(
            path,
            headers=ALWAYS,
            media_type=kind or "application/octet-stream",
            filename=path.name,
            content_disposition_type="inline" if kind else "attachment",
        )

    return [
        Route("/gradio_api/upload", bring, methods=["POST"]),
        Route("/gradio_api/upload_progress", progress, methods=["GET"]),
        Route("/gradio_api/file={path:path}", show, methods=["GET"]),
    ]


def keep_apart(page: Any, files: GradioFiles) -> None:
    """From now on an event of the page gets only files of whoever triggers it, and what it answers is theirs."""
    process = page.process_api
    files.publish(page.get_config_file())

    async def process_api(block_fn: Any, inputs: Any, *args: Any, request: Any = None, **given: Any) -> Any:
        owner = _owner(request)
        try:
            await run_in_threadpool(files.require, inputs, owner)
        except NoSuchFileError as error:
            raise gradio.Error(str(error), print_exception=False) from error
        answer = await process(block_fn, inputs, *args, request=request, **given)
        await run_in_threadpool(files.show, answer, owner)
        return answer

    page.process_api = process_api


async def _brought(request: Request, files: GradioFiles) -> list[str]:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise AquatintError("Files come as a form of the kind multipart/form-data.")
    owner = owner_of(request.scope)
    when_leaving(request.scope, files.forget)
    async with request.form(max_files=AT_ONCE, max_fields=AT_ONCE) as form:
        given = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
        return [await run_in_threadpool(files.bring, each.filename or "", each.file, owner) for each in given]


def _status(error: Exception) -> int:
    if isinstance(error, HTTPException):
        return error.status_code
    return 507 if isinstance(error, DiskFullError) else 400


def _kind(path: Any) -> str | None:
    """What a browser may take it for: pictures by their bytes, sound and film by their names."""
    with path.open("rb") as file:
        start = file.read(32)
    try:
        return recognise(start).mime
    except PictureError:
        return PLAYED.get(path.suffix.lower())


def _owner(request: Any) -> str:
    """Whose event it is; of events that are answered together, which are never ours, the first's."""
    first = request[0] if isinstance(request, list) else request
    return getattr(first, "username", None) or LOCAL
