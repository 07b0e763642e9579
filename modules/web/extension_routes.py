"""The Extensions tab's own routes: everybody may look, the owner at the machine may change."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modules.studio.command_line import Flags
from modules.web.answers import json_answer, read_object, refusal
from modules.web.extension_desk import Desk, shown_chore
from modules.web.ownership import why_not_owner

PREFIX = "/aquatint/extensions"
FOR_THE_OWNER = ("last_error", "traceback", "origin", "changed")
"""What may hold other people's words, or says where things lie on the disk."""


def routes(desk: Desk, flags: Flags) -> list[Route]:
    """Below /aquatint/extensions."""
    answers = ExtensionRoutes(desk, flags)
    return [
        Route(PREFIX, answers.state, methods=["GET"]),
        Route(f"{PREFIX}/chore", answers.chore, methods=["GET"]),
        Route(f"{PREFIX}/upload", answers.upload, methods=["POST"]),
        Route(f"{PREFIX}/{{verb:str}}", answers.do, methods=["POST"]),
    ]


class ExtensionRoutes:
    """The gate has judged the origin of every request already."""

    def __init__(self, desk: Desk, flags: Flags) -> None:
        self._desk, self._flags = desk, flags

    def state(self, request: Request) -> Response:
        """The list; who may not change it gets less of it, and the reason."""
        why = why_not_owner(self._flags, request.scope)
        state = self._desk.state()
        if why:
            state["extensions"] = [{**row, **dict.fromkeys(FOR_THE_OWNER)} for row in state["extensions"]]
            state |= {"trash": [], "chore": None}
        return json_answer({**state, "why_not": why, "started": self._flags.extensions})

    def chore(self, request: Request) -> Response:
        """The one that runs, or ran last."""
        latest = self._desk.chores.latest
        hidden = latest is None or why_not_owner(self._flags, request.scope)
        return json_answer({"chore": None if hidden or latest is None else shown_chore(latest)})

    async def upload(self, request: Request) -> Response:
        """An archive as the body, its name in the question."""
        if refused := self._refused(request):
            return refused
        name, data = request.query_params.get("name", ""), await request.body()
        return json_answer(await run_in_threadpool(self._desk.upload, name, data))

    async def do(self, request: Request) -> Response:
        """A verb of the desk, its words as a JSON object."""
        verb = request.path_params["verb"]
        if verb not in self._desk.verbs:
            return refusal(404, "NotFound", "Not Found")
        if refused := self._refused(request):
            return refused
        if not request.headers.get("content-type", "").startswith("application/json"):
            return refusal(415, "UnsupportedMediaType", "Send a JSON object as application/json.")
        asked: dict[str, Any] = await read_object(request)
        return json_answer(await run_in_threadpool(self._desk.do, verb, asked))

    def _refused(self, request: Request) -> Response | None:
        why = why_not_owner(self._flags, request.scope)
        return refusal(403, "NotTheOwner", why) if why else None
