"""A raw ASGI client, a small app to put behind a gate, and a server on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modules.web.login import owner_of

HOST = "127.0.0.1:7860"
Headers = Sequence[tuple[str, str]]


@dataclass
class Answer:
    """What an ASGI app said."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    closed: int | None = None
    """The code with which a WebSocket was refused."""


def ask(
    app: ASGIApp,
    method: str = "GET",
    path: str = "/",
    headers: Headers = (),
    *,
    host: str | None = HOST,
    body: Sequence[bytes] = (b"",),
    address: str = "127.0.0.1",
    scheme: str = "http",
) -> Answer:
    """One request, byte for byte as given: no client library mends it first. A `ws` scheme makes it a WebSocket."""
    hosts = [("host", host)] if host is not None else []
    scope: dict[str, Any] = {
        "type": "websocket" if scheme.startswith("ws") else "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode("utf-8", "surrogatepass"),
        "query_string": path.partition("?")[2].encode(),
        "root_path": "",
        "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in [*hosts, *headers]],
        "client": (address, 50000),
        "server": ("127.0.0.1", 7860),
        "state": {},
    }
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    messages[-1]["more_body"] = False
    answer = Answer()

    async def receive() -> Message:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode().lower(): v.decode("latin-1") for k, v in message["headers"]}
        elif message["type"] == "websocket.close":
            answer.closed = message["code"]
        else:
            answer.body += message.get("body", b"")

    async def run() -> None:
        try:
            await app(scope, receive, send)
        except Exception:  # servers log what is raised after the answer
            if not answer.status:
                raise

    asyncio.run(run())
    return answer


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that reads everything and says who asked for what."""
    length, more = 0, scope["type"] == "http"
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    if scope["type"] == "http":
        said = {"path": scope["path"], "owner": owner_of(scope), "length": length}
        await JSONResponse(said)(scope, receive, send)
    else:
        await send({"type": "websocket.accept"})


@contextlib.contextmanager
def serving(app: ASGIApp, lifespan: Literal["on", "off"] = "on") -> Iterator[str]:
    """Serves `app` on a free port of loopback, on a thread; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(app, "127.0.0.1", port, log_level="warning", proxy_headers=False, ws="none", lifespan=lifespan)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits for `condition`, or fails."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
