"""The Extensions tab's routes: what they do, and for whom."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags
from modules.studio.extension_chores import Chore
from modules.studio.extension_process import run_aside
from modules.studio.extension_trial import Trial
from modules.web.answers import refusal
from modules.web.extension_desk import Desk
from modules.web.extension_routes import PREFIX, routes
from modules.web.gate import Gate, Rules
from modules.web.login import Login
from tests.studio.test_extensions import Behaviour, House, write
from tests.web.asgi import Answer, Headers, ask, until

JSON = ("content-type", "application/json")
OURS = ("origin", "http://127.0.0.1:7860")


class Office:
    """A desk over a data folder, and what was asked of its server."""

    def __init__(self, data: Path) -> None:
        self.house = House(data / "data")
        self.restarts: list[int] = []
        trial = Trial(True, picture=True, hooks={"process": 0.5})
        self.desk = Desk(self.house.extensions, lambda folder, name, halt: trial, lambda: self.restarts.append(1))
        self.brought = data / "brought" / "sd-wild"
        write(self.brought, "scripts/wild.py", "from modules import scripts\n")

    def site(self, login: Login | None = None, **flags: Any) -> Gate:
        """Behind a gate, as a server that was started with these flags."""

        def said(request: Request, error: Exception) -> Response:
            return refusal(400, type(error).__name__, str(error))

        handlers: dict[Any, Any] = {AquatintError: said}
        return Gate(Starlette(routes=routes(self.desk, Flags(**flags)), exception_handlers=handlers), Rules(), login)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def post(site: Gate, verb: str, headers: Headers = (JSON, OURS), address: str = "127.0.0.1", **asked: Any) -> Answer:
    body = json.dumps(asked).encode()
    return ask(site, "POST", f"{PREFIX}/{verb}", headers, body=[body], address=address)


def state(site: Gate, headers: Headers = (), address: str = "127.0.0.1") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(site, path=PREFIX, headers=headers, address=address).body)
    return found


def outcome(site: Gate, answer: Answer) -> Any:
    """What came of a chore."""
    assert answer.status == 200, answer.body

    def chore() -> Any:
        return json.loads(ask(site, path=f"{PREFIX}/chore").body)["chore"]

    until(lambda: chore()["state"] != "running")
    assert chore()["error"] == ""
    return chore()["result"]


def test_an_extension_is_looked_at_and_then_installed(office: Office) -> None:
    site = office.site()
    staged = outcome(site, post(site, "bring", what=str(office.brought)))
    assert (staged["name"], staged["scan"]["verdict"]) == ("sd-wild", "works")
    assert state(site)["extensions"] == []
    assert json.loads(post(site, "install", id=staged["id"]).body) == {"result": "sd-wild"}
    (row,) = state(site)["extensions"]
    assert (row["name"], row["state"], row["waits"], row["source"]) == ("sd-wild", "on", True, "folder")
    assert state(site)["waits"] is True


def test_an_archive_is_sent_from_a_browser(office: Office) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("scripts/a.py", "")
    site = office.site()
    answer = ask(site, "POST", f"{PREFIX}/upload?name=..%2F..%2Fsd-wild.zip", [OURS], body=[data.getvalue()])
    assert outcome(site, answer)["name"] == "sd-wild"
    assert not list(office.house.folders.state.rglob("*.upload"))


def test_verbs_that_change_things_do_what_they_say(office: Office) -> None:
    site = office.site()
    write(office.house.folder / "mine", "scripts/a.py", "class A(scripts.Script):\n    def process(self, p): pass")
    post(site, "off", name="mine")
    assert state(site)["extensions"][0]["state"] == "off"
    post(site, "on", name="mine")
    assert json.loads(post(site, "scan", name="mine").body)["result"]["hooks"] == ["process"]
    assert outcome(site, post(site, "try", name="mine"))["sentence"].startswith("It was loaded and took part")
    kept = json.loads(post(site, "uninstall", name="mine").body)["result"]
    assert [row["id"] for row in state(site)["trash"]] == [kept]
    post(site, "restore", id=kept)
    assert [row["name"] for row in state(site)["extensions"]] == ["mine"]
    post(site, "throw-away", id=json.loads(post(site, "uninstall", name="mine").body)["result"])
    assert state(site)["trash"] == []
    post(site, "restart")
    assert office.restarts == [1]


def test_what_fails_says_why(office: Office) -> None:
    site = office.site()
    assert b"There is no extension called" in post(site, "off", name="nobody").body
    assert b"name: it is missing" in post(site, "off").body
    assert b"First look what its packages" in post(site, "packages", name="mine").body
    chore = post(site, "bring", what="/nowhere/at/all")
    assert chore.status == 200
    until(lambda: json.loads(ask(site, path=f"{PREFIX}/chore").body)["chore"]["state"] == "failed")
    assert (
        json.loads(ask(site, path=f"{PREFIX}/chore").body)["chore"]["error"] == "There is nothing at /nowhere/at/all."
    )


VERBS = ["install", "bring", "on", "off", "approve", "uninstall", "restart", "try", "plan", "packages", "update",
         "restore", "throw-away", "roll-back", "cancel", "look", "scan", "forget", "remove-packages"]  # fmt: skip


def test_every_verb_is_tried_below(office: Office) -> None:
    assert {*VERBS} == office.desk.verbs


@pytest.mark.parametrize("verb", [*VERBS, "upload"])
def test_who_is_not_the_owner_at_the_machine_changes_nothing(office: Office, verb: str, login: Login) -> None:
    write(office.house.folder / "mine", "scripts/a.py", "")
    before = office.house.everything()
    asked: dict[str, Any] = {"name": "mine", "id": "x", "what": str(office.brought)}
    guest = (JSON, OURS, ("authorization", "Basic Ym9iOmhpZGRlbg=="))
    refused = [
        post(office.site(), verb, address="192.168.0.7", **asked),
        post(office.site(listen=True, gradio_auth="alice:secret"), verb, **asked),
        post(office.site(allow_host=("proxy.example",)), verb, **asked),
        post(office.site(login), verb, guest, **asked),
        post(office.site(), verb, (JSON, ("origin", "http://evil.example")), **asked),
        post(office.site(), verb, (JSON, ("origin", "null")), **asked),
    ]
    assert [answer.status for answer in refused] == [403] * len(refused)
    assert post(office.site(login), verb, **asked).status == 401
    assert (office.house.everything(), office.restarts) == (before, [])
    assert office.house.warden.conduct("mine").on


def test_the_owner_is_let_in_from_elsewhere_when_the_server_was_started_so(office: Office, login: Login) -> None:
    write(office.house.folder / "mine", "scripts/a.py", "")
    site = office.site(login, listen=True, enable_insecure_extension_access=True)
    owner = (JSON, OURS, ("authorization", "Basic YWxpY2U6c2VjcmV0"))
    guest = (JSON, OURS, ("authorization", "Basic Ym9iOmhpZGRlbg=="))
    assert post(site, "off", guest, "192.168.0.7", name="mine").status == 403
    assert post(site, "off", owner, "192.168.0.7", name="mine").status == 200
    assert not office.house.warden.conduct("mine").on


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_forms_of_other_pages_are_no_words_for_it(office: Office, kind: str) -> None:
    assert post(office.site(), "restart", (("content-type", kind), OURS)).status == 415
    assert office.restarts == []


def test_a_visit_changes_nothing(office: Office) -> None:
    for verb in VERBS:
        assert ask(office.site(), "GET", f"{PREFIX}/{verb}").status == 405
    assert office.restarts == []


def test_guests_see_the_list_and_not_what_others_wrote(office: Office, login: Login) -> None:
    write(office.house.folder / "mine", "scripts/a.py", "")
    office.house.warden.known["mine"] = Behaviour(faults=1, last_error="process: KeyError: somebody's prompt")
    site = office.site(login)
    seen = state(site, [("authorization", "Basic Ym9iOmhpZGRlbg==")])
    assert [row["name"] for row in seen["extensions"]] == ["mine"]
    assert "only the owner" in seen["why_not"].lower()
    assert "prompt" not in json.dumps(seen)
    assert "prompt" in json.dumps(state(site, [("authorization", "Basic YWxpY2U6c2VjcmV0")]))


def test_one_chore_waits_for_the_other(office: Office) -> None:
    end = Event()
    office.desk.chores.start("Something long", lambda say: end.wait(20))
    answer = post(office.site(), "bring", what=str(office.brought))
    end.set()
    assert b"Something long is still at work" in answer.body


def test_a_chore_says_what_it_does_and_for_how_long_and_is_cancelled(office: Office, tmp_path: Path) -> None:
    site = office.site()
    sleeps = [sys.executable, "-c", "import time; print('Collecting timm', flush=True); time.sleep(600)"]

    def work(chore: Chore) -> int:
        return run_aside(sleeps, tmp_path, {}, chore.say, 600, chore.halt)

    def chore() -> Any:
        return json.loads(ask(site, path=f"{PREFIX}/chore").body)["chore"]

    office.desk.chores.start("Looking for packages", work, can_end=True)
    until(lambda: chore()["step"] == "Looking at timm" and chore()["seconds"] > 0)
    assert post(site, "cancel").status == 200
    until(lambda: chore()["state"] != "running")
    assert (chore()["state"], chore()["error"]) == ("cancelled", "It was cancelled.")
    assert b"Nothing is at work" in post(site, "cancel").body


def test_what_cannot_be_cancelled_says_so(office: Office) -> None:
    end = Event()
    office.desk.chores.start("Looking at sd-wild", lambda chore: end.wait(20))
    answer = post(office.site(), "cancel")
    end.set()
    assert b"cannot be cancelled" in answer.body
