"""A1111's REST API: names, defaults and shapes as its clients expect them."""

from __future__ import annotations

import base64
import io
import json
import threading
from typing import Any

import httpx
import pytest
from PIL import Image

from modules.studio import gallery
from modules.studio.app import App
from modules.studio.request import RequestError
from modules.web.gate import Gate
from modules.web.http_extensions import NoScripts
from modules.web.http_models import Img2ImgPayload, Txt2ImgPayload, check_features, request_of
from tests.web.asgi import Answer, ask, until
from tests.web.conftest import Submit
from tests.web.test_images import ALICE, BOB, png

JSON = ("content-type", "application/json")
QUICK = {"prompt": "red heart", "seed": 7, "steps": 2, "width": 64, "height": 64}
INFO_KEYS = [
    "prompt", "all_prompts", "negative_prompt", "all_negative_prompts", "seed", "all_seeds", "subseed", "all_subseeds",
    "subseed_strength", "width", "height", "sampler_name", "cfg_scale", "steps", "batch_size", "restore_faces",
    "face_restoration_model", "sd_model_name", "sd_model_hash", "sd_vae_name", "sd_vae_hash", "seed_resize_from_w",
    "seed_resize_from_h", "denoising_strength", "extra_generation_params", "index_of_first_image", "infotexts",
    "styles", "job_timestamp", "clip_skip", "is_using_inpainting_conditioning", "version",
]  # fmt: skip
STATE_KEYS = [
    "skipped", "interrupted", "stopping_generation", "job", "job_count", "job_timestamp", "job_no", "sampling_step",
    "sampling_steps",
]  # fmt: skip


def post(gate: Gate, path: str, value: object, *headers: tuple[str, str]) -> Answer:
    return ask(gate, "POST", f"/sdapi/v1/{path}", [JSON, *headers], body=[json.dumps(value).encode()])


def get(gate: Gate, path: str) -> Any:
    answer = ask(gate, path=f"/sdapi/v1/{path}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return json.loads(answer.body)


def make(gate: Gate, path: str = "txt2img", **values: object) -> dict[str, Any]:
    answer = post(gate, path, {**QUICK, **values})
    assert answer.status == 200, answer.body[:500]
    made: dict[str, Any] = json.loads(answer.body)
    return made | {"facts": json.loads(made["info"])}


def picture(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_txt2img_answers_with_pictures_parameters_and_info(open_site: Gate) -> None:
    made = make(open_site, batch_size=2, negative_prompt="blue")
    assert set(made) == {"images", "parameters", "info", "facts"}
    facts = made["facts"]
    assert list(facts) == INFO_KEYS
    assert len(made["images"]) == len(facts["infotexts"]) == 2
    for image, infotext in zip(map(picture, made["images"]), facts["infotexts"], strict=True):
        assert (image.format, image.size) == ("PNG", (64, 64))
        assert image.info["parameters"] == infotext
    assert facts["all_seeds"] == [7, 8]
    assert (facts["seed"], facts["all_prompts"], facts["negative_prompt"]) == (7, ["red heart"] * 2, "blue")
    assert (facts["sampler_name"], facts["index_of_first_image"]) == ("Euler", 0)
    assert facts["sd_model_name"] == "starter"
    assert len(facts["sd_model_hash"]) == 10
    assert made["parameters"]["steps"] == 2
    assert made["parameters"]["hr_scale"] == 2.0


def test_the_defaults_are_those_of_a1111(site_schema: dict[str, Any]) -> None:
    expected: dict[str, Any] = {
        "prompt": "", "negative_prompt": "", "styles": [], "seed": -1, "subseed": -1, "subseed_strength": 0,
        "seed_resize_from_h": -1, "seed_resize_from_w": -1, "batch_size": 1, "n_iter": 1, "steps": 50, "cfg_scale": 7.0,
        "width": 512, "height": 512, "sampler_index": "Euler", "override_settings_restore_afterwards": True,
        "enable_hr": False, "hr_scale": 2.0, "hr_second_pass_steps": 0, "send_images": True, "save_images": False,
        "alwayson_scripts": {}, "script_args": [],
    }  # fmt: skip
    fields = site_schema["components"]["schemas"]["Txt2ImgPayload"]["properties"]
    assert {name: fields[name]["default"] for name in expected} == expected
    expected = {
        "denoising_strength": 0.75, "resize_mode": 0, "mask_blur_x": 4, "mask_blur_y": 4, "mask_round": True,
        "inpainting_fill": 0, "inpaint_full_res": True, "inpaint_full_res_padding": 0, "inpainting_mask_invert": 0,
        "include_init_images": False,
    }  # fmt: skip
    fields = site_schema["components"]["schemas"]["Img2ImgPayload"]["properties"]
    assert {name: fields[name]["default"] for name in expected} == expected


@pytest.fixture
def site_schema(open_site: Gate) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(ask(open_site, path="/openapi.json").body)
    return schema


def test_unknown_keys_nulls_and_loosely_typed_values_are_fine(open_site: Gate) -> None:
    strict = make(open_site, sampler_name="Euler", cfg_scale=7)
    loose = make(
        open_site, url="http://x", auth="a:b", forge_preset=None, sampler_name=None, scheduler=None, styles=None,
        enable_hr="false", hr_upscaler=None, script_name=None, alwayson_scripts=None, steps=2.0, width="64",
        batch_size=None, cfg_scale="7", seed=7.0, restore_faces="false", tiling=None, override_settings=None,
        send_images="true", denoising_strength=None, distilled_cfg_scale=3.5, eta=None, infotext=None,
        refiner_checkpoint=None, clip_skip=1,
    )  # fmt: skip
    assert loose["images"] == strict["images"]


def test_sampler_name_wins_and_merged_names_are_split(open_site: Gate) -> None:
    assert make(open_site, sampler_name="Euler a", sampler_index="Heun")["facts"]["sampler_name"] == "Euler a"
    assert make(open_site, sampler_name="", sampler_index="k_heun")["facts"]["sampler_name"] == "Heun"
    merged = make(open_site, sampler_name="DPM++ 2M SDE Karras", scheduler="automatic")["facts"]
    assert merged["sampler_name"] == "DPM++ 2M SDE"
    assert "Schedule type: Karras" in merged["infotexts"][0]
    by_label, by_id = (
        make(open_site, scheduler=name)["facts"]["infotexts"][0] for name in ("SGM UNIFORM", "sgm_uniform")
    )
    assert "Schedule type: SGM Uniform" in by_label
    assert by_label == by_id


@pytest.mark.parametrize(
    "values", [{"sampler_name": "No such"}, {"sampler_index": "No such"}, {"scheduler": "No such"}]
)
def test_an_unknown_sampler_or_scheduler_is_a_bad_request(open_site: Gate, values: dict[str, str]) -> None:
    answer = post(open_site, "txt2img", {**QUICK, **values})
    assert answer.status == 400
    assert "No such" in json.loads(answer.body)["detail"]


def test_pictures_are_saved_only_when_asked(open_site: Gate, app: App) -> None:
    before = app.gallery.find("local")
    assert len(make(open_site, n_iter=2)["images"]) == 2
    assert app.gallery.find("local") == before
    saved = make(open_site, n_iter=2, save_images=True)
    assert saved["facts"]["index_of_first_image"] == 1
    grid, *rest = (picture(image).size for image in saved["images"])
    assert (grid, rest) == ((128, 64), [(64, 64)] * 2)
    assert len(saved["facts"]["infotexts"]) == 3
    assert len(app.gallery.find("local")) == len(before) + 3
    assert make(open_site, send_images=False)["images"] == []


def test_more_pictures_than_memory_keeps_all_arrive(open_site: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "KEPT_IN_MEMORY", 8)
    made = make(open_site, n_iter=12, steps=1)
    assert len(made["images"]) == len(set(made["images"])) == 12


def test_img2img_takes_bare_base64_and_data_uris(open_site: Gate) -> None:
    bare = make(open_site, "img2img", init_images=[encoded(png())], denoising_strength=0.5)
    uri = make(open_site, "img2img", init_images=["data:image/png;base64," + encoded(png())], denoising_strength=0.5)
    assert bare["images"] == uri["images"]
    assert bare["facts"]["denoising_strength"] == 0.5
    assert bare["parameters"]["init_images"] is None
    echoed = make(open_site, "img2img", init_images=[encoded(png())], include_init_images=True)
    assert echoed["parameters"]["init_images"] == [encoded(png())]


def test_img2img_without_a_picture_is_404_as_in_a1111(open_site: Gate) -> None:
    nothing: list[dict[str, object]] = [{}, {"init_images": None}, {"init_images": []}]
    for value in nothing:
        answer = post(open_site, "img2img", {**QUICK, **value})
        assert (answer.status, json.loads(answer.body)["detail"]) == (404, "Init image not found")


def test_a_mask_makes_it_inpainting_and_the_rest_stays(open_site: Gate) -> None:
    base = Image.effect_noise((64, 64), 80).convert("RGB")
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    files = [io.BytesIO(), io.BytesIO()]
    for image, file in zip((base, mask), files, strict=True):
        image.save(file, "PNG")
    init, area = (encoded(file.getvalue()) for file in files)
    made = make(
        open_site, "img2img", init_images=[init], mask=area, mask_blur=0, inpaint_full_res=False, inpainting_fill=1
    )
    result = picture(made["images"][0]).convert("RGB")
    right = (40, 0, 64, 64)
    assert result.crop(right).tobytes() == base.crop(right).tobytes()
    assert result.tobytes() != base.tobytes()


@pytest.mark.parametrize("scheme", ["http", "https", "file", "ftp", "HTTP"])
def test_t040_the_server_fetches_no_address(open_site: Gate, scheme: str, no_network: None) -> None:
    address = f"{scheme}://127.0.0.1:9/x.png"
    for value in ({"init_images": [address]}, {"init_images": [encoded(png())], "mask": address}):
        answer = post(open_site, "img2img", {**QUICK, **value})
        assert (answer.status, "Addresses are not fetched" in json.loads(answer.body)["detail"]) == (400, True)
    assert post(open_site, "png-info", {"image": address}).status == 400


NOT_YET = [
    ("script_name", "x/y/z plot"), ("alwayson_scripts", {"ControlNet": {"args": [{}]}}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), NOT_YET)
def test_what_is_not_there_yet_is_refused_by_name_and_not_left_out(
    open_site: Gate, paused: App, field: str, value: object
) -> None:
    answer = post(open_site, "txt2img", {**QUICK, field: value})
    assert answer.status == 422
    detail = json.loads(answer.body)["detail"]
    assert field in detail or "ControlNet" in detail or "x/y/z plot" in detail
    assert paused.queue.line() == []


def test_a_face_restorer_that_is_not_there_is_told_before_anything_runs(open_site: Gate, paused: App) -> None:
    answer = post(open_site, "txt2img", {**QUICK, "restore_faces": True})
    assert answer.status == 400
    assert "put codeformer-v0.1.0.pth into" in json.loads(answer.body)["detail"]
    assert paused.queue.line() == []


def test_a_latent_mask_wants_a_mask_beside_it(open_site: Gate, app: App) -> None:
    white = encoded(png())
    alone = post(open_site, "img2img", {**QUICK, "init_images": [white], "latent_mask": white})
    assert (alone.status, json.loads(alone.body)["detail"][:11]) == (422, "latent_mask")
    masks = {"mask": white, "latent_mask": white, "inpaint_full_res": False, "denoising_strength": 0.5}
    answer = post(open_site, "img2img", {**QUICK, "init_images": [white], **masks})
    assert answer.status == 200
    echoed = json.loads(answer.body)["parameters"]
    assert [echoed[name] for name in ("init_images", "mask", "latent_mask")] == [None] * 3


def test_hires_fix_over_the_api(open_site: Gate) -> None:
    made = make(open_site, enable_hr=True, hr_scale=1.5, hr_upscaler="Latent", hr_second_pass_steps=1)
    assert picture(made["images"][0]).size == (96, 96)
    assert made["facts"]["denoising_strength"] == 0.75
    assert "Hires upscale: 1.5" in made["facts"]["infotexts"][0]
    first = made["images"][0]
    larger = make(open_site, enable_hr=True, hr_scale=2, firstpass_image=first, denoising_strength=0.1)
    assert picture(larger["images"][0]).size == (128, 128)
    assert post(open_site, "txt2img", {**QUICK, "enable_hr": True, "hr_upscaler": "magic"}).status == 400


def test_hires_fix_and_refiner_are_asked_for_by_a1111s_fields() -> None:
    hires = {
        "enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent (nearest-exact)", "hr_second_pass_steps": 2,
        "hr_prompt": "sun", "hr_sampler_name": "Use same sampler", "hr_checkpoint_name": "Use same checkpoint",
        "denoising_strength": None, "tiling": "true", "s_min_uncond": 2.0, "seed_resize_from_w": 512,
        "seed_resize_from_h": -1, "refiner_checkpoint": "None", "cfg_rescale": 0.5,
    }  # fmt: skip
    request = request_of(Txt2ImgPayload.model_validate({**QUICK, **hires}), NoScripts(), []).model_dump()
    assert (request["enable_hr"], request["hr_scale"], request["hr_upscaler"]) == (True, 1.5, "Latent (nearest-exact)")
    assert request["denoising_strength"] == 0.75
    assert (request["tiling"], request["s_min_uncond"], request["cfg_rescale"]) == (True, 2.0, 0.5)
    assert (request["seed_resize_from_w"], request["seed_resize_from_h"]) == (512, 0)


def test_the_oldest_clients_size_of_a_first_pass() -> None:
    old = {"enable_hr": True, "firstphase_width": 64, "firstphase_height": 64, "width": 128, "height": 96}
    request = request_of(Txt2ImgPayload.model_validate({**QUICK, **old}), NoScripts(), []).model_dump()
    assert (request["width"], request["height"]) == (64, 64)
    assert (request["hr_resize_x"], request["hr_resize_y"]) == (128, 96)


def test_the_same_fields_at_their_neutral_values_are_fine(open_site: Gate) -> None:
    neutral: dict[str, Any] = {
        "enable_hr": False, "restore_faces": False, "tiling": False, "refiner_checkpoint": "None", "s_churn": 0,
        "s_tmax": 0, "s_tmin": 0, "s_noise": 1, "s_min_uncond": 0, "seed_resize_from_w": 0, "seed_resize_from_h": 0,
        "script_name": "", "script_args": [], "alwayson_scripts": {}, "hr_upscaler": "Latent", "hr_scale": 2,
        "firstphase_width": 0, "comments": {}, "force_task_id": "task(1)", "disable_extra_networks": False,
    }  # fmt: skip
    assert make(open_site, **neutral)["images"] == make(open_site)["images"]


def test_churn_and_eta_are_asked_for_by_a1111s_names(open_site: Gate) -> None:
    churn: dict[str, Any] = {"sampler_name": "Euler", "s_churn": 5, "s_tmin": 0.1, "s_tmax": 9, "s_noise": 1.01}
    churned = make(open_site, **churn)
    assert "Sigma churn: 5, Sigma tmin: 0.1, Sigma tmax: 9, Sigma noise: 1.01" in churned["facts"]["infotexts"][0]
    assert churned["images"] != make(open_site, sampler_name="Euler")["images"]
    by_option = make(open_site, sampler_name="Euler", override_settings={"s_churn": 5, "s_tmin": 0.1, "s_tmax": 9})
    assert "Sigma churn: 5, Sigma tmin: 0.1, Sigma tmax: 9" in by_option["facts"]["infotexts"][0]
    ddim = make(open_site, sampler_name="DDIM", override_settings={"eta_ddim": 0.5, "eta_ancestral": 0.2})
    assert "Eta DDIM: 0.5" in ddim["facts"]["infotexts"][0]


def test_ddim_cfgpp_hears_the_negative_prompt_whatever_the_scale(open_site: Gate) -> None:
    pictures = [
        make(open_site, sampler_name="DDIM CFG++", cfg_scale=12.5, negative_prompt=words)["images"]
        for words in ("", "red heart, red heart")
    ]
    assert pictures[0] != pictures[1]


def test_overrides_hold_for_one_request_unless_told_otherwise(open_site: Gate, app: App, options_kept: None) -> None:
    overrides = {
        "CLIP_stop_at_last_layers": 2.0,
        "sd_model_checkpoint": "starter",
        "no_such_option": 1,
        "ddim_discretize": "",
    }
    once = make(open_site, override_settings=overrides)
    assert once["facts"]["clip_skip"] == 2
    assert "Clip skip: 2" in once["facts"]["infotexts"][0]
    assert app.settings.options.CLIP_stop_at_last_layers == 1
    make(open_site, override_settings=overrides, override_settings_restore_afterwards=False)
    assert app.settings.options.CLIP_stop_at_last_layers == 2


def test_t009_an_override_cannot_move_files(open_site: Gate, app: App) -> None:
    overrides = {"outdir_txt2img_samples": "modules", "samples_filename_pattern": "x", "save_to_dirs": False}
    make(open_site, save_images=True, override_settings=overrides, override_settings_restore_afterwards=False)
    newest = app.gallery.get(app.gallery.find("local")[0].id, "local")
    assert newest is not None
    assert newest.path is not None
    assert newest.path.is_relative_to(app.folders.outputs / "txt2img-images")
    assert app.settings.options.outdir_txt2img_samples == "outputs/txt2img-images"


def test_an_infotext_fills_what_is_not_sent(open_site: Gate) -> None:
    text = "blue heart\nSteps: 3, Sampler: Heun, CFG scale: 5, Seed: 11, Size: 128x64, Model: no such, Clip skip: 2"
    made = make(open_site, infotext=text)["facts"]
    assert (made["prompt"], made["seed"], made["steps"], made["width"]) == ("red heart", 7, 2, 64)
    assert (made["sampler_name"], made["cfg_scale"], made["clip_skip"]) == ("Heun", 5.0, 2)


def test_interrupt_answers_at_once_and_txt2img_with_what_exists(address: str, app: App) -> None:
    answers: list[httpx.Response] = []

    def ask_for_many() -> None:
        values = {**QUICK, "steps": 40, "n_iter": 900}
        answers.append(httpx.post(f"{address}/sdapi/v1/txt2img", json=values, timeout=60))

    client = threading.Thread(target=ask_for_many)
    client.start()
    until(lambda: (running := app.engine.running) and running.progress.images)
    status = httpx.get(f"{address}/sdapi/v1/progress").json()
    assert 0 < status["progress"] < 1
    assert status["eta_relative"] > 0
    assert list(status["state"]) == STATE_KEYS
    assert (status["state"]["job_count"], status["state"]["sampling_steps"]) == (900, 40)
    interrupted = httpx.post(f"{address}/sdapi/v1/interrupt")
    assert (interrupted.status_code, interrupted.json()) == (200, {})
    client.join(20)
    assert answers[0].status_code == 200
    assert 0 < len(answers[0].json()["images"]) < 900
    facts = json.loads(answers[0].json()["info"])
    assert len(facts["infotexts"]) == len(answers[0].json()["images"])
    assert list(facts) == INFO_KEYS


def test_progress_is_zero_when_idle_and_shows_the_preview_while_running(open_site: Gate, submit: Submit) -> None:
    idle = get(open_site, "progress")
    assert list(idle) == ["progress", "eta_relative", "state", "current_image", "textinfo"]
    assert (idle["progress"], idle["state"]["job_count"], idle["current_image"]) == (0, 0, None)
    assert list(idle["state"]) == STATE_KEYS
    ticket = submit(steps=1000)
    until(lambda: ticket.job.progress.preview)
    assert picture(get(open_site, "progress")["current_image"]).format == "JPEG"
    assert get(open_site, "progress?skip_current_image=true")["current_image"] is None
    assert post(open_site, "interrupt", {}).status == 200
    assert ticket.wait(20).state == "cancelled"


def test_t079_progress_interrupt_and_skip_are_about_ones_own_job(closed_site: Gate, submit: Submit) -> None:
    ticket = submit("alice", steps=1000, prompt="a secret")
    until(lambda: ticket.job.progress.preview)
    seen = ask(closed_site, path="/sdapi/v1/progress", headers=[BOB])
    assert json.loads(seen.body)["progress"] == 0
    assert b"secret" not in seen.body
    for verb in ("interrupt", "skip"):
        assert post(closed_site, verb, {}, BOB).status == 200
    assert not ticket.job.interrupted
    assert not ticket.job.skipped
    assert post(closed_site, "interrupt", {}, ALICE).status == 200
    assert ticket.wait(20).state == "cancelled"


def test_skip_ends_the_batch_and_not_the_job(open_site: Gate, submit: Submit) -> None:
    ticket = submit(steps=1000, n_iter=2)
    until(lambda: ticket.job.progress.step > 2)
    assert post(open_site, "skip", {}).status == 200
    until(lambda: ticket.job.progress.batch == 1)
    assert post(open_site, "interrupt", {}).status == 200
    ticket.wait(20)


@pytest.mark.parametrize(
    ("name", "args", "wanted"),
    [
        (
            "Loopback",
            [3, 0.2, "Lazy", "None"],
            {"loops": 3, "final_denoising_strength": 0.2, "denoising_curve": "Lazy"},
        ),
        ("loopback", [], {"loops": 4, "final_denoising_strength": 0.5, "denoising_curve": "Linear"}),
        ("SD upscale", ["", 32, "Lanczos", 1.5], {"sd_upscale_upscaler": "Lanczos", "sd_upscale_overlap": 32}),
        ("Poor man's outpainting", [64, 6, "fill", ["left", "up"]], {"outpaint_left": 64, "outpaint_right": 0}),
        (
            "outpainting mk2",
            ["", 64, 6, ["right"], 1.0, 0.05],
            {"outpaint_right": 64, "outpaint_blur": 6, "outpaint_fill": "noise"},
        ),
    ],
)
def test_scripts_of_a1111_that_are_fields_here(name: str, args: list[Any], wanted: dict[str, Any]) -> None:
    payload = Img2ImgPayload.model_validate({**QUICK, "script_name": name, "script_args": args})
    check_features(payload, NoScripts())
    request = request_of(payload, NoScripts(), ["0"]).model_dump()
    assert {key: request[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("loopback", ["many"]), ("loopback", [3, 0.2, "Sideways"]), ("loopback", [3, 0.2, "Lazy", "CLIP"]),
        ("sd upscale", ["", 32, 3]), ("outpainting mk2", ["", 64, 6, ["north"]]), ("outpainting mk2", ["", None]),
    ],
)  # fmt: skip
def test_arguments_of_scripts_that_make_no_sense_are_refused(open_site: Gate, name: str, args: list[Any]) -> None:
    answer = post(
        open_site, "img2img", {**QUICK, "init_images": [encoded(png())], "script_name": name, "script_args": args}
    )
    assert answer.status == 422


def test_soft_inpainting_is_asked_for_as_an_always_on_script() -> None:
    scripts = {"Soft Inpainting": {"args": [True, 1, 0.75, 4, 0, 0.5, 2]}}
    payload = Img2ImgPayload.model_validate({**QUICK, "alwayson_scripts": scripts})
    check_features(payload, NoScripts())
    request = request_of(payload, NoScripts(), ["0"], mask="1").model_dump()
    assert (request["soft_inpainting"], request["soft_preservation"]) == (True, 0.75)
    broken = payload.model_copy(update={"alwayson_scripts": {"soft inpainting": {"args": 3}}})
    with pytest.raises(RequestError, match="wants a list"):
        request_of(broken, NoScripts(), ["0"], mask="1")


def test_a_script_of_img2img_is_none_of_txt2img(open_site: Gate) -> None:
    assert post(open_site, "txt2img", {**QUICK, "script_name": "loopback"}).status == 422
