"""Noise, prompts, masks and samplers in an extension's own hands: what it takes is what the job has, what it puts in
place is what the job does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image

from modules.studio.app import App
from modules.studio.image_files import open_picture
from modules.studio.request import Img2Img, Inpaint, Txt2Img
from tests.a1111.test_face import pixels, run
from tests.a1111.test_order import QUICK, upload, upload_picture

ANCESTRAL: dict[str, Any] = {**QUICK, "sampler_name": "Euler a", "steps": 3}


def by_hand(what: str) -> dict[str, Any]:
    """Lets the specimen do it; what it saw."""
    module: Any = sys.modules["scripts.by_hand"]
    module.chosen["what"] = what
    module.seen.clear()
    seen: dict[str, Any] = module.seen
    return seen


def made(app: App, what: str, request: Any) -> bytes:
    by_hand(what)
    return pixels(app, run(app, request))


def half_masked(app: App, **more: Any) -> Inpaint:
    """The left half of a red picture is to be painted."""
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    values = {**QUICK, "denoising_strength": 0.9, "mask_blur_x": 0, "mask_blur_y": 0, "inpaint_full_res": False}
    ids = {"init_images": (upload(app, "red"),), "mask": upload_picture(app, mask)}
    return Inpaint(**{**values, **ids, "inpainting_fill": 1, **more})


def test_the_noise_of_a_job_is_that_of_its_rng(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    plain = made(app, "", Txt2Img(**ANCESTRAL, batch_size=2))
    seen = by_hand("same rng")
    assert pixels(app, run(app, Txt2Img(**ANCESTRAL, batch_size=2))) == plain
    assert seen["rng"] == ((4, 8, 8), [7, 8], 0.0)
    assert made(app, "rng", Txt2Img(**ANCESTRAL)) != plain
    other = made(app, "other rng", Txt2Img(**ANCESTRAL))
    assert other == made(app, "", Txt2Img(**{**ANCESTRAL, "seed": 99}))
    by_hand("wrong rng")
    end = app.engine.submit(Txt2Img(**ANCESTRAL), "local").wait()
    assert pixels(app, end) == plain
    assert "another shape" in end.comments[0]


def test_hires_fix_has_noise_of_its_own(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    second = {"enable_hr": True, "hr_scale": 2, "hr_upscaler": "Latent", "hr_second_pass_steps": 2}
    request = Txt2Img(**ANCESTRAL, **second, denoising_strength=0.7)
    assert made(app, "same rng", request) == made(app, "", request)


def test_what_stands_in_the_place_of_sample_is_called(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    request = Txt2Img(**ANCESTRAL, negative_prompt="blue")
    plain = made(app, "", request)
    seen = by_hand("wrap")
    assert pixels(app, run(app, request)) == plain
    assert seen["sample"] == ("MulticondLearnedConditioning", 1, [7], ["red heart"])
    assert seen["latents"].shape == (1, 4, 8, 8)
    assert made(app, "negated", request) != plain
    assert made(app, "other prompt", request) == made(
        app, "", Txt2Img(**{**ANCESTRAL, "prompt": "blue star"}, negative_prompt="blue")
    )


def test_sample_of_hires_fix_is_both_passes(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    request = Txt2Img(**QUICK, enable_hr=True, hr_scale=2, hr_upscaler="Latent", hr_second_pass_steps=2)
    plain = made(app, "", request)
    seen = by_hand("wrap")
    assert pixels(app, run(app, request)) == plain
    assert [tuple(each.shape) for each in seen["latents"]] == [(3, 128, 128)]
    assert seen["latents"].already_decoded


def test_a_sampler_can_be_asked_for_a_pass(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    request = Txt2Img(**ANCESTRAL, negative_prompt="blue")
    assert made(app, "by hand", request) == made(app, "", request)
    by_hand("larger")
    end = run(app, request)
    assert (end.images[0].width, end.images[0].height) == (128, 128)


def test_a_copy_of_p_asks_for_a_pass_with_a_strength_and_a_scale_of_its_own(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    chosen = sys.modules["scripts.by_hand"].chosen
    seen, chosen["scale"] = by_hand("once more"), 7
    end = run(app, Txt2Img(**ANCESTRAL))
    assert (end.images[0].width, end.images[0].height) == (128, 128)
    assert seen["conditioning"].shape == (1, 5, 1, 1)
    chosen["scale"] = 1
    assert pixels(app, run(app, Txt2Img(**ANCESTRAL))) != pixels(app, end)


def test_a_sample_that_fails_costs_no_picture(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    plain = made(app, "", Txt2Img(**QUICK))
    by_hand("failing")
    end = app.engine.submit(Txt2Img(**QUICK), "local").wait()
    assert pixels(app, end) == plain
    told = "The extension by_hand failed in sample (ValueError: afterwards); the picture is without it."
    assert end.comments == (told,)


def test_prompts_that_a_failing_script_has_changed_are_what_they_were(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    plain = made(app, "", Txt2Img(**QUICK))
    by_hand("failing before")
    end = app.engine.submit(Txt2Img(**QUICK), "local").wait()
    assert pixels(app, end) == plain
    assert "failed in process_before_every_sampling" in end.comments[0]


def test_the_prompts_are_handed_out_as_they_are_asked(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    seen = by_hand("")
    run(app, Txt2Img(**{**QUICK, "prompt": "[red:blue:1] heart AND star :0.5", "steps": 3}, negative_prompt="blue"))
    ((first, second),) = seen["c"].batch
    assert ([each.end_at_step for each in first.schedules], first.weight, second.weight) == ([1, 3], 1.0, 0.5)
    assert [each.end_at_step for each in seen["uc"][0]] == [3]
    assert first.schedules[0].cond.shape == seen["uc"][0][0].cond.shape
    assert seen["sampler"] == ("DPM++ 2M", "DPM++ 2M", None)
    assert seen["last"].shape == (1, 4, 8, 8)


def test_prompts_that_are_changed_are_what_the_network_is_asked(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    request = Txt2Img(**QUICK, negative_prompt="blue star")
    plain = made(app, "", request)
    assert made(app, "swapped", request) == made(app, "", Txt2Img(**QUICK, negative_prompt="red heart"))
    both = Txt2Img(**{**QUICK, "prompt": "red heart AND blue star :0.5"}, negative_prompt="blue star")
    assert made(app, "one more part", request) == made(app, "", both)
    assert made(app, "nothing in c", request) != plain
    by_hand("half a batch")
    end = app.engine.submit(request, "local").wait()
    assert pixels(app, end) == plain
    assert "0 pictures, and the batch has 1" in end.comments[0]


def test_the_picture_and_its_mask_are_read_and_replaced_as_latents(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    request = half_masked(app)
    seen = by_hand("")
    plain = pixels(app, run(app, request))
    latent, kept, changes = seen["masks"]
    assert latent.shape == (1, 4, 8, 8)
    assert (kept + changes == 1).all()
    assert changes[:, :, :4].all()
    assert torch.equal(seen["x"], latent)
    assert abs(float(seen["noise"].std()) - 1) < 0.3
    assert made(
        app, "black latents", Img2Img(**QUICK, init_images=request.init_images, denoising_strength=0.5)
    ) != made(app, "", Img2Img(**QUICK, init_images=request.init_images, denoising_strength=0.5))
    by_hand("whole mask")
    assert pixels(app, run(app, request)) != plain


@pytest.mark.parametrize("what", ["other overlay", "painted overlay"])
def test_what_lies_over_the_picture_is_read_and_replaced(open_extended: Callable[..., App], what: str) -> None:
    app = open_extended("by_hand")
    request = half_masked(app)
    seen = by_hand("overlays")
    plain = run(app, request)
    assert seen["overlays"] == (["RGBA"], (64, 64), None)
    right = open_picture(app.gallery.read(plain.images[0].id, "local")[0]).getpixel((60, 32))
    assert right == (255, 0, 0)
    by_hand("no overlays")
    alone = open_picture(app.gallery.read(run(app, request).images[0].id, "local")[0]).getpixel((60, 32))
    assert alone != (255, 0, 0)
    by_hand(what)
    end = run(app, request)
    assert open_picture(app.gallery.read(end.images[0].id, "local")[0]).getpixel((5, 5)) == (0, 255, 0)


def test_color_correction_is_left_out_where_an_extension_takes_it_away(open_extended: Callable[..., App]) -> None:
    app = open_extended("by_hand")
    values = {**QUICK, "init_images": (upload(app, "red"),), "denoising_strength": 0.5}
    corrected = Img2Img(**values, override_settings={"img2img_color_correction": True})
    with_colours, without = made(app, "", corrected), made(app, "", Img2Img(**values))
    assert with_colours != without
    seen = by_hand("no colours")
    assert pixels(app, run(app, corrected)) == without
    assert seen["colours"] == 1
