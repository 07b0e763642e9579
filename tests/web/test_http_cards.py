"""The routes of cards: ids instead of paths, notes, pictures, and what does not fit the checkpoint."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from modules.studio.app import App, open_app
from modules.studio.command_line import ROOT, Flags
from modules.web.server import build
from tests.networks import HOSTILE, make_lora, make_picture, trained_with
from tests.web.test_images import png

CARDS = "/aquatint/v1/cards"
COVER = base64.b64encode(png()).decode()
HEADER = {"ss_evil": HOSTILE, "ssmd_cover_images": json.dumps([COVER])}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    data = tmp_path_factory.mktemp("data")
    make_lora(data / "Lora/style/ink.safetensors", metadata=trained_with(brush=9) | HEADER)
    make_picture(data / "Lora/style/ink.preview.png")
    make_lora(data / "Lora/wide.safetensors", width=2048)
    make_lora(data / "models/hypernetworks/mine/bold.safetensors")
    return open_app(
        Flags(data_dir=data, ckpt_dir=ROOT / "models/Stable-diffusion", lora_dir=data / "Lora", nowebui=True)
    )


@pytest.fixture(scope="module")
def client(app: App) -> Iterator[TestClient]:
    with TestClient(build(app), base_url="http://localhost") as client:
        yield client


def found(client: TestClient, **asked: str) -> list[dict[str, Any]]:
    cards: list[dict[str, Any]] = client.get(CARDS, params=asked).json()["cards"]
    return cards


def test_a_page_tells_of_its_cards_and_no_path(client: TestClient, app: App) -> None:
    answer = client.get(CARDS)
    content = answer.json()
    assert [card["name"] for card in content["cards"]] == ["ink", "wide"]
    assert (content["folders"], content["total"], content["next"]) == (["style"], 2, None)
    assert content["cards"][0]["insert"] == "<lora:ink:1>"
    assert content["cards"][0]["triggers"] == "brush"
    assert str(app.folders.data) not in answer.text


def test_one_of_another_family_says_why(client: TestClient) -> None:
    wide = found(client, words="wide", checkpoint="starter")[0]
    assert wide["misfit"] == "Made for SDXL, not for starter."


def test_hypernetworks_have_cards_too(client: TestClient) -> None:
    (card,) = found(client, kind="hypernetwork")
    assert (card["name"], card["folder"], card["insert"]) == ("bold", "mine", "<hypernet:bold:1>")


def test_a1111s_routes_show_what_has_a_card_and_nothing_else(client: TestClient, app: App) -> None:
    folder = app.folders.lora
    secret = make_picture(app.folders.data / "secret.png")
    thumb = client.get("/sd_extra_networks/thumb", params={"filename": str(folder / "style/ink.preview.png")})
    assert (thumb.status_code, thumb.headers["content-type"]) == (200, "image/webp")
    others = (
        str(secret),
        str(folder / "style/ink.safetensors"),
        "",
        "/etc/passwd",
        str(folder / "style/../../secret.png"),
    )
    answers = [client.get("/sd_extra_networks/thumb", params={"filename": other}).status_code for other in others]
    assert answers == [404] * len(others)


def test_a1111s_routes_tell_of_a_header_and_draw_a_card(client: TestClient) -> None:
    asked = {"page": "lora", "item": "ink"}
    told = json.loads(client.get("/sd_extra_networks/metadata", params=asked).json()["metadata"])
    assert (told["ss_network_dim"], "ssmd_cover_images" in told) == ("16", False)
    cover = client.get("/sd_extra_networks/cover-images", params=asked)
    assert (cover.status_code, cover.headers["content-type"]) == (200, "image/webp")
    assert client.get("/sd_extra_networks/cover-images", params={**asked, "index": 1}).status_code == 404
    drawn = client.get("/sd_extra_networks/get-single-card", params={"page": "lora", "name": "ink"}).json()["html"]
    assert 'data-name="ink"' in drawn
    assert "ink.preview.png" in drawn
    for route in ("metadata", "get-single-card"):
        assert (
            client.get(f"/sd_extra_networks/{route}", params={"page": "lora", "item": "no", "name": "no"}).json() == {}
        )


def test_checkpoints_have_cards_too(client: TestClient) -> None:
    assert "starter" in [card["name"] for card in found(client, kind="checkpoint")]


def test_the_header_is_told_word_for_word(client: TestClient) -> None:
    id = found(client, words="ink")[0]["id"]
    details = client.get(f"{CARDS}/{id}").json()
    assert ["ss_evil", HOSTILE] in details["everything"]
    assert details["tags"] == [["brush", 9]]


def test_a_picture_is_served_as_nothing_else(client: TestClient) -> None:
    answer = client.get(f"/aquatint/{found(client, words='ink')[0]['picture']}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert client.get(f"{CARDS}/{found(client, words='wide')[0]['id']}/picture").status_code == 404


def test_notes_are_written_beside_the_file(client: TestClient, app: App) -> None:
    id = found(client, words="wide")[0]["id"]
    told = client.put(f"{CARDS}/{id}/notes", json={"activation_text": "zqx", "preferred_weight": 0.6})
    assert told.json()["insert"] == "<lora:wide:0.6> zqx"
    written = json.loads((app.folders.lora / "wide.json").read_text())
    assert written == {"activation text": "zqx", "preferred weight": 0.6}


@pytest.mark.parametrize("notes", [{"preferred_weight": 99}, {"unknown": "x"}, {"notes": 7}])
def test_wrong_notes_are_refused(client: TestClient, notes: dict[str, Any]) -> None:
    assert client.put(f"{CARDS}/{found(client)[0]['id']}/notes", json=notes).status_code == 422


@pytest.mark.parametrize("id", ["unknown", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd"])
def test_no_file_is_reached_by_a_path(client: TestClient, id: str) -> None:
    for place in (id, f"{id}/picture"):
        assert client.get(f"{CARDS}/{place}").status_code == 404


def test_a_picture_that_is_not_ones_own_cannot_be_taken(client: TestClient) -> None:
    answer = client.post(f"{CARDS}/{found(client)[0]['id']}/picture", json={"image": "../../config.json"})
    assert answer.status_code == 404
