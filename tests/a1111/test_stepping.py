"""A function in the place of `KDiffusionSampler.callback_state`: told of each step, and what it changes holds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from modules.studio.app import App
from modules.studio.request import Txt2Img


def painted(app: App, sampler: str, wanted: str | None) -> tuple[Any, tuple[str, ...]]:
    """The pixels of a small picture that the specimen was asked to change, and the job's comments."""
    always = {} if wanted is None else {"Stepper": (wanted,)}
    asked = Txt2Img(
        prompt="red heart", seed=7, steps=3, width=64, height=64, sampler_name=sampler, alwayson_scripts=always
    )
    end = app.engine.submit(asked, "local").wait()
    assert end.state == "done", end
    path = end.images[0].path
    assert path is not None
    with Image.open(path) as picture:
        return picture.convert("RGB").tobytes(), end.comments


@pytest.mark.parametrize("sampler", ["Euler a", "Heun", "DPM++ 2M"])
@pytest.mark.parametrize("wanted", ["x", "denoised"])
def test_each_step_is_told_once_and_goes_on_with_what_was_changed(
    open_extended: Callable[..., App], sampler: str, wanted: str
) -> None:
    app = open_extended("stepper")
    heard: list[Any] = sys.modules["scripts.stepper"].heard
    plain, _ = painted(app, sampler, None)
    assert heard == []
    changed, comments = painted(app, sampler, wanted)
    assert [step for step, _, _ in heard] == [0, 1, 2]
    assert {steps for _, steps, _ in heard} == {3}
    assert comments == ()
    assert changed != plain


def test_a_sampler_that_is_not_k_diffusions_tells_nobody(open_extended: Callable[..., App]) -> None:
    app = open_extended("stepper")
    assert painted(app, "DDIM", "denoised") == painted(app, "DDIM", None)


def test_a_function_of_the_running_sampler_alone_is_told_too(open_extended: Callable[..., App]) -> None:
    app = open_extended("stepper")
    plain, _ = painted(app, "Euler a", None)
    changed, comments = painted(app, "Euler a", "own")
    assert [step for step, _, _ in sys.modules["scripts.stepper"].heard] == [0, 1, 2]
    assert changed != plain
    assert comments == ()
    assert painted(app, "Euler a", None)[0] == plain


def test_samplers_on_timesteps_tell_a_function_of_theirs_and_go_on_with_their_own(
    open_extended: Callable[..., App],
) -> None:
    app = open_extended("stepper")
    assert painted(app, "DDIM", "own") == painted(app, "DDIM", None)
    painted(app, "DDIM", "own")
    assert [step for step, _, _ in sys.modules["scripts.stepper"].heard] == [0, 1, 2]


def test_a_function_that_fails_leaves_the_picture_as_it_was(open_extended: Callable[..., App]) -> None:
    app = open_extended("stepper")
    plain, _ = painted(app, "Euler a", None)
    changed, comments = painted(app, "Euler a", "raise")
    assert changed == plain
    assert any("stepper failed in callback_state (ValueError: not today)" in comment for comment in comments)
