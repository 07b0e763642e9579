"""The door: answers from the first second with a light page, while the program behind it loads."""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modules.diffusion.errors import AquatintError
from modules.web.answers import json_answer, refusal

log = logging.getLogger(__name__)

STATUS = "/aquatint/loading"
PAGE = Path(__file__).with_name("assets") / "loading.html"

Report = Callable[[str], None]


class LoadingFailed(Exception):  # noqa: N818  the page says it in these words
    """What was to be loaded could not be; the text says why."""


class Door:
    """An ASGI app: a page that says what is loading, and then whatever `load` returned."""

    def __init__(self, load: Callable[[Report], ASGIApp]) -> None:
        """`load` runs on a thread of its own once the server runs; it is handed a function to say what it is at."""
        self._load = load
        self._page = PAGE.read_text("utf-8")
        self._began = time.monotonic()
        self._id = secrets.token_hex(4)
        self._steps: list[tuple[str, float]] = []
        self._failed: str | None = None
        self._inner: Lifespan | None = None
        self._elapsed: float | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["path"] == STATUS and scope["type"] == "http":
            await self._status()(scope, receive, send)
        elif self._inner is not None:
            await self._inner.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._please_wait(scope)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1013})

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        opening = asyncio.create_task(self._open(scope))
        await receive()
        opening.cancel()
        if self._inner is not None:
            await self._inner.shut_down()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self, scope: Scope) -> None:
        """Waits for `load`, then starts its app on this loop."""
        try:
            inner = Lifespan(await _on_a_thread(lambda: self._load(self._report)), scope)
            await inner.start_up()
            self._inner = inner
        except LoadingFailed as error:
            self._failed = _words(error)
        self._elapsed = time.monotonic() - self._began

    def _report(self, text: str) -> None:
        self._steps.append((text, time.monotonic()))

    def _status(self) -> Response:
        now = time.monotonic()
        steps = list(self._steps)
        ends = [*(began for _, began in steps[1:]), now]
        return json_answer(
            {
                "server": self._id,
                "ready": self._inner is not None,
                "failed": self._failed,
                "elapsed": self._elapsed or now - self._began,
                "steps": [
                    {"text": text, "seconds": end - began} for (text, began), end in zip(steps, ends, strict=False)
                ],
            },
            headers={"Cache-Control": "no-store"},
        )

    def _please_wait(self, scope: Scope) -> Response:
        """503 for everybody; people get the page with it."""
        headers = {"Retry-After": "1", "Cache-Control": "no-store"}
        if scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", ""):
            return HTMLResponse(self._page, 503, headers)
        detail = f"Loading failed: {self._failed}" if self._failed else "Aquatint is still loading."
        return refusal(503, "Loading", detail, headers)


class Lifespan:
    """An ASGI app whose start-up and shutdown are run by us rather than by the server."""

    def __init__(self, app: ASGIApp, scope: Scope) -> None:
        """`scope` is the server's own lifespan scope: the state that the app puts in it reaches the requests."""
        self.app = app
        self._scope = scope
        self._tell: asyncio.Queue[Message] = asyncio.Queue()
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[Any] | None = None

    async def start_up(self) -> None:
        """Raises: LoadingFailed with the app's own words when it cannot start."""
        self._task = asyncio.create_task(self._run())
        await self._say("startup")

    async def shut_down(self) -> None:
        """Returns when the app has put everything away."""
        await self._say("shutdown")

    async def _run(self) -> None:
        try:
            await self.app(self._scope, self._tell.get, self._heard.put)
        except Exception as error:
            log.exception("The app ended its lifespan")
            await self._heard.put({"type": "lifespan.failed", "message": _words(error)})
        await self._heard.put({"type": "lifespan.ended"})

    async def _say(self, moment: str) -> None:
        await self._tell.put({"type": f"lifespan.{moment}"})
        answer = await self._heard.get()
        if answer["type"] != f"lifespan.{moment}.complete":
            raise LoadingFailed(answer.get("message") or f"The app could not do its {moment}.")


async def _on_a_thread(work: Callable[[], ASGIApp]) -> ASGIApp:
    """On a daemon thread, not in the loop's pool: Ctrl-C while loading must not wait for the end of it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[ASGIApp] = loop.create_future()

    def run() -> None:
        try:
            call: Callable[[], None] = functools.partial(_settle, done.set_result, done, work())
        except BaseException as error:  # SystemExit too: the people at the door must hear of it
            log.error("Loading failed: %s", error, exc_info=not isinstance(error, AquatintError))
            call = functools.partial(_settle, done.set_exception, done, LoadingFailed(_words(error)))
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:
            log.debug("The server was stopped before it was ready")

    threading.Thread(target=run, name="loading", daemon=True).start()
    return await done


def _settle(how: Callable[[Any], None], future: asyncio.Future[ASGIApp], value: object) -> None:
    if not future.done():
        how(value)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
