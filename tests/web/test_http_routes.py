"""The routes that A1111 and Forge have: all are there, the page docs/api.md is true of them, and none falls over."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.command_line import ROOT
from modules.studio.engine import Ticket
from modules.studio.request import Request
from modules.studio.resolve import resolve
from modules.studio.settings import Options
from modules.web.gate import Gate, Rules
from modules.web.http_extras import SinglePayload
from modules.web.login import Login
from modules.web.server import Process, build
from tests.web.asgi import ask
from tests.web.test_http_api import JSON, encoded
from tests.web.test_images import ALICE, png

ROW = re.compile(r"^\| `((?:GET|POST|PUT|DELETE) \S+)` \| ([\w ]+) \|", re.MULTILINE)
STATUSES = {"done", "empty", "not here", "flag"}
SLOW = {"/sdapi/v1/reload-checkpoint"}


@pytest.fixture
def stops() -> list[str]:
    """One entry for each time that the server was told to stop."""
    return []


@pytest.fixture
def all_routes(app: App, address: str, stops: list[str]) -> FastAPI:
    """The API with the routes that a flag adds."""
    flags = dataclasses.replace(app.flags, nowebui=True, api_server_stop=True)
    return build(app._replace(flags=flags), Process(lambda: stops.append("stop"), lambda: stops.append("restart")))


def operations(site: FastAPI) -> dict[str, dict[str, Any]]:
    """What OpenAPI says of each "METHOD /path"."""
    return {
        f"{method.upper()} {path}": told
        for path, methods in site.openapi()["paths"].items()
        for method, told in methods.items()
    }


def table() -> dict[str, str]:
    return dict(ROW.findall((ROOT / "docs/api.md").read_text("utf-8")))


def test_the_table_of_routes_is_the_programs(all_routes: FastAPI) -> None:
    assert table().keys() == operations(all_routes).keys()
    assert set(table().values()) == STATUSES


def test_every_route_of_a1111_is_there(all_routes: FastAPI) -> None:
    theirs = (ROOT / "tests/data/a1111_routes.txt").read_text("utf-8").splitlines()
    assert len(theirs) > 50
    assert set(theirs) - operations(all_routes).keys() == set()


def test_without_its_flag_no_route_ends_the_server(site: FastAPI, open_site: Gate) -> None:
    flagged = {route for route, status in table().items() if status == "flag"}
    assert len(flagged) == 3
    assert flagged & operations(site).keys() == set()
    assert ask(open_site, "POST", "/sdapi/v1/server-stop").status == 404


def test_with_its_flag_the_server_ends_or_begins_again(all_routes: FastAPI, stops: list[str]) -> None:
    gate = Gate(all_routes, Rules())
    assert ask(gate, "POST", "/sdapi/v1/server-restart").status == 200
    assert stops == ["restart"]
    stopped = ask(gate, "POST", "/sdapi/v1/server-stop")
    assert (stopped.status, stopped.body) == (200, b"Stopping.")
    assert ask(gate, "POST", "/sdapi/v1/server-kill").status == 200
    assert stops == ["restart", "stop", "stop"]


def test_a_stranger_ends_nothing(all_routes: FastAPI, stops: list[str], login: Login) -> None:
    guarded = Gate(all_routes, Rules(), login)
    foreign = ("origin", "http://evil.example")
    assert ask(guarded, "POST", "/sdapi/v1/server-stop").status == 401
    assert ask(guarded, "POST", "/sdapi/v1/server-stop", [ALICE, foreign]).status == 403
    assert stops == []
    assert ask(guarded, "POST", "/sdapi/v1/server-stop", [ALICE]).status == 200
    assert stops == ["stop"]


def test_every_list_that_is_called_empty_is_empty(open_site: Gate) -> None:
    names = [route.partition(" ")[2] for route, status in table().items() if status == "empty" and "GET" in route]
    answers = {name: json.loads(ask(open_site, path=name).body) for name in names}
    hollow: list[Any] = [[], {}, {"html": ""}, {"loaded": {}, "skipped": {}}, {"txt2img": [], "img2img": []}]
    assert {name: told for name, told in answers.items() if told not in [*hollow, {"total": 0, "records": {}}]} == {}


# None falls over

TEXTS = st.text(max_size=12) | st.sampled_from(["", "None", "task(1)", "../../x", "\ud800", "\0", "data:,", "1e999"])
NUMBERS = st.integers(-(2**65), 2**65) | st.floats() | st.sampled_from([0, 1, 2, 64, 512, -1, 1.0])
PICTURES = st.sampled_from([encoded(png()), "data:image/png;base64," + encoded(png()), "AAAA", "=", ""])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def values_of(schema: dict[str, Any], all: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """Mostly what the schema asks for, now and then anything."""
    if "$ref" in schema:
        return values_of(all[schema["$ref"].rpartition("/")[2]], all, name)
    if "anyOf" in schema:
        return st.one_of([values_of(each, all, name) for each in schema["anyOf"]])
    if schema.get("type") == "object" and "properties" in schema:
        fields = {key: values_of(each, all, key) | ANYTHING for key, each in schema["properties"].items()}
        return st.fixed_dictionaries({}, optional=fields)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": PICTURES if name in ("image", "mask", "data", "init_images", "latent_mask") else TEXTS,
        "integer": NUMBERS,
        "number": NUMBERS,
        "boolean": st.booleans() | st.sampled_from(["true", "no", 1.0]),
        "object": st.dictionaries(st.sampled_from(list(Options.model_fields)) | TEXTS, ANYTHING, max_size=4),
    }
    if schema.get("type") == "array":
        return st.lists(values_of(schema["items"], all, name), max_size=2)
    return kinds.get(schema.get("type", ""), ANYTHING)


@pytest.fixture
def no_pictures(app: App, monkeypatch: pytest.MonkeyPatch, options_kept: None) -> None:
    """A request is read, resolved and then not queued: what is asked is whether anything falls over."""

    def submit(request: Request, owner: str, options: Options | None = None) -> Ticket:
        resolve(request, options or app.settings.options, app.store, app.styles, app.upscalers, app.faces)
        raise AquatintError("Not in this test.")

    monkeypatch.setattr(app.engine, "submit", submit)


def bodies(site: FastAPI) -> Iterator[tuple[str, st.SearchStrategy[Any]]]:
    """Each route that takes a body, and what to send to it."""
    schemas = site.openapi()["components"]["schemas"]
    for route, told in operations(site).items():
        if "requestBody" in told:
            schema = told["requestBody"]["content"]["application/json"]["schema"]
            yield route.partition(" ")[2], values_of(schema, schemas)


def statuses(site: FastAPI, examples: int) -> dict[int, tuple[str, Any]]:
    """Each status that comes back when the routes that take a body are sent so many, and what brought it."""
    gate = Gate(site, Rules())
    found: dict[int, tuple[str, Any]] = {}
    asked = st.one_of([st.tuples(st.just(path), values | ANYTHING) for path, values in bodies(site)])

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(asked)
    def send(asked: tuple[str, Any]) -> None:
        path, value = asked
        found.setdefault(ask(gate, "POST", path, [JSON], body=[json.dumps(value).encode()]).status, asked)

    send()
    return found


def test_no_route_gives_a_500_whatever_it_is_sent(all_routes: FastAPI, no_pictures: None) -> None:
    found = statuses(all_routes, 400)
    assert {200, 400, 422} <= found.keys()
    assert {status: asked for status, asked in found.items() if status >= 500} == {}


def test_a_route_that_falls_over_is_seen() -> None:
    site = FastAPI()

    @site.post("/falls")
    def falls(payload: SinglePayload) -> float:
        return 1 / (payload.upscaling_resize - 2)

    @site.exception_handler(ZeroDivisionError)
    def failed(request: object, error: Exception) -> Response:
        return Response(status_code=500)

    assert 500 in statuses(site, 50)


def test_no_route_without_a_body_gives_a_500(all_routes: FastAPI, options_kept: None) -> None:
    gate = Gate(all_routes, Rules())
    routes = [route.split(" ") for route, told in operations(all_routes).items() if "requestBody" not in told]
    queries = ("", "?skip_current_image=perhaps&attachment=x&index=x&filename=../../etc/passwd&page=lora&item=%00")
    answers = {
        (path, query): ask(gate, method, path + query).status
        for method, path in routes
        if path not in SLOW
        for query in queries
    }
    assert {asked: status for asked, status in answers.items() if status not in (200, 404, 422)} == {}
    assert {status for (path, _), status in answers.items() if path.startswith("/sdapi/v1/")} <= {200, 422}
