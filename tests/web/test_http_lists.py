"""The quieter half of A1111's REST API: options, lists, flags, PNG info, documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from modules.studio.app import App
from modules.web.gate import Gate
from tests.studio.test_foreign_texts import EXPECTED, PICTURES, picture
from tests.upscalers import save_compact
from tests.web.asgi import ask
from tests.web.conftest import Submit
from tests.web.test_http_api import encoded, get, make, post
from tests.web.test_images import png


def test_posting_the_options_back_changes_nothing(open_site: Gate, app: App, options_kept: None) -> None:
    before, options = get(open_site, "options"), app.settings.options
    answer = post(open_site, "options", before)
    assert (answer.status, answer.body) == (200, b"null")
    assert get(open_site, "options") == before
    assert app.settings.options == options
    assert "forge_preset" not in before


def test_the_checkpoint_of_the_options_is_the_title_of_the_list(open_site: Gate, options_kept: None) -> None:
    make(open_site)
    titles = [model["title"] for model in get(open_site, "sd-models")]
    assert get(open_site, "options")["sd_model_checkpoint"] in titles
    for name in ("starter", titles[0], get(open_site, "sd-models")[0]["hash"]):
        assert post(open_site, "options", {"sd_model_checkpoint": name}).status == 200
        assert get(open_site, "options")["sd_model_checkpoint"] == titles[0]


def test_embeddings_are_told_apart_by_whether_the_checkpoint_understands_them(open_site: Gate, app: App) -> None:
    (width,) = app.store.find("starter").text_widths
    written = {"step": 500, "sd_checkpoint": "abcdef12", "sd_checkpoint_name": "v1-5"}
    torch.save({"string_to_param": {"*": torch.ones(2, width)}, **written}, app.folders.embeddings / "ink.pt")
    torch.save({"sun": torch.ones(3, 1024)}, app.folders.embeddings / "sun.bin")
    assert post(open_site, "refresh-embeddings", {}).status == 200
    found = get(open_site, "embeddings")
    for path in app.folders.embeddings.iterdir():
        path.unlink()
    post(open_site, "refresh-embeddings", {})
    empty = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None}
    assert found["loaded"] == {"ink": {**written, "shape": width, "vectors": 2}}
    assert found["skipped"] == {"sun": {**empty, "shape": 1024, "vectors": 3}}
    assert get(open_site, "embeddings") == {"loaded": {}, "skipped": {}}


def test_options_change_for_later_jobs_and_never_for_queued_ones(
    open_site: Gate, paused: App, submit: Submit, options_kept: None
) -> None:
    ticket = submit()
    values = {"CLIP_stop_at_last_layers": 3, "unknown": 1, "sd_vae": None}
    assert post(open_site, "options", values).status == 200
    assert get(open_site, "options")["CLIP_stop_at_last_layers"] == 3
    assert ticket.job.options.CLIP_stop_at_last_layers == 1
    assert submit().job.options.CLIP_stop_at_last_layers == 3


@pytest.mark.parametrize(
    "values",
    [{"sd_model_checkpoint": "no such"}, {"CLIP_stop_at_last_layers": 99}, {"samples_format": "exe"},
     {"jpeg_quality": "x"}, {"outdir_txt2img_samples": "../outside"}, {"outdir_txt2img_samples": "/etc"},
     {"outdir_txt2img_samples": "extensions"}, {"sd_vae": "a\r\nb"}],
)  # fmt: skip
def test_impossible_options_are_refused_and_change_nothing(open_site: Gate, app: App, values: dict[str, Any]) -> None:
    before = app.settings.options
    answer = post(open_site, "options", {**values})
    assert answer.status in (400, 422)
    assert app.settings.options == before


def test_the_lists_have_a1111s_keys(open_site: Gate) -> None:
    keys = {
        "sd-models": "title model_name hash sha256 filename config",
        "samplers": "name aliases options",
        "schedulers": "name label aliases default_rho need_inner_model",
        "upscalers": "name model_name model_path model_url scale",
    }
    for path, names in keys.items():
        found = get(open_site, path)
        assert found
        assert all(list(row) == names.split() for row in found), path
    assert get(open_site, "upscalers")[0]["name"] == "None"
    assert get(open_site, "schedulers")[0]["name"] == "automatic"
    scripts = ["loopback", "sd upscale", "poor man's outpainting", "outpainting mk2"]
    assert get(open_site, "scripts") == {"txt2img": [], "img2img": scripts}
    assert get(open_site, "embeddings") == {"loaded": {}, "skipped": {}}
    assert set(get(open_site, "memory")["ram"]) == {"free", "used", "total"}
    assert get(open_site, "sd-vae") == get(open_site, "sd-modules") == []
    empty = "script-info loras hypernetworks extensions"
    for path in empty.split():
        assert get(open_site, path) == [], path


def test_every_sampler_and_scheduler_that_is_listed_can_be_used(open_site: Gate) -> None:
    for sampler in get(open_site, "samplers"):
        made = make(open_site, sampler_name=sampler["name"], steps=3)["facts"]
        assert made["sampler_name"] == sampler["name"]
    for scheduler in get(open_site, "schedulers"):
        infotext = make(open_site, scheduler=scheduler["name"], steps=3)["facts"]["infotexts"][0]
        assert f"Schedule type: {scheduler['label']}" in infotext


def test_styles_are_listed_and_applied(open_site: Gate, app: App) -> None:
    app.styles.save("Test style", "{prompt}, in ink", "colour")
    assert {"name": "Test style", "prompt": "{prompt}, in ink", "negative_prompt": "colour"} in get(
        open_site, "prompt-styles"
    )
    facts = make(open_site, styles=["Test style"])["facts"]
    assert (facts["prompt"], facts["negative_prompt"]) == ("red heart, in ink", "colour")
    app.styles.delete("Test style")


def test_png_info_gives_back_what_txt2img_wrote(open_site: Gate) -> None:
    made = make(open_site, negative_prompt="blue")
    told = json.loads(post(open_site, "png-info", {"image": made["images"][0]}).body)
    assert set(told) == {"info", "items", "parameters"}
    assert told["info"] == told["items"]["parameters"] == made["facts"]["infotexts"][0]
    expected = {"Prompt": "red heart", "Negative prompt": "blue", "Seed": "7", "Size-1": "64", "Size-2": "64"}
    assert expected.items() <= told["parameters"].items()
    assert json.loads(post(open_site, "png-info", {"image": encoded(png())}).body)["info"] == ""


def test_png_info_reads_pictures_of_other_programs(open_site: Gate) -> None:
    data = picture(PICTURES["SwarmUI"])
    told = json.loads(post(open_site, "png-info", {"image": encoded(data)}).body)
    assert told["info"] == EXPECTED["SwarmUI"]
    assert told["parameters"]["Prompt"] == "a whale <lora:ink:0.5>"


def test_checkpoints_can_be_refreshed_unloaded_and_loaded(open_site: Gate, app: App) -> None:
    assert post(open_site, "refresh-checkpoints", {}).status == 200
    assert post(open_site, "unload-checkpoint", {}).status == 200
    assert not app.store.loaded
    assert post(open_site, "reload-checkpoint", {}).status == 200
    assert "starter" in app.store.loaded


def test_a_new_upscaler_is_in_the_list_at_once(
    open_site: Gate, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.upscalers, "_folders", [tmp_path])
    save_compact(tmp_path / "New.safetensors")
    assert [row["name"] for row in get(open_site, "upscalers")][3:] == ["New"]
    monkeypatch.undo()
    app.upscalers.refresh()


def test_the_flags_are_told_without_their_secrets(open_site: Gate) -> None:
    flags = get(open_site, "cmd-flags")
    assert flags["no_half"] is True
    assert not {"gradio_auth", "api_auth", "gradio_auth_path", "tls_keyfile"} & set(flags)
    assert "canary-password" not in json.dumps(flags)


def test_the_documentation_loads_nothing_from_elsewhere(open_site: Gate) -> None:
    page = ask(open_site, path="/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"://" not in page.body
    schema = json.loads(ask(open_site, path="/openapi.json").body)
    assert "/sdapi/v1/txt2img" in schema["paths"]
    prefixes = ("/sdapi/v1/", "/internal/", "/sd_extra_networks/", "/agent-scheduler/v1/", "/aquatint/v1/")
    assert not [path for path in schema["paths"] if not path.startswith(prefixes)]
