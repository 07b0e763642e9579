"""Functions that extensions put in the place of A1111's: what reads the prompts, and what joins the answers to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from modules.studio.app import App
from modules.studio.request import Txt2Img
from tests.a1111.words import word


def painted(app: App, wanted: str = "", **asked: Any) -> tuple[Any, tuple[str, ...]]:
    """The pixels of a small picture, and the job's comments."""
    always = {"Taker": (wanted,)}
    fields: dict[str, Any] = {"prompt": "red heart", "seed": 7, "steps": 3, "width": 64, "height": 64, **asked}
    end = app.engine.submit(Txt2Img(**fields, alwayson_scripts=always), "local").wait()
    assert end.state == "done", end
    path = end.images[0].path
    assert path is not None
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int), end.comments


def test_prompts_are_read_as_an_extension_reads_them(open_extended: Callable[..., App]) -> None:
    app = open_extended("taker")
    both, comments = painted(app, "read", prompt="red heart BOTH blue star")
    joined, _ = painted(app, prompt="red heart AND blue star")
    text, _ = painted(app, prompt="red heart BOTH blue star")
    assert comments == ()
    assert np.array_equal(both, joined)
    assert not np.array_equal(text, joined)


def test_hires_fix_reads_the_prompts_of_both_its_passes_so(open_extended: Callable[..., App]) -> None:
    app = open_extended("taker")
    larger: dict[str, Any] = {"enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent", "denoising_strength": 0.7}
    both, _ = painted(app, "read", prompt="[red:green:0.5] heart BOTH [blue:red:1.5] star", **larger)
    joined, _ = painted(app, prompt="[red:green:0.5] heart AND [blue:red:1.5] star", **larger)
    assert np.array_equal(both, joined)


def test_answers_are_joined_as_an_extension_joins_them(open_extended: Callable[..., App]) -> None:
    app = open_extended("taker")
    twice, comments = painted(app, "combine", cfg_scale=3)
    plain, _ = painted(app, cfg_scale=3)
    six, _ = painted(app, cfg_scale=6)
    assert comments == ()
    assert np.abs(twice - six).max() <= 1
    assert np.abs(twice - plain).max() > 1


def test_what_fails_there_leaves_the_picture_as_it_was(open_extended: Callable[..., App]) -> None:
    app = open_extended("taker")
    plain, _ = painted(app)
    unread, comments = painted(app, "read badly")
    assert np.array_equal(unread, plain)
    assert any("taker failed in prompt_parser (ValueError: not today)" in comment for comment in comments)
    apart, comments = painted(app, "combine badly")
    assert np.abs(apart - plain).max() <= 1
    assert any("taker failed in combine_denoised (ValueError: not today)" in comment for comment in comments)


def test_one_that_is_set_aside_gives_back_what_it_took(open_extended: Callable[..., App]) -> None:
    app = open_extended("taker")
    for _ in range(3):
        painted(app, "read badly")
    assert not word("bridge.containment").containment.conduct("taker").runs
    assert word("sd_samplers").create_sampler.__module__ != "modules.sd_samplers"
    word("bridge.loader").unload()
    assert word("sd_samplers").create_sampler.__module__ == "modules.sd_samplers"
