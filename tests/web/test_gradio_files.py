"""Files of Gradio's own boxes: they reach their owner, whole, and nobody else. Twins show that a leak would be seen."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import gradio
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from modules.web.gate import Gate, Rules
from modules.web.gradio_files import UNUSED, GradioFiles
from modules.web.gradio_mount import mount_pages
from modules.web.login import Login
from tests.web.asgi import HOST, Answer, ask
from tests.web.test_images import ALICE, BOB, png
from tests.web.test_login import ORIGIN, cookie_of, log_in

EDGE = "edge-of-a-form"
FORM = ("content-type", f"multipart/form-data; boundary={EDGE}")
CANARY = b"canary-of-another-owner"


def form(*files: tuple[str, bytes]) -> list[bytes]:
    """The body of an upload, as Gradio's page sends it."""
    parts = [
        f'--{EDGE}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files
    ]
    return [*parts, f"--{EDGE}--\r\n".encode()]


def file_data(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def page_with_boxes() -> gradio.Blocks:
    """An event that says what it was given, one that shows a picture, one that gives a file."""
    with gradio.Blocks() as demo:
        taken, said = gradio.File(), gradio.Textbox()
        shown, given = gradio.Image(format="png"), gradio.File()
        gradio.Button().click(lambda path: Path(path).read_text(), taken, said, api_name=False)
        gradio.Button().click(lambda: Image.new("RGB", (9, 7), "red"), None, shown, api_name=False)
        gradio.Button().click(_written, None, given, api_name=False)
    return demo


def _written() -> str:
    from gradio.utils import get_upload_folder

    path = Path(get_upload_folder()).parent / "result.html"
    path.write_text("<script>window.__xss = 1</script>")
    return str(path)


@pytest.fixture
def site(login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A page with boxes for alice and bob."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "exchange"))
    bare = FastAPI()
    mount_pages(bare, page_with_boxes(), shown=[tmp_path])
    return Gate(bare, Rules(boxes=True), login)


def upload(site: Gate, name: str = "note.txt", data: bytes = CANARY, who: tuple[str, str] = ALICE) -> str:
    answer = ask(site, "POST", "/gradio_api/upload?upload_id=abc", [who, FORM], body=form((name, data)))
    assert answer.status == 200, answer.body
    (path,) = json.loads(answer.body)
    assert isinstance(path, str)
    return path


def fetch(site: Gate, path: str, who: tuple[str, str]) -> Any:
    """As a browser that waits for the whole file: `ask` leaves as soon as it has asked."""
    return TestClient(site, base_url=f"http://{HOST}").get(f"/gradio_api/file={path}", headers=[who])


def run(site: Gate, event: int, who: tuple[str, str], *values: object) -> Answer:
    body = json.dumps({"data": values, "fn_index": event, "session_hash": "s"}).encode()
    return ask(site, "POST", "/gradio_api/run/predict", [who, ("content-type", "application/json")], body=[body])


def test_a_file_comes_back_to_who_brought_it(site: Gate) -> None:
    path = upload(site)
    assert fetch(site, path, ALICE).content == CANARY
    assert CANARY.decode() in run(site, 0, ALICE, file_data(path)).body.decode()


def test_another_owner_cannot_read_it_nor_tell_that_it_is_there(site: Gate) -> None:
    path = upload(site)
    theirs, none = (ask(site, path=f"/gradio_api/file={each}", headers=[BOB]) for each in (path, f"{path}x"))
    assert (theirs.status, theirs.body) == (none.status, none.body)
    assert theirs.status == 404
    refused = run(site, 0, BOB, file_data(path))
    assert refused.status == 500
    assert CANARY not in refused.body


def test_twin_gradios_own_routes_hand_it_to_anybody(site: Gate, login: Login) -> None:
    path = upload(site)
    bare = FastAPI()
    gradio.mount_gradio_app(bare, page_with_boxes(), path="/")
    assert fetch(Gate(bare, Rules(boxes=True), login), path, BOB).content == CANARY


def test_no_path_but_those_that_were_told_is_served(site: Gate, tmp_path: Path) -> None:
    path = Path(upload(site))
    outside = tmp_path / "secret.txt"
    outside.write_bytes(CANARY)
    beside = path.with_name("beside.txt")
    beside.write_bytes(CANARY)
    linked = path.with_name("linked.txt")
    linked.symlink_to(outside)
    tried = [str(outside), str(beside), str(linked), f"{path}/../beside.txt", f"{path.parent}/./{path.name}"]
    tried += [f"{path.parent}//{path.name}", "/etc/hostname", "http://127.0.0.1/", "..", "~", str(path.parent)]
    for each in tried:
        answer = ask(site, path=f"/gradio_api/file={each}", headers=[ALICE])
        assert answer.status == 404, each
        assert run(site, 0, ALICE, file_data(each)).status == 500, each


def test_what_an_event_shows_is_its_askers_alone(site: Gate) -> None:
    (shown,) = json.loads(run(site, 1, ALICE).body)["data"]
    assert shown["url"].endswith(f"/gradio_api/file={shown['path']}")
    answer = fetch(site, shown["path"], ALICE)
    assert (answer.headers["content-type"], answer.headers["content-disposition"][:6]) == ("image/png", "inline")
    assert Image.open(io.BytesIO(answer.content)).size == (9, 7)
    assert ask(site, path=f"/gradio_api/file={shown['path']}", headers=[BOB]).status == 404


def test_a_page_or_a_drawing_that_could_run_is_only_saved(site: Gate) -> None:
    (given,) = json.loads(run(site, 2, ALICE).body)["data"]
    svg = upload(site, "drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
    named = upload(site, "page.png", b"<script>window.__xss = 1</script>")
    for path in (given["path"], svg, named):
        answer = ask(site, path=f"/gradio_api/file={path}", headers=[ALICE])
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment; filename")
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_name_never_leads_out_of_the_folder(site: Gate, tmp_path: Path) -> None:
    for name in ("../../x", "..", "a/../../x.txt", "..\\..\\x", "/etc/x", "con", "x" * 500, ".hidden", "%2e%2e"):
        path = Path(upload(site, name)).resolve()
        assert path.parent.parent == tmp_path / "exchange", name
        assert not path.name.startswith(".")


def test_what_is_no_upload_is_refused_in_a_sentence(site: Gate, login: Login) -> None:
    broken = ask(site, "POST", "/gradio_api/upload", [ALICE, FORM], body=form(("a.png", png()[:40])))
    assert (broken.status, broken.body[:26]) == (400, b"The PNG file is damaged: c"[:26])
    assert ask(site, "POST", "/gradio_api/upload", [ALICE, ("content-type", "text/plain")], body=[b"x"]).status == 400
    assert ask(site, "POST", "/gradio_api/upload", [ALICE, FORM], body=[b"no form at all"]).status == 400
    long = ("content-type", f"multipart/form-data; boundary={'x' * 300}")
    assert ask(site, "POST", "/gradio_api/upload", [ALICE, long], body=[b"--" + b"x" * 300]).status == 400
    many = ask(site, "POST", "/gradio_api/upload", [ALICE, FORM], body=form(*(("a", b"") for _ in range(101))))
    assert many.status == 400
    small = Gate(site._app, Rules(boxes=True, body_limit=1000), login)
    assert ask(small, "POST", "/gradio_api/upload", [ALICE, FORM], body=form(("a", b"x" * 1000))).status == 413


def test_another_page_cannot_bring_or_read_files(site: Gate) -> None:
    path = upload(site)
    foreign = [ALICE, ("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")]
    assert ask(site, "POST", "/gradio_api/upload", [*foreign, FORM], body=form(("a", b""))).status == 403
    assert ask(site, path=f"/gradio_api/file={path}", headers=foreign).status == 403
    assert ask(site, "POST", "/gradio_api/component_server", foreign).status == 403
    assert ask(site, "POST", "/gradio_api/upload", [FORM], body=form(("a", b""))).status == 401


def test_without_extensions_the_way_is_shut(site: Gate, login: Login) -> None:
    path = upload(site)
    shut = Gate(site._app, Rules(), login)
    assert ask(shut, path=f"/gradio_api/file={path}", headers=[ALICE]).status == 404
    assert ask(shut, "POST", "/gradio_api/upload", [ALICE, FORM], body=form(("a", b""))).status == 404


def test_the_oldest_make_room_and_what_nobody_asks_for_goes(tmp_path: Path) -> None:
    now = 1000.0
    files = GradioFiles(tmp_path, most=2, room=10, clock=lambda: now)
    first, second, third = (files.bring(f"{name}.txt", io.BytesIO(b"1234"), "ann") for name in "abc")
    assert [files.find(path, "ann") is not None for path in (first, second, third)] == [False, True, True]
    assert not Path(first).parent.exists()
    large = files.bring("large.txt", io.BytesIO(b"x" * 100), "ann")
    assert [files.find(path, "ann") is not None for path in (second, third, large)] == [False, False, True]
    now += UNUSED + 1
    files.bring("new.txt", io.BytesIO(b"1"), "ann")
    assert not Path(large).exists()


def test_a_file_that_two_people_were_shown_stays_until_both_have_lost_it(tmp_path: Path) -> None:
    files = GradioFiles(tmp_path, most=1)
    path = files.bring("shared.txt", io.BytesIO(b"1"), "ann")
    files.show({"data": [file_data(path)]}, "ben")
    files.bring("other.txt", io.BytesIO(b"2"), "ann")
    assert (files.find(path, "ann"), files.find(path, "ben")) == (None, Path(path))
    files.bring("other.txt", io.BytesIO(b"2"), "ben")
    assert not Path(path).exists()


def test_the_files_of_the_page_itself_are_everybodys(tmp_path: Path) -> None:
    files = GradioFiles(tmp_path)
    (tmp_path / "icon.png").write_bytes(png())
    files.publish({"components": [{"props": {"value": file_data(str(tmp_path / "icon.png"))}}]})
    assert files.find(str(tmp_path / "icon.png"), "anybody") is not None
    (tmp_path / "other.png").write_bytes(png())
    assert files.find(str(tmp_path / "other.png"), "anybody") is None


def test_whose_last_session_has_ended_leaves_no_files(site: Gate) -> None:
    first, second = (cookie_of(log_in(site, "alice", "secret")) for _ in range(2))
    mine, theirs = upload(site), upload(site, who=BOB)
    ask(site, "POST", "/logout", [ORIGIN, first])
    assert Path(mine).exists()
    ask(site, "POST", "/logout", [ORIGIN, second])
    assert not Path(mine).exists()
    assert fetch(site, mine, ALICE).status_code == 404
    assert fetch(site, theirs, BOB).content == CANARY
    assert fetch(site, upload(site), ALICE).content == CANARY
