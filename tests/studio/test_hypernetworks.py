"""Hypernetworks in jobs: there for the passes that name them, and said when they cannot be used."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from modules.studio.app import App
from modules.studio.request import Txt2Img
from tests.studio.test_loras import Fault, pixels, run

Heart = Callable[..., Txt2Img]


def save(app: App, name: str, width: int | None = None) -> None:
    with app.store.lease(app.settings.options.sd_model_checkpoint or "starter") as model:
        reads = width or int(model.unet.config.cross_attention_dim)
    torch.manual_seed(1)
    state = {"linear.0.weight": torch.randn(2 * reads, reads) / 8, "linear.1.weight": torch.randn(reads, 2 * reads) / 8}
    app.folders.hypernetworks.mkdir(exist_ok=True)
    torch.save({reads: (state, state), "name": name}, app.folders.hypernetworks / f"{name}.pt")


def test_one_changes_the_picture_that_names_it_and_no_other(app: App, heart: Heart) -> None:
    save(app, "art")
    plain = pixels(run(app, heart()))
    led = run(app, heart(prompt="red heart <hypernet:ART:1>"))
    assert led.comments == ()
    assert not np.array_equal(pixels(led), plain)
    assert np.array_equal(pixels(run(app, heart(prompt="red heart <hypernet:art:0>"))), plain)
    assert np.array_equal(pixels(run(app, heart())), plain)


def test_it_is_there_in_both_passes_of_hires_fix(app: App, heart: Heart) -> None:
    save(app, "art")
    twice = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5, "hr_upscaler": "Latent"}
    plain = pixels(run(app, heart(**twice)))
    first = pixels(run(app, heart(prompt="red heart <hypernet:art:1>", hr_prompt="red heart", **twice)))
    second = pixels(run(app, heart(hr_prompt="red heart <hypernet:art:1>", **twice)))
    assert not np.array_equal(first, plain)
    assert not np.array_equal(second, plain)
    assert np.array_equal(pixels(run(app, heart(**twice))), plain)


@pytest.mark.parametrize(
    ("name", "said"), [("arts", "No hypernetwork called 'arts'"), ("large", "is for SDXL and has no effect on starter")]
)
def test_one_that_cannot_be_used_is_said_and_the_picture_comes(app: App, heart: Heart, name: str, said: str) -> None:
    save(app, "large", width=2048)
    plain = pixels(run(app, heart()))
    end = run(app, heart(prompt=f"red heart <hypernet:{name}:1>"))
    assert said in end.comments[0]
    assert np.array_equal(pixels(end), plain)


def test_it_is_taken_off_also_when_the_job_fails(app: App, heart: Heart) -> None:
    save(app, "art")
    plain = pixels(run(app, heart()))
    app.engine.hooks.append(Fault())
    assert run(app, heart(prompt="red heart <hypernet:art:1>")).state == "failed"
    assert np.array_equal(pixels(run(app, heart())), plain)
