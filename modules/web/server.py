"""The composition: API routes, pictures, the page's own routes, and Gradio behind them."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.extension_intake import NoSuchExtensionError
from modules.studio.files import DiskFullError
from modules.studio.gallery import NoSuchPictureError
from modules.studio.network_cards import NoSuchCardError
from modules.studio.request import RequestError
from modules.studio.uploads import NoSuchUploadError
from modules.studio.version import VERSION
from modules.web import assets_route, extension_routes, images, jobs_api
from modules.web.additions import Additions
from modules.web.answers import refusal
from modules.web.gate import allowed_origins
from modules.web.http_api import api_routes
from modules.web.http_cards import card_routes, cards_of
from modules.web.http_extensions import extension_lists
from modules.web.http_extra_networks import extra_network_routes
from modules.web.http_extras import extras_routes
from modules.web.http_internal import internal_routes
from modules.web.http_lists import list_routes
from modules.web.http_missing import missing_routes
from modules.web.http_pictures import picture_routes
from modules.web.http_plan import plan_routes
from modules.web.http_scheduler import scheduler_routes
from modules.web.http_server import server_routes
from modules.web.task_names import TaskNames

log = logging.getLogger(__name__)

DOCS = Path(__file__).with_name("assets") / "api.html"
ABOUT = "A1111's REST API, so that programs written for it work here. Behind a login: HTTP Basic."
STATUSES: dict[type[AquatintError], int] = {
    NoSuchPictureError: 404,
    NoSuchCardError: 404,
    NoSuchUploadError: 404,
    NoSuchExtensionError: 404,
    RequestError: 422,
    DiskFullError: 507,
}
"""What other errors mean in HTTP is 400: the person asked for what is not there, or cannot be."""


class Process(NamedTuple):
    """What can be done with the server's process."""

    stop: Callable[[], None]
    restart: Callable[[], None]


def build(app: App, process: Process | None = None, additions: Additions | None = None) -> FastAPI:
    """The whole site; it has no guard of its own, a Gate stands before it. Its end closes `app`.

    `process` is for --api-server-stop. `additions` come behind our own routes and into our own page.
    """

    @contextlib.asynccontextmanager
    async def lifespan(site: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(app.close)

    site = FastAPI(
        title="Aquatint", description=ABOUT, version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    # Gradio adds a CORS rule of its own, which lets any page in, unless it finds exactly this class here.
    site.add_middleware(
        CORSMiddleware,
        allow_origins=sorted(allowed_origins(app.flags)),
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
    )
    _add_error_handlers(site)
    more = additions or Additions()
    tasks = TaskNames(app.engine)
    extensions = extension_lists(more.scripts, more.desk.extensions if more.desk is not None else None)
    routers = [picture_routes(app, tasks, more.scripts), api_routes(app), list_routes(app), extensions]
    routers += [extras_routes(app), missing_routes()]
    cards = cards_of(app)
    own = (internal_routes(app, tasks), scheduler_routes(app, more.scripts), plan_routes(app))
    of_cards = (card_routes(app, cards), extra_network_routes(cards))
    for router in (*routers, *own, *of_cards):
        site.include_router(router)
    if process is not None and app.flags.api_server_stop:
        site.include_router(server_routes(process.stop, process.restart))
    site.router.routes += [*images.routes(app), *jobs_api.routes(app), *assets_route.routes()]
    if more.desk is not None:
        site.router.routes += extension_routes.routes(more.desk, app.flags)
    site.router.routes += [Route("/docs", _docs, methods=["GET"]), *more.routes]
    if app.flags.nowebui:
        site.router.routes.append(Route("/", _to_docs, methods=["GET"]))
        more.started(None, site)
    else:
        # Here, because Gradio takes seconds to import and an API alone needs none of it.
        from modules.web.gradio_mount import mount_pages
        from modules.web.pages import build_pages

        page = build_pages(app, more.slots(), with_extensions=more.desk is not None)
        more.started(page, site)
        folders = app.folders
        shown = [folders.outputs, folders.data / "extensions", folders.data / "tmp", folders.models, folders.exchange]
        hidden = [path for path in folders.state.iterdir() if path != folders.exchange]
        mount_pages(site, page, app.flags.theme, shown, [*hidden, folders.config])
    return site


def _add_error_handlers(site: FastAPI) -> None:
    @site.exception_handler(AquatintError)
    def said(request: Request, error: AquatintError) -> Response:
        status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 400)
        return refusal(status, type(error).__name__, str(error))

    @site.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        """Names the fields, and does not repeat what was sent: that may be a picture."""
        places = [(".".join(str(part) for part in row["loc"][1:]), row["msg"]) for row in error.errors()]
        return refusal(422, "RequestValidationError", "; ".join(f"{place}: {text}" for place, text in places))

    @site.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        return refusal(error.status_code, "HTTPException", str(error.detail), error.headers)

    @site.exception_handler(Exception)
    def failed(request: Request, error: Exception) -> Response:
        """Nothing of the error leaves the server: it may hold paths or what other people wrote."""
        id = uuid.uuid4().hex
        log.error("Request %s failed", id, exc_info=error)
        return refusal(
            500, "InternalServerError", f"Something went wrong; the log of the server says what, under {id}."
        )


def _docs(request: Request) -> Response:
    return HTMLResponse(DOCS.read_text("utf-8"))


def _to_docs(request: Request) -> Response:
    return RedirectResponse("/docs")
