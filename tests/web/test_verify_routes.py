"""Verify over HTTP: one's own picture by its id, any picture by its bytes."""

from __future__ import annotations

import json

import pytest

from modules.studio.app import App
from modules.web.gate import Gate
from tests.web.asgi import ask
from tests.web.conftest import Submit
from tests.web.test_images import ALICE, BOB, png

PNG = ("content-type", "image/png")


def test_a_picture_is_verified_by_its_id_and_by_its_bytes(closed_site: Gate, app: App, submit: Submit) -> None:
    image = submit("alice", prompt="a verified heart").wait(60).images[0]
    by_id = ask(closed_site, "POST", f"/aquatint/images/{image.id}/verify", [ALICE])
    assert (by_id.status, json.loads(by_id.body)["sentence"]) == (200, "identical")
    data = app.gallery.read(image.id, "alice")[0]
    by_bytes = ask(closed_site, "POST", "/aquatint/verify", [BOB, PNG], body=[data])
    assert (by_bytes.status, json.loads(by_bytes.body)["identical"]) == (200, True)
    assert app.gallery.find("bob", words="verified") == []
    shown = json.loads(ask(closed_site, path="/aquatint/state", headers=[BOB]).body)["jobs"][0]
    assert (shown["prompt"], shown["images"]) == ("a verified heart", [])


def test_what_says_nothing_of_itself_is_told(open_site: Gate) -> None:
    verdict = json.loads(ask(open_site, "POST", "/aquatint/verify", [PNG], body=[png()]).body)
    assert (verdict["identical"], verdict["largest"]) == (False, None)
    assert "Nothing in its file says how it was made" in verdict["sentence"]


def test_somebody_elses_picture_is_not_there(closed_site: Gate, submit: Submit) -> None:
    image = submit("alice").wait(60).images[0]
    assert ask(closed_site, "POST", f"/aquatint/images/{image.id}/verify", [BOB]).status == 404


@pytest.mark.parametrize("body", [b"", b"no picture"])
def test_what_is_no_picture_is_a_bad_request(open_site: Gate, body: bytes) -> None:
    assert ask(open_site, "POST", "/aquatint/verify", [PNG], body=[body]).status == 400


def test_while_the_queue_is_paused_nobody_waits_for_ever(open_site: Gate, paused: App) -> None:
    answer = ask(open_site, "POST", "/aquatint/verify", [PNG], body=[png()])
    assert answer.status == 400
    assert b"paused" in answer.body
