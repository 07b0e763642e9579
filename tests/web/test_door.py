"""The door answers while the program loads, says what it is at, and turns into the program by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from modules.diffusion.errors import AquatintError
from modules.web.door import Door, Report
from modules.web.gate import Gate, Rules
from modules.web.login import Login
from tests.web.asgi import ask, serving, until

HTML = {"accept": "text/html,application/xhtml+xml"}


class Program:
    """Something that loads when told to, and remembers its life."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.may_go_on = threading.Event()
        self.failure = failure
        self.life: list[str] = []

    def load(self, report: Report) -> ASGIApp:
        report("checkpoints")
        report("<b>pages</b>")
        assert self.may_go_on.wait(20)
        if self.failure is not None:
            raise self.failure
        return Starlette(routes=[Route("/{path:path}", self.answer)], lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[dict[str, str]]:
        self.life.append("started")
        yield {"color": "blue"}
        self.life.append("stopped")

    async def answer(self, request: Request) -> JSONResponse:
        return JSONResponse({"path": request.url.path, "color": request.state.color})


@contextmanager
def open_door(program: Program) -> Iterator[httpx.Client]:
    with serving(Gate(Door(program.load), Rules())) as address, httpx.Client(base_url=address, timeout=5) as client:
        try:
            yield client
        finally:
            program.may_go_on.set()


def is_ready(client: httpx.Client) -> bool:
    return bool(client.get("/aquatint/loading").json()["ready"])


def test_the_port_answers_at_once_with_a_page_that_loads_nothing_from_elsewhere() -> None:
    with open_door(Program()) as client:
        began = time.monotonic()
        page = client.get("/", headers=HTML)
        assert time.monotonic() - began < 1
        assert (page.status_code, page.headers["retry-after"]) == (503, "1")
        assert page.headers["content-type"].startswith("text/html")
        assert "http" not in page.text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
        assert "src=" not in page.text


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sdapi/v1/options"), ("POST", "/sdapi/v1/txt2img"), ("GET", "/")]
)
def test_programs_are_told_to_come_again(method: str, path: str) -> None:
    with open_door(Program()) as client:
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["error"] == "Loading"


def test_the_status_says_what_is_loading_and_for_how_long() -> None:
    program = Program()
    with open_door(program) as client:
        until(lambda: len(client.get("/aquatint/loading").json()["steps"]) == 2)
        status = client.get("/aquatint/loading").json()
        assert (status["ready"], status["failed"]) == (False, None)
        assert [step["text"] for step in status["steps"]] == ["checkpoints", "<b>pages</b>"]
        assert 0 <= status["steps"][1]["seconds"] <= status["elapsed"] < 20


def test_the_door_turns_into_the_program_with_its_lifespan_and_state() -> None:
    program = Program()
    with open_door(program) as client:
        assert program.life == []
        program.may_go_on.set()
        until(lambda: is_ready(client))
        assert program.life == ["started"]
        assert client.get("/hello", headers=HTML).json() == {"path": "/hello", "color": "blue"}
    assert program.life == ["started", "stopped"]


@pytest.mark.parametrize(
    ("failure", "words"),
    [(AquatintError("Another server holds the folder."), "Another server holds the folder."), (SystemExit(3), "3"),
     (KeyError(), "KeyError"), (StopIteration("odd"), "odd")],
)  # fmt: skip
def test_a_failure_is_shown_at_the_door(failure: BaseException, words: str) -> None:
    program = Program(failure)
    program.may_go_on.set()
    with open_door(program) as client:
        until(lambda: client.get("/aquatint/loading").json()["failed"])
        assert words in client.get("/aquatint/loading").json()["failed"]
        assert words in client.get("/sdapi/v1/options").json()["detail"]
        assert client.get("/", headers=HTML).status_code == 503


class FullDisk(Program):
    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[dict[str, str]]:
        self.may_go_on.set()
        yield {"color": str(open("/no/such/file"))}  # noqa: PTH123, SIM115


def test_a_program_whose_lifespan_fails_is_a_failure_too() -> None:
    program = FullDisk()
    program.may_go_on.set()
    with open_door(program) as client:
        until(lambda: client.get("/aquatint/loading").json()["failed"])
        assert "/no/such/file" in client.get("/aquatint/loading").json()["failed"]


def test_a_program_without_a_lifespan_is_a_failure_too() -> None:
    async def without(scope: Scope, receive: Receive, send: Send) -> None:
        return None

    with serving(Door(lambda report: without)) as address:
        until(lambda: httpx.get(address + "/aquatint/loading").json()["failed"])
        assert "startup" in httpx.get(address + "/aquatint/loading").json()["failed"]


def test_stopping_while_loading_does_not_wait_for_the_end_of_it() -> None:
    program = Program()
    with serving(Door(program.load)) as address:
        assert httpx.get(address).status_code == 503
        began = time.monotonic()
    assert time.monotonic() - began < 2
    program.may_go_on.set()
    assert program.life == []


def test_behind_a_login_the_door_tells_strangers_nothing(login: Login) -> None:
    gate = Gate(Door(Program().load), Rules(), login)
    page = ask(gate, path="/", headers=[("accept", "text/html")])
    assert (page.status, page.headers["location"]) == (303, "/login")
    assert ask(gate, path="/aquatint/loading").status == 401
    assert ask(gate, path="/login").status == 200


def test_sockets_are_refused_while_loading() -> None:
    assert ask(Door(Program().load), scheme="ws").closed == 1013
