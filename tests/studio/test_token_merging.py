"""Which passes of a job merge tokens, what its text says of it, and that the next job does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from modules.studio.app import App
from modules.studio.infotext import read_infotext, to_request_values
from modules.studio.job import LOCAL, SavedImage
from modules.studio.request import Txt2Img
from tests.tiny import TinyModels

Make = Callable[..., SavedImage]
HIRES = {"enable_hr": True, "hr_scale": 2.0, "hr_upscaler": "Latent", "denoising_strength": 0.7}
ENTRIES = ("Token merging ratio", "Token merging ratio hr")


@pytest.fixture
def make(app: App, tiny: TinyModels) -> Make:
    """Makes a picture with a checkpoint whose largest layers have attention, as SD 1.x's have."""
    (app.folders.checkpoints[0] / "little.safetensors").symlink_to(tiny.ldm("SD 1.x"))
    app.store.refresh()

    def make(options: dict[str, Any], **values: Any) -> SavedImage:
        overrides = {"sd_model_checkpoint": "little", **options}
        request = Txt2Img(prompt="x", seed=5, steps=2, width=64, height=64, override_settings=overrides, **values)
        end = app.engine.submit(request, LOCAL).wait(60)
        assert end.error == ""
        return end.images[0]

    return make


def pixels(image: SavedImage) -> bytes:
    assert image.path is not None
    with Image.open(image.path) as saved:
        return saved.convert("RGB").tobytes()


def said(image: SavedImage) -> list[str | None]:
    return [read_infotext(image.infotext).params.get(entry) for entry in ENTRIES]


def test_a_ratio_changes_the_picture_and_its_text_brings_it_back(make: Make) -> None:
    plain, merged = make({}), make({"token_merging_ratio": 0.6})
    assert pixels(merged) != pixels(plain)
    assert (said(plain), said(merged)) == ([None, None], ["0.6", None])
    restored = to_request_values(read_infotext(merged.infotext))
    assert pixels(make(restored.options)) == pixels(merged)
    assert pixels(make({})) == pixels(plain)


def test_the_second_pass_may_have_a_ratio_of_its_own(make: Make) -> None:
    plain, both = make({}, **HIRES), make({"token_merging_ratio": 0.6}, **HIRES)
    second = make({"token_merging_ratio_hr": 0.6}, **HIRES)
    assert len({pixels(image) for image in (plain, both, second)}) == 3
    assert [said(image) for image in (both, second)] == [["0.6", "0.6"], [None, "0.6"]]


def test_ratios_that_are_not_for_the_job_do_nothing(make: Make) -> None:
    others = {"token_merging_ratio_img2img": 0.6, "token_merging_ratio_hr": 0.6}
    assert pixels(make(others)) == pixels(make({}))
