"""Every family of models makes a picture, changes one, and repaints a part, from a single file and from a folder."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from modules.studio.app import App
from modules.studio.job import LOCAL
from modules.studio.request import Img2Img, Inpaint, Txt2Img
from tests.tiny import TinyModels

QUICK = 100
SMALL = {"prompt": "a (red:1.2) apple", "steps": 2, "width": 64, "height": 64, "seed": 1}


@pytest.fixture
def app_with(open_studio: Callable[..., App], tiny: TinyModels, tmp_path: Path) -> Callable[[str, str], App]:
    """A studio whose only other checkpoint is a tiny one of that family and layout."""

    def make(family: str, layout: str) -> App:
        source: Path = getattr(tiny, layout)(family)
        folder = tmp_path / "checkpoints"
        folder.mkdir()
        (folder / source.name).symlink_to(source, target_is_directory=source.is_dir())
        app = open_studio("--no-half", "--ckpt-dir", str(folder))
        app.settings.change({"sd_model_checkpoint": source.name})
        return app

    return make


def uploaded(app: App, image: Image.Image) -> str:
    data = io.BytesIO()
    image.save(data, "PNG")
    return app.uploads.add(data.getvalue(), LOCAL)


@pytest.mark.parametrize("layout", ["ldm", "diffusers"])
@pytest.mark.parametrize(
    "family",
    [
        *("SD 1.x", "SD 1.x inpainting", "SD 2.x", "SD 2.x inpainting"),
        *("SDXL", "SDXL inpainting", "SDXL refiner"),
    ],
)
def test_a_family_does_all_three_jobs(app_with: Callable[[str, str], App], family: str, layout: str) -> None:
    app = app_with(family, layout)
    rows = np.linspace(0, 255, 64, dtype=np.uint8)
    picture = Image.fromarray(np.stack([np.tile(rows, (64, 1))] * 3, axis=-1))
    mask = Image.new("L", (64, 64))
    ImageDraw.Draw(mask).rectangle((16, 16, 47, 47), fill=255)
    init = {**SMALL, "init_images": [uploaded(app, picture)]}
    whole = {"mask": uploaded(app, mask), "inpaint_full_res": False, "mask_blur_x": 0, "mask_blur_y": 0}
    requests = [Txt2Img(**SMALL), Img2Img.model_validate(init), Inpaint.model_validate({**init, **whole})]
    ends = [app.engine.submit(request, LOCAL).wait(QUICK) for request in requests]
    assert [(end.state, end.error) for end in ends] == [("done", "")] * 3
    assert app.store.find(app.settings.options.sd_model_checkpoint).family.name == family
    assert ends[2].images[0].path is not None
    with Image.open(ends[2].images[0].path) as repainted:
        outside = np.asarray(mask) == 0
        assert np.array_equal(np.asarray(repainted)[outside], np.asarray(picture)[outside])
