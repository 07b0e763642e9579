"""What programs written for A1111 send, request by request, and the fields that they need back."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from modules.studio.command_line import ROOT
from tests.web.test_http_api import encoded
from tests.web.test_images import png

CLIENTS = sorted((ROOT / "tests/data/clients").glob("*.json"))


def filled(value: Any, words: Mapping[str, str], whole: Any) -> Any:
    """The request with what only a running server knows: $TITLE, $PICTURE, $URI, and `$whole`, the answer of a GET."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace(word, text)
        return value
    if isinstance(value, list):
        return [filled(each, words, whole) for each in value]
    if isinstance(value, dict):
        begun = dict(whole(value["$whole"])) if "$whole" in value else {}
        return begun | {key: filled(each, words, whole) for key, each in value.items() if key != "$whole"}
    return value


def at(answer: Any, place: str) -> Any:
    """The part of an answer that a dotted place like state.job_count or 0.title names; KeyError, IndexError."""
    for key in place.split("."):
        answer = answer[int(key)] if isinstance(answer, list) else answer[key]
    return answer


def is_there(answer: Any, place: str) -> bool:
    try:
        return at(answer, place) is not None
    except (KeyError, IndexError, TypeError):
        return False


@pytest.mark.parametrize("file", CLIENTS, ids=lambda path: path.stem)
def test_a_client_gets_what_it_needs(address: str, options_kept: None, file: Path) -> None:
    with httpx.Client(base_url=address, timeout=60) as client:

        def whole(path: str) -> Any:
            return client.get(path).json()

        title = whole("/sdapi/v1/sd-models")[0]["title"]
        words = {"$TITLE": title, "$PICTURE": encoded(png()), "$URI": "data:image/png;base64," + encoded(png())}
        for asked in json.loads(file.read_text("utf-8"))["requests"]:
            sent = {"json": filled(asked["json"], words, whole)} if "json" in asked else {}
            answer = client.request(asked["method"], asked["path"], headers=asked.get("headers"), **sent)
            assert answer.status_code == asked.get("status", 200), (asked["path"], answer.text[:500])
            told = answer.json()
            assert [place for place in asked["needs"] if not is_there(told, place)] == [], asked["path"]
            assert [key for key in asked.get("lacks", []) if key in told] == []
            expected = filled(asked.get("equals", {}), words, whole)
            assert {place: at(told, place) for place in expected} == expected


def test_every_client_has_a_file_and_a_missing_field_is_seen() -> None:
    assert {path.stem for path in CLIENTS} == {
        "auto-photoshop", "koboldai-lite", "nonebot-diao", "open-webui", "sillytavern",
    }  # fmt: skip
    answer = {"images": ["x"], "state": {"job_count": 0}, "info": None}
    assert is_there(answer, "images.0")
    assert is_there(answer, "state.job_count")
    for place in ("images.1", "state.job", "info", "parameters", "images.0.title"):
        assert not is_there(answer, place), place


def test_the_pictures_of_a_replay_are_pictures(address: str) -> None:
    values = json.loads((ROOT / "tests/data/clients/sillytavern.json").read_text("utf-8"))["requests"]
    (asked,) = (each for each in values if each["path"].endswith("txt2img"))
    made = httpx.post(f"{address}{asked['path']}", json=asked["json"], timeout=60).json()["images"]
    sizes = [Image.open(io.BytesIO(base64.b64decode(each, validate=True))).size for each in made]
    assert sizes == [(64, 64)]
