"""Embeddings in jobs: named by their files, counted into the infotext, and said when they do not fit the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from modules.studio.app import App
from modules.studio.infotext import read_infotext
from modules.studio.request import Txt2Img
from tests.studio.test_loras import pixels, run

Heart = Callable[..., Txt2Img]


def save(app: App, name: str, width: int | None = None, tokens: int = 2) -> Path:
    widths = app.store.find("starter").text_widths
    path = app.folders.embeddings / f"{name}.safetensors"
    save_file({"emb_params": torch.randn(tokens, width or widths[0])}, path)
    return path


def test_one_changes_the_pictures_that_name_it_in_either_prompt(app: App, heart: Heart) -> None:
    prompts = [{"prompt": "red heart inkstyle"}, {"negative_prompt": "inkstyle"}]
    plain = [pixels(run(app, heart(**prompt))) for prompt in prompts]
    other = pixels(run(app, heart()))
    save(app, "inkstyle")
    styled = [pixels(run(app, heart(**prompt))) for prompt in prompts]
    assert not np.array_equal(styled[0], plain[0])
    assert not np.array_equal(styled[1], plain[1])
    assert np.array_equal(pixels(run(app, heart())), other)


def test_hashes_are_in_the_infotext_as_in_a1111_unless_it_is_switched_off(app: App, heart: Heart) -> None:
    path = save(app, "inkstyle")
    save(app, "badstyle")
    request = heart(prompt="red [heart:INKSTYLE:0.5]", negative_prompt="badstyle")
    params = read_infotext(run(app, request).images[0].infotext).params
    hashes = [app.embeddings.short_hash(app.embeddings.files[name]) for name in ("inkstyle", "badstyle")]
    assert params["TI hashes"] == f"inkstyle: {hashes[0]}, badstyle: {hashes[1]}"
    assert len(hashes[0]) == 12
    assert params["TI"] == "inkstyle, badstyle"
    quiet = request.model_copy(update={"override_settings": {"textual_inversion_add_hashes_to_infotext": False}})
    params = read_infotext(run(app, quiet).images[0].infotext).params
    assert "TI hashes" not in params
    assert params["TI"] == "inkstyle, badstyle"
    assert path.exists()


def test_those_of_the_second_pass_are_counted(app: App, heart: Heart) -> None:
    save(app, "inkstyle")
    save(app, "badstyle")
    twice = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5, "hr_upscaler": "Latent"}
    end = run(app, heart(prompt="red heart [inkstyle:1.5]", hr_negative_prompt="badstyle", **twice))
    named = [entry.split(":")[0] for entry in read_infotext(end.images[0].infotext).params["TI hashes"].split(", ")]
    assert named == ["inkstyle", "badstyle"]


def test_one_of_another_family_is_said_and_the_picture_comes_all_the_same(app: App, heart: Heart) -> None:
    plain = pixels(run(app, heart(prompt="red heart inkstyle")))
    save(app, "inkstyle", width=1280)
    end = run(app, heart(prompt="red heart inkstyle"))
    assert end.comments == ("The embedding inkstyle is for the SDXL refiner and has no effect on starter.",)
    assert "TI hashes" not in end.images[0].infotext
    assert np.array_equal(pixels(end), plain)


@pytest.mark.parametrize("prompt", ["red heart inkstyle", "red [heart|inkstyle]"])
def test_a_file_that_is_none_is_said_by_name(app: App, heart: Heart, prompt: str) -> None:
    (app.folders.embeddings / "inkstyle.pt").write_bytes(b"no pickle")
    end = run(app, heart(prompt=prompt))
    assert "inkstyle.pt" in end.comments[0]
    assert end.state == "done"


def test_what_no_prompt_names_is_not_spoken_of(app: App, heart: Heart) -> None:
    (app.folders.embeddings / "inkstyle.pt").write_bytes(b"no pickle")
    save(app, "badstyle")
    end = run(app, heart())
    assert end.comments == ()
    assert not {"TI", "TI hashes"} & read_infotext(end.images[0].infotext).params.keys()
