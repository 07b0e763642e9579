"""The pages' own JSON: the owner's jobs and pictures in full, of others only how many wait."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from fastapi import FastAPI
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.routing import Route

from modules.studio.app import App
from modules.web.gate import Gate
from tests.web.asgi import Answer, ask, until
from tests.web.conftest import Submit
from tests.web.test_images import ALICE, BOB

JSON = ("content-type", "application/json")
INFOTEXT = "a cat\nNegative prompt: a dog\nSteps: 20, Sampler: Euler a, CFG scale: 6.5, Seed: 3, Size: 64x128"


def state(gate: Gate, who: tuple[str, str] = ALICE) -> dict[str, Any]:
    answer = ask(gate, path="/aquatint/state", headers=[who])
    assert answer.status == 200
    told: dict[str, Any] = json.loads(answer.body)
    return told


def post(gate: Gate, path: str, value: object = None, who: tuple[str, str] = ALICE) -> Answer:
    return ask(gate, "POST", path, [who, JSON], body=[json.dumps(value or {}).encode()])


def test_the_state_tells_the_owners_jobs_from_waiting_to_done(closed_site: Gate, paused: App, submit: Submit) -> None:
    ticket = submit("alice", prompt="<b>a heart</b>")
    waiting = state(closed_site)
    assert waiting["paused"] is True
    assert [(job["id"], job["state"], job["place"], job["kind"]) for job in waiting["jobs"][:1]] == [
        (ticket.id, "queued", 0, "txt2img")
    ]
    assert waiting["jobs"][0]["prompt"] == "<b>a heart</b>"
    paused.engine.pause(False)
    ticket.wait(60)
    done = state(closed_site)["jobs"][0]
    assert (done["id"], done["state"], done["fraction"], done["preview"]) == (ticket.id, "done", 1.0, None)
    assert set(done["images"][0]) == {"id", "infotext", "seed", "width", "height"}
    assert done["images"][0]["seed"] == 7
    assert ask(closed_site, path=f"/aquatint/images/{done['images'][0]['id']}", headers=[ALICE]).status == 200


def test_t081_others_see_only_how_many_wait(closed_site: Gate, paused: App, submit: Submit) -> None:
    submit("alice", prompt="my secret prompt")
    submit("alice", prompt="my secret prompt")
    seen = ask(closed_site, path="/aquatint/state", headers=[BOB])
    assert json.loads(seen.body)["others"] == 2
    assert json.loads(seen.body)["login"] == "bob"
    assert b"secret prompt" not in seen.body
    assert state(closed_site)["others"] == 0
    assert [job["place"] for job in state(closed_site)["jobs"][:2]] == [0, 1]


def test_t079_nobody_reaches_into_anothers_job_by_any_route(
    site: FastAPI, closed_site: Gate, paused: App, submit: Submit
) -> None:
    ticket = submit("alice")
    paths = [route.path for route in site.routes if isinstance(route, Route) and "/jobs/{id}" in route.path]
    verbs = ("interrupt", "skip", "cancel", "move")
    asked = {path.replace("{id}", ticket.id).replace("{verb:str}", verb) for path in paths for verb in verbs}
    assert len(asked) == 5
    for path in asked:
        assert post(closed_site, path, {"place": 0}, BOB).status in (404, 405), path
        assert ask(closed_site, "GET", path, [BOB]).status in (404, 405), path
    assert paused.queue.line() == [ticket.id]
    assert post(closed_site, f"/aquatint/jobs/{ticket.id}/cancel").status == 200
    assert paused.queue.line() == []


def test_the_own_jobs_can_be_moved(closed_site: Gate, paused: App, submit: Submit) -> None:
    first, second, third = (submit("alice").id for _ in range(3))
    assert post(closed_site, f"/aquatint/jobs/{third}/move", {"place": 0}).status == 200
    assert [job["id"] for job in state(closed_site)["jobs"][:3]] == [third, first, second]
    for bad in ({}, {"place": "x"}, {"place": None}):
        assert post(closed_site, f"/aquatint/jobs/{third}/move", bad).status == 422
    for body in (b"", b"[]", b"{", b"[" * 100_000):
        assert ask(closed_site, "POST", f"/aquatint/jobs/{third}/move", [ALICE, JSON], body=[body]).status == 400


def test_the_queue_can_be_paused_and_resumed(open_site: Gate, app: App) -> None:
    assert json.loads(post(open_site, "/aquatint/queue/pause").body) == {"paused": True}
    assert app.queue.paused
    assert json.loads(post(open_site, "/aquatint/queue/resume").body) == {"paused": False}
    assert post(open_site, "/aquatint/queue/explode").status == 404
    assert post(open_site, "/aquatint/jobs/x/explode").status == 404


def test_a_running_job_shows_its_steps_and_preview_and_stops_when_told(closed_site: Gate, submit: Submit) -> None:
    ticket = submit("alice", steps=1000)
    until(lambda: ticket.job.progress.preview)
    running = state(closed_site)["jobs"][0]
    assert (running["state"], running["steps"]) == ("running", 1000)
    assert 0 < running["fraction"] < 1
    preview = ask(closed_site, path=running["preview"], headers=[ALICE])
    assert Image.open(io.BytesIO(preview.body)).format == "JPEG"
    assert ask(closed_site, path=running["preview"], headers=[BOB]).status == 404
    assert post(closed_site, f"/aquatint/jobs/{ticket.id}/interrupt").status == 200
    assert ticket.wait(20).state == "cancelled"
    assert ask(closed_site, path=running["preview"], headers=[ALICE]).status == 404
    assert post(closed_site, f"/aquatint/jobs/{ticket.id}/interrupt").status == 404


def test_the_gallery_is_paged_filtered_and_the_owners(closed_site: Gate, submit: Submit) -> None:
    for seed in range(3):
        submit("bob", seed=seed, prompt=f"gallery {'green' if seed else 'blue'} thing").wait(60)

    def gallery(question: str, who: tuple[str, str] = BOB) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(ask(closed_site, path=f"/aquatint/gallery?{question}", headers=[who]).body)
        return told

    page = gallery("limit=2&words=gallery")
    assert [image["seed"] for image in page["images"]] == [2, 1]
    assert "gallery green thing" in page["images"][0]["infotext"]
    rest = gallery(f"limit=2&words=gallery&before={page['next']}")
    assert ([image["seed"] for image in rest["images"]], rest["next"]) == ([0], None)
    assert [image["seed"] for image in gallery("words=blue")["images"]] == [0]
    assert gallery("sampler=Heun")["images"] == []
    assert gallery("words=gallery", ALICE)["images"] == []
    for odd in ("before=x", "before=1-1;drop"):
        assert ask(closed_site, path=f"/aquatint/gallery?{odd}", headers=[BOB]).status == 400
    for odd in ("limit=-1", "limit=x", "limit=99999999999", "words=%22%27*", "date=%25"):
        assert ask(closed_site, path=f"/aquatint/gallery?{odd}", headers=[BOB]).status == 200


def test_png_info_reads_a_picture_or_a_text(open_site: Gate) -> None:
    texts, file = PngInfo(), io.BytesIO()
    texts.add_text("parameters", INFOTEXT)
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=texts)
    from_picture = json.loads(ask(open_site, "POST", "/aquatint/png-info", body=[file.getvalue()]).body)
    from_text = json.loads(post(open_site, "/aquatint/png-info", {"text": INFOTEXT}).body)
    assert from_picture == from_text
    assert from_text["infotext"] == INFOTEXT
    values = from_text["values"]
    assert (values["prompt"], values["negative_prompt"], values["seed"]) == ("a cat", "a dog", 3)
    assert (values["width"], values["height"], values["sampler_name"], values["cfg_scale"]) == (64, 128, "Euler a", 6.5)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"text": 5}', b"{}", b"\xff", b"[" * 100_000])
def test_png_info_of_nonsense_is_a_bad_request(open_site: Gate, body: bytes) -> None:
    assert ask(open_site, "POST", "/aquatint/png-info", [JSON], body=[body]).status in (400, 422)


def test_t097_a_hostile_infotext_is_only_a_text(open_site: Gate, app: App) -> None:
    before = app.settings.options
    for text in (
        "x\nSteps: 1e9, Size: 999999x999999, Seed: -5, Model hash: ../../x, outdir_txt2img_samples: /etc",
        "a\udcff\0b\nSteps: 5, Seed: 1, Sampler: Euler",
        "(" * 100_000,
        "Steps: " * 100_000,
    ):
        answer = post(open_site, "/aquatint/png-info", {"text": text})
        assert answer.status == 200
        assert json.loads(answer.body)["values"].get("steps", 20) <= 1000
    assert app.settings.options == before


def test_without_a_login_there_is_nobody_to_log_out(open_site: Gate) -> None:
    assert json.loads(ask(open_site, path="/aquatint/state").body)["login"] is None
