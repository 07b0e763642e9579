"""Hires fix in an extension's own hands: p.sample_hr_pass, before_hr, and pictures beyond those that were asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from modules.studio.app import App
from modules.studio.infotext import read_infotext
from modules.studio.request import Txt2Img
from tests.a1111.test_face import pixels, run
from tests.a1111.test_order import QUICK
from tests.a1111.words import word

HIRES: dict[str, Any] = {
    **QUICK,
    "sampler_name": "Euler a",
    "enable_hr": True,
    "hr_scale": 2,
    "hr_upscaler": "Latent",
    "hr_second_pass_steps": 2,
    "denoising_strength": 0.7,
}


def chosen(what: str) -> dict[str, Any]:
    """Lets the specimen do it; what it saw."""
    module: Any = sys.modules["scripts.second_pass"]
    module.chosen["what"] = what
    module.seen.clear()
    module.seen["sampler"] = word("sd_samplers").create_sampler
    seen: dict[str, Any] = module.seen
    return seen


def made(app: App, what: str, **more: Any) -> bytes:
    chosen(what)
    return pixels(app, run(app, Txt2Img(**{**HIRES, **more})))


def is_inverted(one: Image.Image, other: Image.Image) -> bool:
    """But for rounding."""
    return bool(np.all(np.abs(255 - np.asarray(one, dtype=int) - np.asarray(other, dtype=int)) <= 1))


def test_what_stands_in_the_place_of_the_second_pass_is_called(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    plain = made(app, "")
    seen = chosen("wrap")
    assert pixels(app, run(app, Txt2Img(**HIRES))) == plain
    assert seen["before"] == (False, (1, 4, 8, 8), None, [7], ["red heart"])
    assert [tuple(each.shape) for each in seen["made"]] == [(3, 128, 128)]
    assert seen["made"].already_decoded
    assert (seen["after"], seen["postprocess_batch"]) == (False, False)
    assert made(app, "nothing") != plain


def test_it_is_handed_pictures_where_the_upscaler_enlarges_pictures(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    plain = made(app, "", hr_upscaler="Lanczos")
    seen = chosen("wrap")
    assert pixels(app, run(app, Txt2Img(**{**HIRES, "hr_upscaler": "Lanczos"}))) == plain
    assert tuple(seen["before"][2].shape) == (1, 3, 64, 64)
    assert made(app, "black", hr_upscaler="Lanczos") != plain


def test_a_second_pass_that_is_done_twice_gives_two_pictures(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    plain = made(app, "")
    chosen("twice")
    end = run(app, Txt2Img(**HIRES))
    assert [read_infotext(image.infotext).params["Seed"] for image in end.images] == ["7", "99"]
    assert pixels(app, end, 0) == plain != pixels(app, end, 1)
    assert end.images[1].path is not None


def test_what_it_gives_is_the_picture(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    chosen("instead")
    end = run(app, Txt2Img(**HIRES))
    assert (end.images[0].width, end.images[0].height) == (48, 32)
    assert set(pixels(app, end)) == {255}
    chosen("latents")
    assert run(app, Txt2Img(**HIRES)).images[0].width == 64


def test_a_second_pass_that_fails_costs_no_picture(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    plain = made(app, "")
    chosen("failing")
    end = app.engine.submit(Txt2Img(**HIRES), "local").wait()
    assert pixels(app, end) == plain
    assert end.comments == (
        "The extension second_pass failed in sample_hr_pass (ValueError: afterwards); the picture is without it.",
    )
    chosen("rubbish")
    end = app.engine.submit(Txt2Img(**HIRES), "local").wait()
    assert pixels(app, end) == plain
    assert "is not 1 latents" in end.comments[0]


def test_a_sample_of_an_extensions_own_calls_the_second_pass(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    assert made(app, "own sample") == made(app, "")


def test_before_the_second_pass_its_noise_and_its_prompts_are_there(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    seen = chosen("")
    run(app, Txt2Img(**HIRES))
    assert seen["before_hr"][:3] == (True, (4, 16, 16), (1,))


@pytest.mark.parametrize(("what", "field"), [("guided", {"hr_cfg": 2}), ("shorter", {"hr_second_pass_steps": 1})])
def test_what_is_assigned_before_the_second_pass_is_what_it_does(
    what: str, field: dict[str, Any], open_extended: Callable[..., App]
) -> None:
    app = open_extended("second_pass")
    assert made(app, what) == made(app, "", **field) != made(app, "")


def test_after_hires_fix_pictures_are_what_was_sampled(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    seen = chosen("")
    plain = run(app, Txt2Img(**HIRES))
    assert seen["post_sample"] is True
    chosen("inverted")
    other = run(app, Txt2Img(**HIRES))
    assert is_inverted(*(Image.frombytes("RGB", (128, 128), pixels(app, end)) for end in (plain, other)))


def test_a_batch_may_become_more_pictures_or_fewer(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    request = Txt2Img(**QUICK, batch_size=2, n_iter=2)
    chosen("")
    plain = run(app, request)
    chosen("more")
    end = run(app, request)
    assert [image.seed for image in end.images] == [7, 8, 7, 9, 10, 9]
    assert [pixels(app, end, index) for index in (0, 1, 3, 4)] == [pixels(app, plain, index) for index in range(4)]
    chosen("fewer")
    assert [image.seed for image in run(app, request).images] == [7, 9]


def test_the_picture_beyond_the_number_is_another(open_extended: Callable[..., App]) -> None:
    app = open_extended("second_pass")
    chosen("more")
    end = run(app, Txt2Img(**QUICK))
    assert is_inverted(*(Image.frombytes("RGB", (64, 64), pixels(app, end, index)) for index in range(2)))


def test_parameters_of_pictures_beyond_the_number_are_told_by_create_infotext_too(
    open_extended: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_extended("second_pass")
    chosen("twice")
    ours = word("processing").create_infotext
    monkeypatch.setattr("modules.processing.create_infotext", lambda *args, **words: ours(*args, **words) + ", Own: 1")
    end = run(app, Txt2Img(**HIRES))
    told = [read_infotext(image.infotext).params for image in end.images]
    assert [(each["Seed"], each["Own"]) for each in told] == [("7", "1"), ("99", "1")]
