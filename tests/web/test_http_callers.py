"""Several programs at once: each job has the model and the options of its own caller."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from modules.studio.app import App, open_app
from modules.studio.command_line import ROOT, Flags
from modules.web.gate import Gate, Rules
from modules.web.login import Login
from modules.web.server import build
from tests.web.asgi import Answer, ask, serving, until
from tests.web.test_http_api import JSON, QUICK
from tests.web.test_images import ALICE, BOB

STARTER = ROOT / "models/Stable-diffusion/starter"
PEOPLE = {"alice": ("alice", "secret"), "bob": ("bob", "hidden")}


@pytest.fixture(scope="module")
def two_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A studio whose two checkpoints differ in their names."""
    folder = tmp_path_factory.mktemp("checkpoints")
    (folder / "second").symlink_to(STARTER, target_is_directory=True)
    flags = Flags(data_dir=tmp_path_factory.mktemp("data"), ckpt_dir=folder, no_half=True, nowebui=True)
    app = open_app(flags)
    app.settings.change({"sd_model_checkpoint": "starter"})
    yield app
    app.close()


@pytest.fixture
def guarded_site(two_models: App, login: Login) -> Gate:
    return Gate(build(two_models), Rules(), login)


def post(gate: Gate, path: str, value: object, who: tuple[str, str]) -> Answer:
    return ask(gate, "POST", f"/sdapi/v1/{path}", [JSON, who], body=[json.dumps(value).encode()])


def options(gate: Gate, who: tuple[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ask(gate, path="/sdapi/v1/options", headers=[who]).body)
    return told


def made(gate: Gate, who: tuple[str, str], **values: object) -> dict[str, Any]:
    answer = post(gate, "txt2img", {**QUICK, **values}, who)
    assert answer.status == 200, answer.body
    facts: dict[str, Any] = json.loads(json.loads(answer.body)["info"])
    return facts


def test_both_checkpoints_are_there(two_models: App) -> None:
    assert {checkpoint.stem for checkpoint in two_models.store.checkpoints} == {"starter", "second"}


def test_options_that_one_person_sets_are_not_anothers(two_models: App, guarded_site: Gate) -> None:
    server = two_models.settings.options
    assert post(guarded_site, "options", {"sd_model_checkpoint": "second"}, ALICE).status == 200
    assert post(guarded_site, "options", {"CLIP_stop_at_last_layers": 2.0}, BOB).status == 200
    assert two_models.settings.options == server
    assert options(guarded_site, ALICE)["sd_model_checkpoint"].startswith("second")
    assert options(guarded_site, BOB)["sd_model_checkpoint"].startswith("starter")
    alice, bob = made(guarded_site, ALICE), made(guarded_site, BOB)
    assert (alice["sd_model_name"], alice["clip_skip"]) == ("second", 1)
    assert (bob["sd_model_name"], bob["clip_skip"]) == ("starter", 2)


def test_posting_ones_options_back_keeps_them_and_freezes_nothing(two_models: App, guarded_site: Gate) -> None:
    post(guarded_site, "options", {"sd_model_checkpoint": "second"}, ALICE)
    whole = options(guarded_site, ALICE)
    assert post(guarded_site, "options", {**whole, "jpeg_quality": 70}, ALICE).status == 200
    assert options(guarded_site, ALICE) == {**whole, "jpeg_quality": 70}
    two_models.settings.change({"add_version_to_infotext": False})
    assert options(guarded_site, ALICE)["add_version_to_infotext"] is False
    two_models.settings.change({"add_version_to_infotext": True})


def test_what_is_the_whole_servers_is_nobodys_to_change_over_the_api(two_models: App, guarded_site: Gate) -> None:
    before = two_models.settings.options
    for values in ({"outdir_txt2img_samples": "outputs/mine"}, {"sd_checkpoints_limit": 9}):
        answer = post(guarded_site, "options", values, ALICE)
        assert (answer.status, next(iter(values)) in json.loads(answer.body)["detail"]) == (422, True)
    assert two_models.settings.options == before


def test_an_override_that_stays_stays_with_its_caller(two_models: App, guarded_site: Gate) -> None:
    before = two_models.settings.options
    overrides = {"CLIP_stop_at_last_layers": 3}
    made(guarded_site, ALICE, override_settings=overrides, override_settings_restore_afterwards=False)
    assert options(guarded_site, ALICE)["CLIP_stop_at_last_layers"] == 3
    assert options(guarded_site, BOB)["CLIP_stop_at_last_layers"] != 3
    assert two_models.settings.options == before
    post(guarded_site, "options", {"CLIP_stop_at_last_layers": 1}, ALICE)


def test_many_callers_at_once_each_get_their_model_and_options(two_models: App, login: Login) -> None:
    """Each asks for something else, and sets other options meanwhile."""
    wanted = [
        ("alice" if number % 2 else "bob", "second" if number % 3 else "starter", 1 + number % 4)
        for number in range(16)
    ]
    answers: dict[int, dict[str, Any]] = {}

    def ask_for(number: int, address: str) -> None:
        name, model, skip = wanted[number]
        with httpx.Client(base_url=address, auth=PEOPLE[name], timeout=120) as client:
            overrides = {"sd_model_checkpoint": model, "CLIP_stop_at_last_layers": float(skip)}
            answer = client.post(
                "/sdapi/v1/txt2img", json={**QUICK, "seed": 100 + number, "override_settings": overrides}
            )
            client.post("/sdapi/v1/options", json={"CLIP_stop_at_last_layers": 12, "sd_model_checkpoint": "second"})
            answers[number] = json.loads(answer.json()["info"])

    with serving(Gate(build(two_models), Rules(), login), lifespan="off") as address:
        callers = [threading.Thread(target=ask_for, args=(number, address)) for number in range(len(wanted))]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(120)
    got = [(answers[n]["sd_model_name"], answers[n]["clip_skip"], answers[n]["seed"]) for n in range(len(wanted))]
    assert got == [(model, skip, 100 + number) for number, (_, model, skip) in enumerate(wanted)]


def test_without_a_login_a_waiting_job_keeps_the_options_it_was_sent_with(two_models: App) -> None:
    gate = Gate(build(two_models), Rules())
    before = two_models.settings.options.model_dump()
    answers: list[Answer] = []
    body = json.dumps(QUICK).encode()
    caller = threading.Thread(
        target=lambda: answers.append(ask(gate, "POST", "/sdapi/v1/txt2img", [JSON], body=[body]))
    )
    two_models.engine.pause(True)
    caller.start()
    until(two_models.queue.line)
    ask(gate, "POST", "/sdapi/v1/options", [JSON], body=[b'{"sd_model_checkpoint": "second"}'])
    two_models.engine.pause(False)
    caller.join(60)
    assert json.loads(json.loads(answers[0].body)["info"])["sd_model_name"] == "starter"
    two_models.settings.change(before)
