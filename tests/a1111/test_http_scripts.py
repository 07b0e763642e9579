"""Scripts of extensions over A1111's HTTP API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from modules.studio.app import App
from modules.web.additions import Additions
from modules.web.gate import Gate, Rules
from modules.web.server import build
from tests.a1111.words import word
from tests.web.asgi import Answer, ask, serving

SCRIPT = """
import gradio as gr
from modules import scripts
from modules.processing import process_images

class Wild(scripts.Script):
    def title(self): return "Wild Thing"
    def show(self, is_img2img): return scripts.AlwaysVisible
    def ui(self, is_img2img):
        return [gr.Checkbox(label="On", value=True), gr.Slider(0, 10, value=3, step=1, label="How"),
                gr.Dropdown(["a", "b"], value="a", label="Which")]
    def process(self, p, on, how, which): p.extra_generation_params["Wild"] = f"{on} {how} {which}"

class Chosen(scripts.Script):
    def title(self): return "Chosen One"
    def show(self, is_img2img): return not is_img2img
    def ui(self, is_img2img): return [gr.Number(label="n", value=1)]
    def run(self, p, n):
        p.extra_generation_params["Chosen"] = n
        return process_images(p)
"""
QUICK = {"prompt": "red heart", "seed": 7, "steps": 1, "width": 64, "height": 64}


@pytest.fixture
def gate(open_extended: Callable[..., App], tmp_path: Path) -> Iterator[Gate]:
    """An API alone, with one extension of two scripts."""
    file = tmp_path / "data/extensions/wild/scripts/wild.py"
    file.parent.mkdir(parents=True)
    file.write_text(SCRIPT)
    app = open_extended(flags=["--nowebui"])
    scripts = word("bridge.scripts_over_http").ScriptsOverHttp()
    desk = word("bridge.front_desk").make_desk(app)
    site: FastAPI = build(app, None, Additions(desk=desk, scripts=scripts))
    with serving(Gate(site, Rules()), lifespan="off"):
        yield Gate(site, Rules())


def get(gate: Gate, path: str) -> Any:
    return json.loads(ask(gate, path=f"/sdapi/v1/{path}").body)


def post(gate: Gate, **payload: Any) -> Answer:
    return ask(
        gate, "POST", "/sdapi/v1/txt2img", [("content-type", "application/json")], body=[json.dumps(payload).encode()]
    )


def made(gate: Gate, **payload: Any) -> str:
    """The infotext of a picture."""
    answer = post(gate, **QUICK, **payload)
    assert answer.status == 200, answer.body
    text: str = json.loads(json.loads(answer.body)["info"])["infotexts"][0]
    return text


def test_scripts_are_listed_chosen_and_given_arguments_by_title(gate: Gate) -> None:
    assert get(gate, "scripts")["txt2img"] == ["wild thing", "chosen one"]
    assert get(gate, "scripts")["img2img"][-1] == "wild thing"
    assert get(gate, "scripts")["img2img"][0] == "loopback"
    row = next(row for row in get(gate, "script-info") if row["name"] == "wild thing")
    assert (row["is_alwayson"], row["is_img2img"]) == (True, False)
    assert row["args"][1] == {"label": "How", "value": 3, "minimum": 0, "maximum": 10, "step": 1, "choices": None}
    assert row["args"][2]["choices"] == ["a", "b"]
    assert [row["name"] for row in get(gate, "extensions")] == ["wild"]
    assert set(get(gate, "extensions")[0]) == {
        *("name", "remote", "branch", "commit_hash", "version", "commit_date", "enabled"),
    }
    assert "Wild: True 3 a" in made(gate)
    text = made(gate, alwayson_scripts={"WILD thing": {"args": [False, 8]}}, script_name="chosen ONE", script_args=[5])
    assert "Wild: False 8 a" in text
    assert "Chosen: 5" in text
    assert "Chosen" not in made(gate, script_name="None")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"script_name": "nobody"}, "Script 'nobody' not found"),
        ({"script_name": "wild thing"}, "Script 'wild thing' not found"),
        ({"script_name": "loopback"}, "Script 'loopback' not found"),
        ({"alwayson_scripts": {"nobody": {"args": []}}}, "always on script nobody not found"),
        ({"alwayson_scripts": {"chosen one": {}}}, "Cannot have a selectable script in the always on scripts params"),
        ({"alwayson_scripts": {"wild thing": {"args": 3}}}, "wants a list of args"),
    ],
)
def test_scripts_that_cannot_be_had_are_named_in_a1111s_words(gate: Gate, payload: dict[str, Any], said: str) -> None:
    answer = post(gate, **QUICK, **payload)
    assert answer.status == 422
    assert said in json.loads(answer.body)["detail"]
