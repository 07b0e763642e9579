"""Prompts at work in a job: what changes while it samples, and what the person is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.studio.app import App
from modules.studio.hooks import Hooks
from modules.studio.job import LOCAL, Batch, Job, Progress
from modules.studio.request import Txt2Img

Heart = Callable[..., Txt2Img]
QUICK = 60


class Path(Hooks):
    """Remembers the latents after each step of the newest job."""

    def __init__(self) -> None:
        self.steps: list[Tensor] = []

    def job_begins(self, job: Job) -> None:
        self.steps = []

    def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
        self.steps.append(x.clone())


class Runs:
    """Runs small jobs of four steps, and says what their latents were."""

    def __init__(self, app: App, heart: Heart) -> None:
        self.app, self.heart, self.path = app, heart, Path()
        app.engine.hooks.append(self.path)

    def progress(self, prompt: str, **values: Any) -> Progress:
        request = self.heart(prompt=prompt, **{"steps": 4, "sampler_name": "Heun", **values})
        end = self.app.engine.submit(request, LOCAL).wait(QUICK)
        assert (end.state, end.error) == ("done", "")
        return end

    def path_of(self, prompt: str, **values: Any) -> list[Tensor]:
        self.progress(prompt, **values)
        return self.path.steps


@pytest.fixture
def runs(app: App, heart: Heart) -> Runs:
    return Runs(app, heart)


def equal_steps(one: list[Tensor], other: list[Tensor]) -> list[bool]:
    return [torch.equal(a, b) for a, b in zip(one, other, strict=True)]


def test_a_prompt_changes_after_its_step_also_where_a_step_calls_the_model_twice(runs: Runs) -> None:
    edited, plain = runs.path_of("[red heart:green square:0.5]"), runs.path_of("red heart")
    assert equal_steps(edited, plain) == [True, True, False, False]
    assert equal_steps(runs.path_of("[red heart:green square:3]"), plain) == [True, True, True, False]


def test_a_negative_prompt_changes_after_its_step(runs: Runs) -> None:
    edited = runs.path_of("red heart", negative_prompt="[star:square:1]")
    assert equal_steps(edited, runs.path_of("red heart", negative_prompt="star")) == [True, False, False, False]


def test_old_timelines_are_an_option(runs: Runs) -> None:
    old = runs.path_of("[red heart:green square:1.0]", override_settings={"use_old_scheduling": True})
    assert equal_steps(old, runs.path_of("red heart")) == [True, False, False, False]


def test_networks_that_have_no_effect_are_told_and_leave_the_picture_as_it_is(runs: Runs) -> None:
    end = runs.progress("red heart<hypernet:old:1><foo:x>", negative_prompt="star<lora:x:1>")
    told = runs.path.steps
    assert end.comments[0] == "No hypernetwork called 'old' in hypernetworks. Found: none."
    assert [comment.split(" ")[0] for comment in end.comments] == ["No", "<foo:...>", "<lora:x>"]
    assert end.images[0].infotext.startswith("red heart<hypernet:old:1><foo:x>\nNegative prompt: star<lora:x:1>\n")
    assert equal_steps(told, runs.path_of("red heart", negative_prompt="star")) == [True] * 4


def test_nothing_is_told_of_a_plain_prompt(runs: Runs) -> None:
    assert runs.progress("red heart").comments == ()


def test_comments_and_emphasis_are_read_as_the_options_say(runs: Runs) -> None:
    plain = runs.path_of("red heart")
    assert equal_steps(runs.path_of("red heart# and more"), plain) == [True] * 4
    without = {"enable_prompt_comments": False}
    assert equal_steps(runs.path_of("red heart# and more", override_settings=without), plain) != [True] * 4
    ignored = runs.progress("(red:1.5) heart", override_settings={"emphasis": "Ignore"})
    assert equal_steps(runs.path.steps, plain) == [True] * 4
    assert "Emphasis: Ignore" in ignored.images[0].infotext
