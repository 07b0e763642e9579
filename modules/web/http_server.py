"""The routes that end the server, for those who started it with --api-server-stop."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from modules.web.answers import refusal


def server_routes(stop: Callable[[], None], restart: Callable[[], None] | None = None) -> APIRouter:
    """`stop` asks the server to end, `restart` to begin again; a job that runs is queued again."""
    router = APIRouter(prefix="/sdapi/v1")

    @router.post("/server-kill")
    @router.post("/server-stop")
    def end() -> Response:
        """Ends the server within ten seconds; both names do the same, for no job is lost either way."""
        stop()
        return PlainTextResponse("Stopping.")

    @router.post("/server-restart")
    def start_again() -> Response:
        """Ends the server and starts it again in its place; 501 where that cannot be, as A1111 answers then."""
        if restart is None:
            return refusal(501, "NotImplemented", "Nothing here would start the server again: stop it, and start it.")
        restart()
        return PlainTextResponse("Restarting.")

    return router
