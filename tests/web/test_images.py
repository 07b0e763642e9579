"""Pictures go to their owner and nobody else, and a browser can take them for nothing but pictures."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from pathlib import Path

import pytest
from fastapi import FastAPI
from PIL import Image

from modules.studio.app import App
from modules.studio.job import SavedImage
from modules.studio.request import Img2Img, Txt2Img
from modules.studio.uploads import NoSuchUploadError
from modules.web.gate import Gate
from tests.web.asgi import ask
from tests.web.conftest import Submit

ALICE = ("authorization", "Basic " + base64.b64encode(b"alice:secret").decode())
BOB = ("authorization", "Basic " + base64.b64encode(b"bob:hidden").decode())
TRAVERSALS = [
    "..", "../../db.sqlite", "%2e%2e", "%252e%252e/x", "..%5c..%5cx", "//etc/passwd", "/proc/self/environ", "~/.ssh/id",
    "file:///etc/passwd", "/etc/hostname", "a\0b", "\\\\host\\x", "C:\\windows\\win.ini", "C:x", "x.png.", "x.png ",
    "x.png::$DATA", "a" * 5000, "\\\\?\\C:\\x", "\udcff",
]  # fmt: skip


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 24), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def saved(app: App, address: str) -> SavedImage:
    """A finished picture of alice's."""
    request = Txt2Img(prompt="red heart", seed=7, steps=2, width=64, height=64)
    return app.engine.submit(request, "alice").wait(60).images[0]


def test_the_owner_sees_the_picture_with_headers_that_let_it_do_nothing(closed_site: Gate, saved: SavedImage) -> None:
    answer = ask(closed_site, path=f"/aquatint/images/{saved.id}", headers=[ALICE])
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"
    assert "content-disposition" not in answer.headers
    assert Image.open(io.BytesIO(answer.body)).size == (64, 64)


def test_a_thumbnail_is_small_and_may_be_kept_for_a_while(closed_site: Gate, saved: SavedImage) -> None:
    answer = ask(closed_site, path=f"/aquatint/images/{saved.id}?thumb=1", headers=[ALICE])
    assert (answer.status, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["cache-control"].startswith("private, max-age=")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_a_download_has_the_name_of_its_file(closed_site: Gate, saved: SavedImage) -> None:
    answer = ask(closed_site, path=f"/aquatint/images/{saved.id}?download=1", headers=[ALICE])
    assert saved.path is not None
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{saved.path.name}"


def test_t090_ten_thousand_ranges_are_no_work(closed_site: Gate, saved: SavedImage) -> None:
    ranges = ("range", "bytes=" + ",".join(f"{i}-{i}" for i in range(10_000)))
    assert ask(closed_site, path=f"/aquatint/images/{saved.id}", headers=[ALICE, ranges]).status == 200


def test_t079_somebody_else_gets_404_whatever_they_ask(closed_site: Gate, saved: SavedImage) -> None:
    path = f"/aquatint/images/{saved.id}"
    for method, asked in (("GET", path), ("GET", f"{path}?thumb=1"), ("GET", f"{path}?download=1"), ("DELETE", path)):
        assert ask(closed_site, method, asked, [BOB]).status == 404
    missing = ask(closed_site, path=f"/aquatint/images/{'0' * 32}", headers=[BOB])
    assert ask(closed_site, path=path, headers=[BOB]).body == missing.body
    assert ask(closed_site, path=path, headers=[ALICE]).status == 200


def test_t006_deleting_removes_the_own_picture_only(closed_site: Gate, submit: Submit) -> None:
    image = submit("alice", seed=8).wait(60).images[0]
    path = f"/aquatint/images/{image.id}"
    assert image.path is not None
    for bad in ("../../db.sqlite", "..", str(image.path)):
        assert ask(closed_site, "DELETE", f"/aquatint/images/{bad}", [ALICE]).status in (404, 405)
    assert image.path.exists()
    assert ask(closed_site, "DELETE", path, [ALICE]).status == 204
    assert not image.path.exists()
    assert ask(closed_site, path=path, headers=[ALICE]).status == 404
    assert ask(closed_site, "DELETE", path, [ALICE]).status == 404


@pytest.mark.parametrize("id", TRAVERSALS)
def test_t002_no_path_leads_out_of_the_pictures(open_site: Gate, id: str) -> None:
    for path in (f"/aquatint/images/{id}", f"/aquatint/uploads/{id}", f"/gradio_api/file={id}", f"/{id}"):
        answer = ask(open_site, path=path)
        assert answer.status in (400, 403, 404, 405), path
        assert b"root:" not in answer.body


def test_t003_a_link_in_the_place_of_a_picture_is_not_followed(open_site: Gate, submit: Submit, tmp_path: Path) -> None:
    image = submit(seed=9).wait(60).images[0]
    assert image.path is not None
    elsewhere = tmp_path / "elsewhere.png"
    elsewhere.write_bytes(png())
    assert ask(open_site, path=f"/aquatint/images/{image.id}").status == 200
    image.path.unlink()
    image.path.symlink_to(elsewhere)
    assert ask(open_site, path=f"/aquatint/images/{image.id}").status == 404


def test_t007_no_route_gives_away_what_lies_beside_the_pictures(site: FastAPI, app: App, open_site: Gate) -> None:
    (app.folders.data / "config-canary.json").write_text("canary-file")
    names = ("config-canary.json", "config.json", "aquatint/queue.db", "aquatint/sessions.db")
    roots = (
        "/aquatint/images/",
        "/aquatint/uploads/",
        "/aquatint/assets/x/",
        "/assets/",
        "/static/",
        "/sdapi/v1/",
        "/",
    )
    for root in roots:
        for name in names:
            for climb in ("", "../", "../../", "%2e%2e/", "..%2f", f"{app.folders.data}/"):
                body = ask(open_site, path=f"{root}{climb}{name}").body
                assert b"canary" not in body
                assert b"SQLite" not in body
    for path in ("cmd-flags", "options", "sd-models", "memory"):
        assert b"canary-password" not in ask(open_site, path=f"/sdapi/v1/{path}").body


def test_an_upload_comes_back_as_bare_pixels(closed_site: Gate) -> None:
    answer = ask(closed_site, "POST", "/aquatint/uploads", [ALICE, ("content-type", "image/png")], body=[png()])
    told = json.loads(answer.body)
    assert (answer.status, told["width"], told["height"]) == (200, 16, 24)
    shown = ask(closed_site, path=f"/aquatint/uploads/{told['id']}", headers=[ALICE])
    assert (shown.status, shown.headers["content-type"]) == (200, "image/png")
    assert shown.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert ask(closed_site, path=f"/aquatint/uploads/{told['id']}", headers=[BOB]).status == 404


def test_t079_anothers_upload_is_no_picture_to_start_from(closed_site: Gate, app: App) -> None:
    answer = ask(closed_site, "POST", "/aquatint/uploads", [ALICE], body=[png()])
    request = Img2Img(init_images=(json.loads(answer.body)["id"],), width=64, height=64)
    with pytest.raises(NoSuchUploadError):
        app.engine.submit(request, "bob")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
def test_t028_what_a_foreign_form_can_send_is_no_upload(open_site: Gate, kind: str) -> None:
    for path in ("/aquatint/uploads", "/aquatint/png-info"):
        assert ask(open_site, "POST", path, [("content-type", kind)], body=[png()]).status == 400


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(*chunks: bytes) -> bytes:
    data = png()
    return data[:33] + b"".join(chunks) + data[33:]


DAMAGED = {
    "nothing": b"",
    "text": b"hello",
    "html": b"<html><script>alert(1)</script>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "truncated": png()[:60],
    "bad checksum": png()[:-20] + b"\0\0\0\0" + png()[-16:],
    "50 MB of text": with_chunks(chunk(b"zTXt", b"parameters\0\0" + zlib.compress(bytes(50_000_000)))),
    "100 texts of 1 MB": with_chunks(*[chunk(b"zTXt", b"p\0\0" + zlib.compress(bytes(1_000_000)))] * 100),
    "a huge size": png()[:16] + struct.pack(">II", 100_000, 100_000) + png()[24:],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_t096_a_damaged_picture_is_a_bad_request_everywhere(open_site: Gate, name: str) -> None:
    data = DAMAGED[name]
    encoded = base64.b64encode(data).decode()
    json_type = [("content-type", "application/json")]
    images = json.dumps({"init_images": [encoded or "=="], "prompt": "x"}).encode()
    answers = [
        ask(open_site, "POST", "/aquatint/uploads", body=[data]),
        ask(open_site, "POST", "/aquatint/png-info", body=[data]),
        ask(open_site, "POST", "/sdapi/v1/img2img", json_type, body=[images]),
        ask(open_site, "POST", "/sdapi/v1/png-info", json_type, body=[json.dumps({"image": encoded or "=="}).encode()]),
    ]
    assert [answer.status for answer in answers] == [400] * 4
    assert {"error", "detail", "body", "errors"} == set(json.loads(answers[0].body))
