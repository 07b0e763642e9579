"""Making pictures larger over the API, and what is not here, in A1111's shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modules.studio.app import App
from modules.studio.upscaling import Upscaler
from modules.web.gate import Gate
from tests.upscalers import save_compact
from tests.web.test_http_api import encoded, make, picture, post
from tests.web.test_images import png

TWICE = {"upscaler_1": "Nearest", "image": encoded(png())}


def told(gate: Gate, path: str, value: object) -> dict[str, Any]:
    answer = post(gate, path, value)
    assert answer.status == 200, answer.body[:500]
    found: dict[str, Any] = json.loads(answer.body)
    return found


def test_a_picture_is_made_larger_and_keeps_its_parameters(open_site: Gate) -> None:
    made = make(open_site)
    answer = told(open_site, "extra-single-image", {"image": made["images"][0], "upscaler_1": "Lanczos"})
    assert set(answer) == {"html_info", "image"}
    image = picture(answer["image"])
    assert image.size == (128, 128)
    assert image.info["parameters"] == made["facts"]["infotexts"][0]
    assert image.info["postprocessing"] == "Postprocess upscale by: 2, Postprocess upscaler: Lanczos"
    assert "Postprocess upscaler: Lanczos" in answer["html_info"]


def test_the_defaults_change_nothing_as_in_a1111(open_site: Gate) -> None:
    answer = told(open_site, "extra-single-image", {"image": encoded(png())})
    assert picture(answer["image"]).size == (16, 24)
    assert answer["html_info"] == "<p></p>"


def test_a_width_and_a_height_are_met_and_loosely_typed_values_are_read(open_site: Gate) -> None:
    wanted = {"resize_mode": 1.0, "upscaling_resize_w": "40", "upscaling_resize_h": 40, "upscaling_crop": "true"}
    values = {**wanted, "upscaler_1": "Nearest", "image": "data:image/png;base64," + encoded(png()), "unknown": 1}
    assert picture(told(open_site, "extra-single-image", values)["image"]).size == (40, 40)
    values["upscaling_crop"] = "false"
    assert picture(told(open_site, "extra-single-image", values)["image"]).size == (40, 60)


def test_a_network_enlarges_over_the_api_too(open_site: Gate, app: App, tmp_path: Path) -> None:
    path, before = save_compact(tmp_path / "2x-Repeat.safetensors"), app.upscalers.rows
    app.upscalers.rows = (*before, Upscaler("2x-Repeat", path))
    try:
        answer = told(open_site, "extra-single-image", {**TWICE, "upscaler_1": "2x-Repeat"})
    finally:
        app.upscalers.rows = before
    assert picture(answer["image"]).tobytes() == picture(encoded(png())).resize((32, 48), 0).tobytes()
    assert "Postprocess upscaler: 2x-Repeat" in answer["html_info"]


def test_a_job_that_fails_is_an_error_with_its_reason(open_site: Gate, app: App, tmp_path: Path) -> None:
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    before = app.upscalers.rows
    app.upscalers.rows = (*before, Upscaler("broken", tmp_path / "broken.pth"))
    try:
        answer = post(open_site, "extra-single-image", {**TWICE, "upscaler_1": "broken"})
    finally:
        app.upscalers.rows = before
    assert answer.status == 500
    assert "broken.pth" in json.loads(answer.body)["detail"]


def test_a_batch_comes_back_in_its_order(open_site: Gate) -> None:
    larger = [told(open_site, "extra-single-image", {**TWICE, "upscaling_resize": n})["image"] for n in (1, 2, 3)]
    pictures = [{"data": data, "name": f"{n}.png"} for n, data in enumerate(larger)]
    answer = told(open_site, "extra-batch-images", {"imageList": pictures, "upscaler_1": "Nearest"})
    assert set(answer) == {"html_info", "images"}
    assert [picture(image).width for image in answer["images"]] == [32, 64, 96]
    assert told(open_site, "extra-batch-images", {"imageList": []})["images"] == []


@pytest.mark.parametrize(
    ("values", "status", "word"),
    [
        ({"upscaler_1": "R-ESRGAN 4x+"}, 400, "R-ESRGAN 4x+"), ({"upscaler_2": "SwinIR"}, 400, "SwinIR"),
        ({"gfpgan_visibility": 0.5}, 400, "GFPGANv1.4.pth"), ({"codeformer_visibility": 1}, 400, "models/Codeformer"),
        ({"upscaling_resize": 9}, 422, "upscaling_resize"), ({"upscaling_resize": 0}, 422, "upscaling_resize"),
        ({"resize_mode": 2}, 422, "resize_mode"), ({"image": "AAAA"}, 400, "picture"), ({"image": ""}, 400, "picture"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named(open_site: Gate, values: dict[str, Any], status: int, word: str) -> None:
    answer = post(open_site, "extra-single-image", {"image": encoded(png()), "upscaler_1": "Lanczos", **values})
    assert (answer.status, word in json.loads(answer.body)["detail"]) == (status, True)


def test_interrogation_without_a_model_is_404_as_in_a1111(open_site: Gate) -> None:
    for values, detail in (({}, "Image not found"), ({"image": encoded(png()), "model": "clip"}, "Model not found")):
        answer = post(open_site, "interrogate", values)
        assert (answer.status, json.loads(answer.body)["detail"]) == (404, detail)


@pytest.mark.parametrize("verb", ["create", "train"])
@pytest.mark.parametrize("kind", ["embedding", "hypernetwork"])
def test_training_says_in_info_that_it_is_not_here(open_site: Gate, verb: str, kind: str) -> None:
    expected = {"info": f"{verb} {kind} error: this is not available yet"}
    assert told(open_site, f"{verb}/{kind}", {"name": "x", "num_vectors_per_token": 1}) == expected
