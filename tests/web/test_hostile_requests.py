"""Numbers, JSON and errors nobody should send: named in the answer, nothing queued, nothing given away."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from typing import Any

import pytest

from modules.studio.app import App
from modules.web.gate import Gate, Rules
from modules.web.server import build
from tests.web.asgi import Answer, ask
from tests.web.test_http_api import JSON, QUICK, encoded
from tests.web.test_images import png

BIG = 2**63
WRONG_NUMBERS = [
    ("steps", -1), ("steps", 0), ("steps", 1e9), ("steps", 2.5), ("steps", "x"), ("steps", []), ("steps", math.nan),
    ("steps", math.inf), ("steps", BIG), ("width", 0), ("width", -8), ("width", 7), ("width", 1e9), ("height", 8.5),
    ("batch_size", 10_000), ("batch_size", 0), ("n_iter", 1e9), ("n_iter", -1), ("cfg_scale", math.nan),
    ("cfg_scale", math.inf), ("cfg_scale", -1), ("cfg_scale", "much"), ("seed", 2**64), ("seed", -2), ("seed", 0.5),
    ("subseed_strength", 9), ("subseed_strength", math.nan), ("eta", -1), ("s_noise", math.inf), ("prompt", 5),
    ("prompt", ["a"]), ("prompt", "a" * 100_001), ("prompt", "\ud800"), ("styles", "one"), ("styles", [5]),
    ("override_settings", []), ("override_settings", {"CLIP_stop_at_last_layers": 99}), ("enable_hr", "perhaps"),
    ("alwayson_scripts", []), ("sampler_name", 5),
]  # fmt: skip


def post(gate: Gate, body: bytes, path: str = "/sdapi/v1/txt2img") -> Answer:
    return ask(gate, "POST", path, [JSON], body=[body])


@pytest.mark.parametrize(("field", "value"), WRONG_NUMBERS)
def test_t099_a_wrong_value_is_422_with_the_field_named(
    open_site: Gate, paused: App, field: str, value: object
) -> None:
    answer = post(open_site, json.dumps({**QUICK, field: value}).encode())
    assert answer.status == 422
    assert field in json.loads(answer.body)["detail"]
    assert paused.queue.line() == []


@pytest.mark.parametrize(
    ("field", "value"), [("denoising_strength", 9), ("denoising_strength", -1), ("resize_mode", 4)]
)
def test_t099_img2img_names_its_fields_too(open_site: Gate, paused: App, field: str, value: object) -> None:
    body = json.dumps({**QUICK, "init_images": [encoded(png())], field: value}).encode()
    answer = post(open_site, body, "/sdapi/v1/img2img")
    assert (answer.status, field in json.loads(answer.body)["detail"]) == (422, True)
    assert paused.queue.line() == []


def test_t099_all_pixels_together_are_limited(open_site: Gate, paused: App) -> None:
    answer = post(open_site, json.dumps({**QUICK, "width": 8192, "height": 8192, "batch_size": 64}).encode())
    assert answer.status == 422
    assert paused.queue.line() == []


BODIES = {
    "empty": b"",
    "half": b'{"prompt": "a"',
    "trailing garbage": b'{"steps": 1} x',
    "a list": b"[]",
    "a text": b'"prompt"',
    "null": b"null",
    "a number": b"5",
    "100,000 lists": b"[" * 100_000,
    "100,000 closed lists": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "not UTF-8": b'{"prompt": "\xff\xfe"}',
    "a long number": b'{"steps": ' + b"9" * 10_000 + b"}",
    "a deep field": b'{"steps": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
}


@pytest.mark.parametrize("name", BODIES)
def test_t100_a_broken_body_is_refused_quickly(open_site: Gate, paused: App, name: str) -> None:
    began = time.monotonic()
    for path in ("/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/options", "/sdapi/v1/png-info"):
        answer = post(open_site, BODIES[name], path)
        assert 400 <= answer.status < 500, path
        assert set(json.loads(answer.body)) == {"error", "detail", "body", "errors"}
        assert len(answer.body) < 2000
    assert time.monotonic() - began < 4
    assert paused.queue.line() == []


def test_t100_a_body_of_100_mb_is_refused_before_it_is_read(open_site: Gate) -> None:
    length = ("content-length", str(100 * 1024 * 1024))
    assert ask(open_site, "POST", "/sdapi/v1/txt2img", [JSON, length], body=[b"{"]).status == 413


def test_t028_a_form_is_no_json(open_site: Gate, paused: App) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain"):
        body = [json.dumps(QUICK).encode()]
        for path in ("/sdapi/v1/txt2img", "/sdapi/v1/options"):
            assert ask(open_site, "POST", path, [("content-type", kind)], body=body).status == 422
    assert paused.queue.line() == []


def test_a_refused_value_is_not_sent_back(open_site: Gate) -> None:
    answer = post(
        open_site, json.dumps({"init_images": 5, "mask": {"canary": "x" * 1000}}).encode(), "/sdapi/v1/img2img"
    )
    assert answer.status == 422
    assert b"canary" not in answer.body


def test_t105_an_internal_error_says_only_its_number(app: App, caplog: pytest.LogCaptureFixture) -> None:
    without_engine: Any = None
    site = build(app._replace(flags=dataclasses.replace(app.flags, nowebui=True), engine=without_engine))
    for path in ("/sdapi/v1/txt2img", "/sdapi/v1/interrupt"):
        answer = post(Gate(site, Rules()), json.dumps(QUICK).encode(), path)
        told = json.loads(answer.body)
        assert (answer.status, set(told)) == (500, {"error", "detail", "body", "errors"})
        assert b"NoneType" not in answer.body
        assert "/" not in told["detail"]
        assert told["detail"].rstrip(".").rpartition(" ")[2] in caplog.text
