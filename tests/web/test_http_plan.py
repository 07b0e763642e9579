"""The plan over HTTP."""

from __future__ import annotations

import json
from typing import Any

from modules.studio.app import App
from modules.web.gate import Gate
from tests.web.asgi import Answer, ask
from tests.web.test_http_api import JSON, QUICK


def post(gate: Gate, **values: Any) -> Answer:
    return ask(gate, "POST", "/aquatint/v1/plan", [JSON], body=[json.dumps({**QUICK, **values}).encode()])


def test_a_plan_says_what_would_run_and_queues_nothing(open_site: Gate, app: App) -> None:
    before = len(app.queue.rows(limit=None))
    plan = json.loads(post(open_site, prompt="<lora:gone:1>", n_iter=2, kind="img2img").body)
    assert (plan["checkpoint"], plan["images"], plan["width"], plan["ahead"]) == ("starter", 2, 64, 0)
    assert plan["networks"] == [{"kind": "lora", "name": "gone", "found": False}]
    assert plan["sentence"].startswith("No lora called gone")
    assert len(app.queue.rows(limit=None)) == before


def test_what_is_wrong_is_said(open_site: Gate) -> None:
    assert post(open_site, steps=0).status == 422
    assert post(open_site, kind="video").status == 422
    assert post(open_site, sampler_name="Magic").status == 400
