"""What A1111 calls on p during a job may be replaced, called and read by extensions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from modules.diffusion.samplers import find_sampler, sampling_sigmas, schedule_for
from modules.studio.app import App
from modules.studio.infotext import read_infotext
from modules.studio.request import Txt2Img
from tests.a1111.test_face import pixels, run
from tests.a1111.test_order import QUICK

EULER: dict[str, Any] = {**QUICK, "sampler_name": "Euler", "steps": 4}
HIRES: dict[str, Any] = {
    **{**QUICK, "enable_hr": True, "hr_scale": 2, "hr_upscaler": "Latent", "denoising_strength": 0.7},
}


def chosen(what: str) -> dict[str, Any]:
    """Lets the specimen do it; what it saw."""
    module: Any = sys.modules["scripts.caller"]
    module.chosen["what"] = what
    module.moments.clear()
    module.seen.clear()
    seen: dict[str, Any] = module.seen
    return seen


def made(app: App, what: str, **more: Any) -> bytes:
    chosen(what)
    return pixels(app, run(app, Txt2Img(**{**QUICK, **more})))


def test_methods_of_p_are_called_when_a1111_calls_them(open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    plain = made(app, "")
    assert made(app, "all") == plain
    # process_images, process_images_inner and txt2img of A1111 1.10.1
    assert sys.modules["scripts.caller"].moments == [
        *("before_process", "fill_fields_from_opts", "setup_prompts", "process", "init", "before_process_batch"),
        *("parse_extra_network_prompts", "process_batch", "setup_conds", "sample", "postprocess_batch"),
        *("postprocess_batch_list", "save_samples", "postprocess_image", "postprocess", "close"),
    ]


def test_prompts_are_those_that_an_extension_sets_up(open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    assert made(app, "prompts") == made(app, "", prompt="red heart star")
    assert made(app, "again") == made(app, "", prompt="blue star")
    plain = made(app, "")
    chosen("failing")
    end = app.engine.submit(Txt2Img(**QUICK), "local").wait()
    assert pixels(app, end) == plain
    assert "caller failed in setup_prompts (ValueError: halfway)" in end.comments[0]


def test_a_style_that_an_extension_adds_is_in_the_prompt(open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    app.styles.save("starry", "{prompt}, stars", "")
    chosen("styles")
    end = run(app, Txt2Img(**QUICK))
    assert read_infotext(end.images[0].infotext).prompt == "red heart, stars"


def test_a_picture_is_no_file_where_an_extension_says_so(open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    chosen("unsaved")
    assert run(app, Txt2Img(**QUICK)).images[0].path is None
    chosen("")
    assert run(app, Txt2Img(**QUICK)).images[0].path is not None


@pytest.mark.parametrize("hires", [{}, {"enable_hr": True, "hr_upscaler": "Latent", "hr_scale": 2}])
def test_noise_levels_are_those_of_an_extension(hires: dict[str, Any], open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    sampler = find_sampler("Euler")
    with app.store.lease("starter") as model:
        levels = sampling_sigmas(sampler, schedule_for(sampler, "Karras"), model.training_sigmas, 4)
    wanted = {**EULER, **hires, "denoising_strength": 1.0}
    expected = pixels(app, run(app, Txt2Img(**wanted, scheduler="Karras")))
    seen = chosen("levels")
    seen["levels"] = levels
    assert pixels(app, run(app, Txt2Img(**wanted, scheduler="Exponential"))) == expected
    assert made(app, "", **wanted, scheduler="Exponential") != expected


def test_noise_levels_that_do_not_fall_end_the_job_with_a_word_of_whose_they_are(
    open_extended: Callable[..., App],
) -> None:
    app = open_extended("caller")
    chosen("wrong levels")
    end = app.engine.submit(Txt2Img(**EULER), "local").wait()
    assert (end.state, end.error) == ("failed", "The noise levels of caller do not fall to 0 in steps.")


def test_networks_of_the_prompt_stay_off_where_an_extension_says_so(open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    request = Txt2Img(**{**QUICK, "prompt": "red heart<lora:absent:1>"})
    seen = chosen("")
    assert "absent" in app.engine.submit(request, "local").wait().comments[0]
    assert list(seen["networks"]) == ["lora"]
    assert seen["prompts"] == ["red heart<lora:absent:1>"]
    seen = chosen("no networks")
    end = app.engine.submit(request, "local").wait()
    assert seen["prompts"] == ["red heart"]
    assert read_infotext(end.images[0].infotext).prompt == "red heart<lora:absent:1>"


def test_fields_of_hires_fix_read_as_in_a1111(open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    seen = chosen("")
    run(app, Txt2Img(**HIRES))
    assert seen == {
        "main_prompt": "red heart",
        "all_hr_prompts": ["red heart"],
        "hr_second_pass_steps": 0,
        "hr_sampler_name": None,
        "latent_scale_mode": {"mode": "bilinear", "antialias": False},
        "hr_upscale_to_x": 128,
        "truncate_y": 0,
        "hr_checkpoint_info": None,
        "refiner_checkpoint_info": None,
        "firstpass_steps": 2,
        "networks": {},
        "conditioning": [(1, 5, 1, 1), (1, 5, 1, 1)],
        "conds": [1, 1],
        "prompts": ["red heart"],
    }
    chosen("larger")
    end = run(app, Txt2Img(**HIRES))
    assert (end.images[0].width, end.images[0].height) == (192, 192)
    assert made(app, "all hr prompts", **HIRES) == made(app, "", **HIRES, hr_prompt="blue star")


def test_the_seed_of_a_batch_is_what_its_parameters_say(open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    chosen("other seed")
    assert read_infotext(run(app, Txt2Img(**QUICK)).images[0].infotext).params["Seed"] == "99"


def test_functions_among_the_entries_are_told_the_prompt(open_extended: Callable[..., App]) -> None:
    app = open_extended("caller")
    chosen("told")
    assert read_infotext(run(app, Txt2Img(**QUICK)).images[0].infotext).params["Told"] == "0 red heart"


@pytest.mark.parametrize("more", [{}, {"enable_hr": True, "hr_upscaler": "Latent", "hr_prompt": "blue star"}])
def test_parameters_are_told_by_what_stands_in_the_place_of_create_infotext(
    more: dict[str, Any], open_extended: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_extended("caller")
    chosen("")
    request = Txt2Img(**QUICK, **more, batch_size=2, n_iter=2)
    plain = run(app, request)
    specimen: Any = sys.modules["scripts.caller"]
    monkeypatch.setattr("modules.processing.create_infotext", specimen.chosen["told"])
    end = run(app, request)
    said = [read_infotext(image.infotext) for image in end.images]
    assert [each.params.pop("Told so") for each in said] == [f"{n % 2} {7 + n} red heart" for n in range(4)]
    assert said == [read_infotext(image.infotext) for image in plain.images]
