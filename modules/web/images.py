"""Pictures over HTTP: only to their owner, and in a way that a browser takes for nothing but pictures."""

from __future__ import annotations

import dataclasses
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.gallery import NoSuchPictureError
from modules.studio.image_files import read_size
from modules.studio.verify import verify
from modules.web.answers import json_answer
from modules.web.login import owner_of

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""What a form of any web page can send without being asked."""
STRICT = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
ALWAYS = {**STRICT, "Cache-Control": "private, no-store"}
FOR_A_DAY = {**STRICT, "Cache-Control": "private, max-age=86400"}
"""Thumbnails: they never change, and their ids tell nothing to who shares the browser later."""


def routes(app: App) -> list[Route]:
    """Finished pictures and uploads."""

    def show(request: Request) -> Response:
        id, owner = request.path_params["id"], owner_of(request.scope)
        if request.query_params.get("thumb"):
            return Response(app.gallery.thumbnail(id, owner), headers=FOR_A_DAY, media_type="image/webp")
        data, mime = app.gallery.read(id, owner)
        asked = request.query_params.get("download")
        headers = {**ALWAYS, "Content-Disposition": _attachment(app, id, owner, mime)} if asked else ALWAYS
        return Response(data, headers=headers, media_type=mime)

    def delete(request: Request) -> Response:
        if not app.gallery.delete(request.path_params["id"], owner_of(request.scope)):
            raise NoSuchPictureError
        return Response(status_code=204)

    async def bring(request: Request) -> Response:
        data, owner = await read_picture(request), owner_of(request.scope)
        return json_answer(await run_in_threadpool(_brought, app, data, owner))

    async def again(request: Request) -> Response:
        owner = owner_of(request.scope)
        data, _ = await run_in_threadpool(app.gallery.read, request.path_params["id"], owner)
        return json_answer(await run_in_threadpool(_verdict, app, data, owner))

    async def again_from_file(request: Request) -> Response:
        data, owner = await read_picture(request), owner_of(request.scope)
        return json_answer(await run_in_threadpool(_verdict, app, data, owner))

    def show_upload(request: Request) -> Response:
        data = app.uploads.read(request.path_params["id"], owner_of(request.scope))
        return Response(data, headers=ALWAYS, media_type="image/png")

    return [
        Route("/aquatint/images/{id}", show, methods=["GET"]),
        Route("/aquatint/images/{id}", delete, methods=["DELETE"]),
        Route("/aquatint/images/{id}/verify", again, methods=["POST"]),
        Route("/aquatint/verify", again_from_file, methods=["POST"]),
        Route("/aquatint/uploads", bring, methods=["POST"]),
        Route("/aquatint/uploads/{id}", show_upload, methods=["GET"]),
    ]


async def read_picture(request: Request) -> bytes:
    """The body, unless it claims to be a form; what it is, its bytes decide later.

    Raises: AquatintError.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() in FORMS:
        raise AquatintError("Send the picture itself as the body, not a form.")
    return await request.body()


def _brought(app: App, data: bytes, owner: str) -> dict[str, object]:
    id = app.uploads.add(data, owner)
    width, height = read_size(app.uploads.read(id, owner))
    return {"id": id, "width": width, "height": height}


def _verdict(app: App, data: bytes, owner: str) -> dict[str, object]:
    verdict = verify(app, data, owner)
    return {**dataclasses.asdict(verdict), "identical": verdict.identical, "sentence": verdict.sentence}


def _attachment(app: App, id: str, owner: str, mime: str) -> str:
    saved = app.gallery.get(id, owner)
    name = saved.path.name if saved and saved.path else f"{saved.seed if saved else id}.{mime.partition('/')[2]}"
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
