"""LoRAs in prompts: worn for the batches that name them, taken off whatever happens, written into the infotext."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from modules.studio.app import App
from modules.studio.hooks import Hooks
from modules.studio.infotext import read_infotext
from modules.studio.job import LOCAL, Batch, Job, Progress
from modules.studio.request import Txt2Img
from tests.studio.conftest import Make

Heart = Callable[..., Txt2Img]
QUICK = 60
PLACE = "mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0"


@pytest.fixture
def style(app: App) -> Path:
    """A LoRA that turns the starter's middle attention around."""
    with app.store.lease("starter") as model:
        width = model.unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_out[0].weight.shape[0]
    torch.manual_seed(3)
    tensors = {
        f"lora_unet_{PLACE}.lora_up.weight": torch.randn(width, 4),
        f"lora_unet_{PLACE}.lora_down.weight": torch.randn(4, width),
    }
    save_file(tensors, app.folders.lora / "style.safetensors")
    return app.folders.lora / "style.safetensors"


def run(app: App, request: Txt2Img) -> Progress:
    return app.engine.submit(request, LOCAL).wait(QUICK)


def pixels(end: Progress) -> np.ndarray:
    (image,) = end.images
    assert image.path is not None
    with Image.open(image.path) as saved:
        return np.asarray(saved.convert("RGB"))


@pytest.mark.usefixtures("style")
def test_a_lora_changes_the_picture_that_names_it_and_no_other(app: App, heart: Heart) -> None:
    plain = pixels(run(app, heart()))
    worn = run(app, heart(prompt="red heart <lora:style:1>"))
    assert worn.comments == ()
    assert not np.array_equal(pixels(worn), plain)
    assert np.array_equal(pixels(run(app, heart())), plain)
    assert np.array_equal(pixels(run(app, heart(prompt="red heart <lora:style:0>"))), plain)
    assert np.array_equal(pixels(run(app, heart(prompt="red heart <lyco:STYLE:1>"))), pixels(worn))


def test_its_hash_is_in_the_infotext(app: App, heart: Heart, style: Path) -> None:
    end = run(app, heart(prompt="red heart <lora:style:0.5>"))
    hash = app.loras.short_hash(app.loras.find("style"))
    assert read_infotext(end.images[0].infotext).params["Lora hashes"] == f"style: {hash}"


def test_one_that_is_not_there_is_said_and_the_picture_comes_all_the_same(app: App, heart: Heart) -> None:
    plain = pixels(run(app, heart()))
    end = run(app, heart(prompt="red heart <lora:stile:1>"))
    assert "No LoRA called 'stile'" in end.comments[0]
    assert np.array_equal(pixels(end), plain)


def test_one_that_only_the_second_pass_names_is_said_too(app: App, heart: Heart) -> None:
    twice = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5, "hr_upscaler": "Latent"}
    assert "No LoRA called 'stile'" in run(app, heart(hr_prompt="red heart <lora:stile:1>", **twice)).comments[0]


def test_what_was_said_is_still_known_after_a_restart(open_studio: Make, heart: Heart) -> None:
    app = open_studio("--no-half")
    ticket = app.engine.submit(heart(prompt="red heart <lora:stile:1>"), LOCAL)
    quiet = app.engine.submit(heart(), LOCAL)
    said = ticket.wait(QUICK).comments
    quiet.wait(QUICK)
    app.close()
    reopened = open_studio("--no-half").engine
    assert "stile" in said[0]
    assert reopened.progress(ticket.id).comments == said  # type: ignore[union-attr]
    assert reopened.progress(quiet.id).comments == ()  # type: ignore[union-attr]


def test_one_that_does_not_fit_fails_its_job_by_name_and_leaves_the_model_alone(app: App, heart: Heart) -> None:
    plain = pixels(run(app, heart()))
    tensors = {"lora_unet_down_blocks_9_x.lora_up.weight": torch.ones(2, 1), "lora_te_y.diff": torch.ones(2)}
    save_file(tensors, app.folders.lora / "large.safetensors")
    end = run(app, heart(prompt="red heart <lora:large:1>"))
    assert end.state == "failed"
    assert end.error.startswith("large.safetensors cannot be used with starter")
    assert "this one has sizes of its own" in end.error
    assert np.array_equal(pixels(run(app, heart())), plain)


class Fault(Hooks):
    """Fails in the middle of the first job."""

    def __init__(self) -> None:
        self.failed = False

    def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
        if not self.failed:
            self.failed = True
            raise ZeroDivisionError


@pytest.mark.usefixtures("style")
def test_it_is_taken_off_also_when_the_job_fails(app: App, heart: Heart) -> None:
    plain = pixels(run(app, heart()))
    app.engine.hooks.append(Fault())
    assert run(app, heart(prompt="red heart <lora:style:1>")).state == "failed"
    assert np.array_equal(pixels(run(app, heart())), plain)
