"""The routes that end the server, for those who started it with --api-server-stop."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from modules.web.answers import refusal


def server_routes(stop: Callable[[], None]) -> APIRouter:
    """`stop` asks the server to end; a job that runs is queued again."""
    router = APIRouter(prefix="/sdapi/v1")

    @router.post("/server-kill")
    @router.post("/server-stop")
    def end() -> Response:
        """Ends the server within ten seconds; both names do the same, for no job is lost either way."""
        stop()
        return PlainTextResponse("Stopping.")

    @router.post("/server-restart")
    def restart() -> Response:
        """501, as A1111 answers where nothing would start it again."""
        return refusal(501, "NotImplemented", "Nothing here would start the server again: stop it, and start it.")

    return router
