"""What Gradio would give away if we let it: files, origins, prompts. A twin shows that each probe would find it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio
import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from modules.studio.app import App
from modules.web.gate import PUBLIC, Gate, Hosts, Rules
from modules.web.gradio_mount import mount_pages
from modules.web.login import Login
from modules.web.server import build
from tests.web.asgi import Headers, ask, serving
from tests.web.test_images import ALICE

CANARY = "canary-of-a-file-nobody-may-read"


def file_data(path: Path | str) -> dict[str, Any]:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def small_page() -> gradio.Blocks:
    """A page with an event for every component that takes files."""
    with gradio.Blocks() as demo:
        inputs = [
            gradio.File(),
            gradio.Image(type="filepath"),
            gradio.JSON(),
            gradio.Audio(),
            gradio.Gallery(),
            gradio.State(),
        ]
        for number, component in enumerate(inputs):
            gradio.Button().click(lambda value: None, component, gradio.Textbox(), api_name=f"take{number}")
    return demo


def copies(folder: Path) -> list[Path]:
    """The files in Gradio's cache that hold the canary."""
    return [path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


def try_everything(address: str, events: Sequence[int], secret: Path) -> None:
    """Every way to call an event, with a path where a file is expected."""
    values = [file_data(secret), [file_data(secret)], {"a": [file_data(secret)]}, [[{"image": file_data(secret)}]]]
    with httpx.Client(base_url=f"{address}/gradio_api", timeout=20) as client:
        for event in events:
            for value in values:
                body = {"data": [value], "fn_index": event, "session_hash": "probe", "event_id": None}
                client.post("/run/predict", json=body)
                client.post(f"/run/take{event}", json={"data": [value]})
                client.post(f"/call/take{event}", json={"data": [value]})
                client.post("/queue/join", json=body)
        with client.stream("GET", "/queue/data", params={"session_hash": "probe"}) as news:
            ended = (line for line in news.iter_lines() if "close_stream" in line or "process_completed" in line)
            next(ended, None)


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "secret.png"
    path.write_text(CANARY)
    return path


def test_t001_an_event_of_a_mounted_page_reads_no_file(gradio_folder: Path, secret: Path) -> None:
    site, demo = FastAPI(), small_page()
    mount_pages(site, demo)
    with serving(site) as address:
        try_everything(address, range(6), secret)
    assert copies(gradio_folder) == []


def take_off(demo: gradio.Blocks, guards: Sequence[str]) -> None:
    """What keeps a mounted page from reading files: Gradio's own check, which `has_launched` turns on, and ours."""
    if "has_launched" in guards:
        demo.has_launched = False
    if "process_api" in guards:
        del vars(demo)["process_api"]


@pytest.mark.parametrize("guard", ["has_launched", "process_api"])
def test_t001_each_of_two_guards_is_enough(gradio_folder: Path, secret: Path, guard: str) -> None:
    site, demo = FastAPI(), small_page()
    mount_pages(site, demo)
    take_off(demo, [guard])
    with serving(site) as address:
        try_everything(address, range(6), secret)
    assert copies(gradio_folder) == []


def test_t001_twin_without_both_it_does(gradio_folder: Path, secret: Path) -> None:
    site, demo = FastAPI(), small_page()
    mount_pages(site, demo)
    take_off(demo, ["has_launched", "process_api"])
    with serving(site) as address:
        try_everything(address, range(6), secret)
    found = copies(gradio_folder)
    for path in found:
        path.unlink()
    assert found


def test_t001_no_event_of_our_page_reads_a_file(address: str, gradio_folder: Path, secret: Path) -> None:
    config = httpx.get(f"{address}/config", timeout=20).json()
    events = [(event["id"], len(event["inputs"])) for event in config["dependencies"]]
    assert len(events) > 3
    with httpx.Client(base_url=f"{address}/gradio_api", timeout=20) as client:
        for event, count in events:
            body = {"data": [file_data(secret)] * count, "fn_index": event, "session_hash": f"probe{event}"}
            assert client.post("/queue/join", json=body).status_code in (200, 400, 422, 500, 503)
            assert client.post("/run/predict", json=body).status_code in (200, 422, 500)
            assert client.post("/call/predict", json=body).status_code == 404
    assert copies(gradio_folder) == []


def test_f6_the_page_tells_nobody_and_keeps_nothing(address: str) -> None:
    page, config = httpx.get(address, timeout=20), httpx.get(f"{address}/config", timeout=20).json()
    assert page.status_code == 200
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False
    assert config["show_error"] is False
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert config["footer_links"] == []
    assert httpx.get(f"{address}/gradio_api/runs", timeout=20).status_code == 404


HOSTS = ["localhost:7860", "127.0.0.1:7860", "127.0.0.2:7860", "[::1]:7860", "192.168.1.5:7860"]
ORIGINS = ["null", "http://evil.example", "http://app.lan:3000.evil", "http://app.lan:30001", "https://app.lan:3000"]
PATHS = ["/", "/config", "/gradio_api/info", "/sdapi/v1/options", "/aquatint/state"]


@pytest.mark.parametrize("host", HOSTS)
def test_t054_only_the_configured_origin_gets_a_cors_header(site: FastAPI, address: str, host: str) -> None:
    gate = Gate(site, Rules(Hosts(network=True)))
    for origin in ORIGINS:
        for path in PATHS:
            preflight: Headers = [("origin", origin), ("access-control-request-method", "POST")]
            answers = [
                ask(gate, "GET", path, preflight[:1], host=host),
                ask(gate, "OPTIONS", path, preflight, host=host),
            ]
            assert all("access-control-allow-origin" not in answer.headers for answer in answers), (path, origin)


def test_t054_twin_a_page_without_the_class_lets_any_origin_in() -> None:
    bare, ours = FastAPI(), FastAPI()
    ours.add_middleware(CORSMiddleware, allow_origins=["http://app.lan:3000"], allow_credentials=True)
    found = {}
    for name, site in (("bare", bare), ("ours", ours)):
        mount_pages(site, small_page())
        for origin in ("http://evil.example", "http://app.lan:3000"):
            answer = ask(site, "GET", "/config", [("origin", origin)], host="192.168.1.5:7860")
            found[name, origin] = answer.headers.get("access-control-allow-origin")
    assert found == {
        ("bare", "http://evil.example"): "http://evil.example",
        ("bare", "http://app.lan:3000"): "http://app.lan:3000",
        ("ours", "http://evil.example"): None,
        ("ours", "http://app.lan:3000"): "http://app.lan:3000",
    }


def walk(routes: Sequence[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route, through routers and mounts; {parameters} become something."""
    for route in routes:
        path = prefix + (getattr(route, "path", "") or "")
        inner = getattr(route, "original_router", route)
        for method in sorted(getattr(route, "methods", None) or ()):
            yield method, path.replace("{", "").replace("}", "").replace(":path", "").replace(":str", "")
        yield from walk(getattr(inner, "routes", None) or (), "" if inner is not route else path)


def test_t070_every_route_asks_for_a_login_but_the_public_ones(
    site: FastAPI, closed_site: Gate, open_site: Gate
) -> None:
    routes = set(walk(site.routes))
    assert {("POST", "/sdapi/v1/txt2img"), ("GET", "/aquatint/state"), ("GET", "/gradio_api/info")} <= routes
    assert ("POST", "/gradio_api/queue/join") in routes
    assert len(routes) > 100
    for method, path in {route for route in routes if route[1] not in PUBLIC}:
        assert ask(closed_site, method, path).status == 401, (method, path)
    for path in {path for method, path in routes if method == "GET" and path not in PUBLIC}:
        answer = ask(closed_site, "GET", path, [("accept", "text/html")])
        assert (answer.status, answer.headers["location"]) == (303, "/login"), path
    assert {path for path in PUBLIC if ask(closed_site, path=path).status == 200} == PUBLIC
    assert ask(open_site, path="/sdapi/v1/options").status == 200


def test_t012_a_route_that_is_added_later_is_guarded_too(login: Login) -> None:
    site = FastAPI()
    gate = Gate(site, Rules(), login)
    site.add_api_route("/ext/secret", lambda: CANARY)
    assert ask(gate, path="/ext/secret").status == 401
    assert CANARY.encode() in ask(Gate(site, Rules()), path="/ext/secret").body


def test_logged_in_people_see_their_page(closed_site: Gate) -> None:
    page = ask(closed_site, path="/", headers=[ALICE])
    assert page.status == 200
    config = json.loads(ask(closed_site, path="/config", headers=[ALICE]).body)
    assert config["username"] == "alice"


def test_without_pages_the_root_leads_to_the_documentation(app: App) -> None:
    site = build(app._replace(flags=dataclasses.replace(app.flags, nowebui=True)))
    gate = Gate(site, Rules())
    assert ask(gate, path="/").headers["location"] == "/docs"
    assert ask(gate, path="/config").status == 404
    assert ask(gate, path="/sdapi/v1/options").status == 200
