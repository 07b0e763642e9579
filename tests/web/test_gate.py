"""The gate lets in what it should and nothing else; the T-numbers name the attacks that others suffered."""

from __future__ import annotations

import json

import pytest
from starlette.types import Receive, Scope, Send

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags
from modules.web.gate import HEADERS, PUBLIC, Gate, Hosts, Rules, allowed_origins, guard
from modules.web.login import Login
from tests.web.asgi import HOST, Headers, ask, echo, serving

PAGE = f"http://{HOST}"
FOREIGN_NAMES = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil",
    "localhost.",
    "localhost/health?",
    "evil@localhost",
    "2130706433",
    "0.0.0.0",
    "192.168.1.5:7860",
    "",
]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7860", "127.0.0.1:80", "127.0.0.2", "[::1]:7860"])
def test_loopback_names_are_ours(gate: Gate, host: str) -> None:
    assert ask(gate, host=host).status == 200


@pytest.mark.parametrize("host", FOREIGN_NAMES)
def test_t050_a_foreign_host_name_is_refused_for_pages_streams_and_sockets(gate: Gate, host: str) -> None:
    stream = [("accept", "text/event-stream")]
    assert ask(gate, host=host).status in (400, 421)
    assert ask(gate, "GET", "/gradio_api/queue/data", stream, host=host).status in (400, 421)
    assert ask(gate, scheme="ws", host=host).closed == 1008


@pytest.mark.parametrize("host", FOREIGN_NAMES)
def test_t050_twin_the_same_request_reaches_an_app_without_the_gate(host: str) -> None:
    assert ask(echo, host=host).status == 200


def test_t050_no_host_two_hosts_and_an_absolute_address_are_refused(gate: Gate) -> None:
    assert ask(gate, host=None).status == 400
    assert ask(gate, headers=[("host", HOST)]).status == 400
    assert ask(gate, path="http://evil.example/").status == 400


def test_on_the_network_numbers_are_ours_and_foreign_names_still_are_not() -> None:
    lan = Gate(echo, Rules(Hosts(frozenset({"studio.lan"}), network=True)))
    assert ask(lan, host="192.168.1.5:7860").status == 200
    assert ask(lan, host="[fe80::1]:7860").status == 200
    assert ask(lan, host="Studio.LAN:7860").status == 200
    assert ask(lan, host="evil.example").status == 421


FOREIGN_PAGES: list[Headers] = [
    [("origin", "null")],
    [("origin", "http://evil.example")],
    [("origin", "http://127.0.0.1.evil")],
    [("origin", "http://localhost:1")],
    [("origin", "https://" + HOST)],
    [("sec-fetch-site", "cross-site")],
    [("sec-fetch-site", "same-site")],
    [("sec-fetch-site", "cross-site"), ("origin", PAGE)],
    [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
]


@pytest.mark.parametrize("headers", FOREIGN_PAGES)
def test_t051_a_foreign_page_can_change_nothing(gate: Gate, headers: Headers) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert ask(gate, method, "/sdapi/v1/options", headers).status == 403
    assert ask(gate, scheme="ws", headers=headers).closed == 1008


@pytest.mark.parametrize("headers", FOREIGN_PAGES[:4])
def test_t051_a_foreign_page_can_open_no_stream(gate: Gate, headers: Headers) -> None:
    assert ask(gate, "GET", "/gradio_api/queue/data", [*headers, ("accept", "text/event-stream")]).status == 403


def test_t051_a_foreign_page_cannot_show_our_pictures(gate: Gate) -> None:
    image = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]
    assert ask(gate, "GET", "/aquatint/images/1", [("sec-fetch-site", "cross-site"), *image]).status == 403
    assert ask(gate, "GET", "/aquatint/images/1", [("sec-fetch-site", "same-origin"), *image]).status == 200


def test_t051_twin_our_own_page_and_scripts_may_do_all_of_it(gate: Gate) -> None:
    own: list[Headers] = [[("origin", PAGE)], [("sec-fetch-site", "same-origin")], [("sec-fetch-site", "none")], []]
    assert [ask(gate, "POST", "/sdapi/v1/options", headers).status for headers in own] == [200] * 4
    assert ask(gate, scheme="ws", headers=[("origin", PAGE)]).closed is None


def test_t052_a_link_from_elsewhere_opens_the_page(gate: Gate) -> None:
    link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
    assert ask(gate, "GET", "/", link).status == 200
    frame = [*link[:2], ("sec-fetch-dest", "iframe")]
    assert ask(gate, "GET", "/", frame).status == 403


def test_t055_a_configured_origin_may_call_and_its_lookalikes_may_not() -> None:
    gate = Gate(echo, Rules(origins=frozenset({"http://app.lan:3000"})))
    site = ("sec-fetch-site", "cross-site")
    assert ask(gate, "POST", "/", [("origin", "http://app.lan:3000"), site]).status == 200
    assert ask(gate, "POST", "/", [("origin", "http://app.lan:3000.evil"), site]).status == 403
    assert ask(gate, "POST", "/", [("origin", "http://app.lan:30001")]).status == 403
    assert ask(gate, "POST", "/", [("origin", "https://app.lan:3000")]).status == 403


def test_origins_are_read_from_the_flag_and_a_star_is_refused() -> None:
    assert allowed_origins(Flags(cors_allow_origins="https://A.example/, http://b.example:1")) == {
        "https://a.example",
        "http://b.example:1",
    }
    assert allowed_origins(Flags()) == frozenset()
    for bad in ("*", "https://*", "a.example", "https://a.example/path"):
        with pytest.raises(AquatintError, match="cors-allow-origins"):
            allowed_origins(Flags(cors_allow_origins=bad))


def test_the_flags_make_the_rules() -> None:
    local, lan = guard(echo, Flags(allow_host=("Studio.Lan",))), guard(echo, Flags(listen=True))
    named = guard(echo, Flags(server_name="box.lan"))
    assert [ask(local, host=host).status for host in ("studio.lan", "192.168.1.5")] == [200, 421]
    assert [ask(lan, host=host).status for host in ("192.168.1.5", "evil.example")] == [200, 421]
    assert [ask(named, host=host).status for host in ("box.lan:7860", "192.168.1.5", "evil.example")] == [200, 200, 421]
    assert ask(guard(echo, Flags(server_name="127.0.0.1")), host="192.168.1.5").status == 421


def test_every_answer_carries_the_security_headers(gate: Gate, guarded: Gate) -> None:
    for answer in (ask(gate), ask(gate, host="evil"), ask(guarded), ask(guarded, path="/login")):
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"] == "private, no-store"
    policy = HEADERS["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert "http" not in policy
    assert "*" not in policy


def test_the_api_says_how_many_seconds_it_took(gate: Gate) -> None:
    assert 0 <= float(ask(gate, path="/sdapi/v1/samplers").headers["x-process-time"]) < 60
    assert "x-process-time" not in ask(gate).headers


def test_an_answer_may_set_a_stricter_policy_of_its_own() -> None:
    async def strict(scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-security-policy", b"sandbox")]}
        )
        await send({"type": "http.response.body", "body": b""})

    assert ask(Gate(strict, Rules())).headers["content-security-policy"] == "sandbox"


def test_built_files_may_be_kept_by_the_browser_and_missing_ones_not(gate: Gate) -> None:
    assert "immutable" in ask(gate, path="/assets/Index-CsUOoOcz.js").headers["cache-control"]
    assert "cache-control" not in ask(gate, path="/theme.css").headers
    assert "no-store" in ask(Gate(_not_found, Rules()), path="/assets/x.js").headers["cache-control"]


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("path", ["/", "/sdapi/v1/txt2img", "/gradio_api/queue/join", "/login"])
def test_t093_a_body_over_the_limit_is_refused_with_and_without_its_length(path: str) -> None:
    small = Gate(echo, Rules(body_limit=1000))
    assert ask(small, "POST", path, [("content-length", "1001")], body=[b"x" * 1001]).status == 413
    assert ask(small, "POST", path, body=[b"x" * 600, b"x" * 600]).status in (413, 303)
    assert ask(small, "POST", "/", body=[b"x" * 500, b"x" * 500]).status == 200


def test_the_doors_of_gradio_that_move_files_are_shut(gate: Gate) -> None:
    shut = (
        "file=/etc/hostname", "file=https://evil.example/x", "file/etc/hostname", "proxy=https://evil.example",
        "upload", "stream/1", "component_server", "call/x", "run/x", "api/x", "runs", "deep_link",
        "dev/reload", "vibe-edit", "process_recording", "queue/data/../../upload", "queue/join/x", "infox", "user",
    )  # fmt: skip
    for path in ("/gradio_api", "/monitoring", "/monitoring/summary", *(f"/gradio_api/{name}" for name in shut)):
        assert ask(gate, path=path).status == 404, path
    answers = [ask(gate, path=f"/gradio_api/file={name}") for name in ("/etc/hostname", "/etc/no-such-file")]
    assert answers[0].body == answers[1].body


def test_the_doors_of_gradio_that_its_page_needs_are_open(gate: Gate) -> None:
    needed = (
        "run/predict",
        "queue/join",
        "queue/data",
        "heartbeat/abc123",
        "theme.css",
        "cancel",
        "reset",
        "startup-events",
        "info",
    )
    for path in ("/", "/config", "/theme.css", "/assets/a.js", *(f"/gradio_api/{name}" for name in needed)):
        assert ask(gate, path=path).status == 200, path


def test_at_most_six_paths_are_public() -> None:
    assert len(PUBLIC) <= 6


@pytest.mark.parametrize(
    "path",
    ["/", "/sdapi/v1/cmd-flags", "/sdapi//v1/options", "/SDAPI/v1/options", "/./login", "/login/", "/login;x",
     "//login", "/login%2f", "/x/../login", "/logout", "/config", "/docs", "/openapi.json", "/aquatint/images/1",
     "/assets/x.js", "/internal/ping", "/favicon.ico/x", "/no-such-page"],
)  # fmt: skip
def test_t073_without_a_login_every_path_and_method_asks_for_one(guarded: Gate, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PATCH", "PROPFIND"):
        answer = ask(guarded, method, path, [("x-http-method-override", "GET"), ("x-original-url", "/login")])
        assert answer.status == 401, method
    assert ask(guarded, path=path, scheme="ws").closed == 1008


def test_t073_twin_without_a_login_in_the_flags_they_are_open(gate: Gate) -> None:
    assert ask(gate, path="/sdapi/v1/cmd-flags").status == 200


def test_t072_a_host_that_looks_like_a_path_opens_nothing(guarded: Gate) -> None:
    assert ask(guarded, path="/config", host="localhost/login?").status == 400


def test_a_browser_is_led_to_the_login_page(guarded: Gate) -> None:
    answer = ask(guarded, path="/", headers=[("accept", "text/html,*/*")])
    assert (answer.status, answer.headers["location"]) == (303, "/login")


def test_only_the_api_challenges_for_basic(guarded: Gate) -> None:
    assert "basic" in ask(guarded, path="/sdapi/v1/options").headers["www-authenticate"].lower()
    assert "www-authenticate" not in ask(guarded, path="/aquatint/state").headers


def test_a_preflight_of_an_allowed_page_passes_without_a_login_and_no_other_does(login: Login) -> None:
    gate = Gate(echo, Rules(origins=frozenset({"https://app.example"})), login)
    preflight = [("origin", "https://app.example"), ("access-control-request-method", "POST")]
    assert ask(gate, "OPTIONS", "/sdapi/v1/txt2img", preflight).status == 200
    assert ask(gate, "OPTIONS", "/sdapi/v1/txt2img", [("origin", "https://evil"), preflight[1]]).status == 401
    assert ask(gate, "GET", "/sdapi/v1/options", preflight).status == 401
    assert ask(gate, "OPTIONS", "/sdapi/v1/txt2img", preflight[:1]).status == 401


def test_refusals_are_json_with_four_keys(gate: Gate) -> None:
    answer = ask(gate, host="evil.example")
    assert answer.headers["content-type"] == "application/json"
    assert set(json.loads(answer.body)) == {"error", "detail", "body", "errors"}


def test_the_lifespan_passes_through() -> None:
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(scope["type"])

    with serving(Gate(app, Rules())):
        assert heard == ["lifespan"]
