"""Restore faces and color correction in jobs: what they change, what the parameters say, what is told beforehand."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.hooks import Hooks
from modules.studio.infotext import read_infotext, to_request_values
from modules.studio.job import LOCAL, Batch, Job, Progress, SavedImage
from modules.studio.request import Request, Txt2Img, read_request
from tests.faces import bring_finder, drawn_face, save_restorer
from tests.studio.conftest import Make

Heart = Callable[..., Txt2Img]
CORRECTED = {"img2img_color_correction": True}


class Paints(Hooks):
    """What was painted is a picture of ours."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image

    def image_painted(self, job: Job, batch: Batch, index: int, image: Image.Image) -> Image.Image:
        return self.image


@pytest.fixture
def studio(open_studio: Make, tmp_path: Path) -> App:
    """A studio with a small restorer and what finds faces."""
    bring_finder(tmp_path / "models")
    save_restorer(tmp_path / "models/GFPGAN/GFPGANsmall.safetensors")
    studio = open_studio("--no-half")
    studio.settings.change({"face_restoration_model": "GFPGAN"})
    return studio


def run(app: App, request: Request) -> Progress:
    end = app.engine.submit(request, LOCAL).wait(120)
    assert (end.state, end.error) == ("done", "")
    return end


def pixels(image: SavedImage) -> NDArray[np.int_]:
    assert image.path is not None
    with Image.open(image.path) as saved:
        return np.asarray(saved.convert("RGB")).astype(int)


def test_a_face_that_was_painted_is_restored_and_the_parameters_say_so(studio: App, heart: Heart) -> None:
    face = drawn_face(150)
    studio.engine.hooks.insert(0, Paints(face))
    (made,) = run(studio, heart(restore_faces=True)).images
    assert np.abs(pixels(made)[100:200, 100:200] - np.asarray(face)[100:200, 100:200]).mean() > 3
    assert np.array_equal(pixels(made)[:30], np.asarray(face)[:30])
    text = read_infotext(made.infotext)
    assert text.params["Face restoration"] == "GFPGAN"
    restored = to_request_values(text)
    assert restored.values["restore_faces"] is True
    assert restored.options["face_restoration_model"] == "GFPGAN"


def test_the_picture_before_is_kept_where_options_ask_for_it(studio: App, heart: Heart, tmp_path: Path) -> None:
    face = drawn_face(150)
    studio.engine.hooks.insert(0, Paints(face))
    studio.settings.change({"save_images_before_face_restoration": True})
    run(studio, heart(restore_faces=True))
    before, after = sorted(tmp_path.glob("outputs/txt2img-images/*/*.png"))
    assert before.name == "00000-7-before-face-restoration.png"
    assert Image.open(before).tobytes() == face.tobytes() != Image.open(after).tobytes()


def test_nothing_is_restored_unless_it_is_asked_for(studio: App, heart: Heart) -> None:
    face = drawn_face(150)
    studio.engine.hooks.insert(0, Paints(face))
    (made,) = run(studio, heart()).images
    assert np.array_equal(pixels(made), np.asarray(face))
    assert "Face restoration" not in made.infotext
    studio.settings.change({"face_restoration": True})
    (made,) = run(studio, heart()).images
    assert "Face restoration: GFPGAN" in made.infotext


def test_a_picture_without_a_face_is_kept_and_that_is_told(studio: App, heart: Heart) -> None:
    end = run(studio, heart(restore_faces=True, n_iter=2))
    assert end.comments == ("Restore faces found no face in picture 1.", "Restore faces found no face in picture 2.")
    assert len(end.images) == 2


def test_a_restorer_that_is_not_there_is_told_before_anything_is_queued(studio: App, heart: Heart) -> None:
    wanted = heart(restore_faces=True, override_settings={"face_restoration_model": "CodeFormer"})
    with pytest.raises(AquatintError, match=r"^Restore faces: There is no CodeFormer yet: put .* choose GFPGAN"):
        studio.engine.submit(wanted, LOCAL)
    assert studio.queue.rows(limit=None) == []


def test_without_any_restorer_the_way_out_is_to_switch_it_off(app: App, heart: Heart) -> None:
    with pytest.raises(AquatintError, match=r"put codeformer-v0\.1\.0\.pth into models/Codeformer\. Or switch it off"):
        app.engine.submit(heart(restore_faces=True), LOCAL)


# Color correction


@pytest.fixture
def red(app: App) -> str:
    """An upload with dark red stripes."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[..., 0] = 90 + 100 * (np.arange(64) // 8 % 2)
    file = io.BytesIO()
    Image.fromarray(stripes).save(file, "PNG")
    return app.uploads.add(file.getvalue(), LOCAL)


def from_red(app: App, red: str, kind: str = "img2img", **changes: Any) -> list[SavedImage]:
    values = {"init_images": [red], "prompt": "green leaf", "seed": 3, "steps": 4, "width": 64, "height": 64}
    request = read_request(kind, {**values, "denoising_strength": 0.9, **changes})
    return list(run(app, request).images)


def redness(image: SavedImage) -> float:
    red, green, blue = pixels(image).mean((0, 1))
    return float(red - (green + blue) / 2)


@pytest.mark.parametrize("changes", [{}, {"loops": 2}, {"sd_upscale_upscaler": "Lanczos", "sd_upscale_scale": 1.5}])
def test_what_is_painted_gets_the_colours_of_the_picture(app: App, red: str, changes: dict[str, Any]) -> None:
    plain = from_red(app, red, **changes)[-1]
    corrected = from_red(app, red, **changes, override_settings=CORRECTED)[-1]
    assert redness(corrected) > redness(plain)
    assert "Color correction: True" in corrected.infotext
    assert "Color correction" not in plain.infotext
    assert to_request_values(read_infotext(corrected.infotext)).options["img2img_color_correction"] is True


def test_outside_of_a_mask_nothing_is_corrected(app: App, red: str) -> None:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (16, 16, 48, 48))
    file = io.BytesIO()
    mask.save(file, "PNG")
    given = {
        "mask": app.uploads.add(file.getvalue(), LOCAL),
        "inpaint_full_res": False,
        "mask_blur_x": 0,
        "mask_blur_y": 0,
    }
    plain, corrected = (
        pixels(from_red(app, red, "inpaint", **given, inpainting_fill=1, override_settings=options)[0])
        for options in ({}, CORRECTED)
    )
    changed = (plain != corrected).any(axis=-1)
    assert changed[16:48, 16:48].any()
    changed[16:48, 16:48] = False
    assert not changed.any()


def test_words_alone_have_no_colours_to_keep(app: App, heart: Heart) -> None:
    plain, corrected = (run(app, heart(override_settings=options)).images[0] for options in ({}, CORRECTED))
    assert np.array_equal(pixels(plain), pixels(corrected))
    assert "Color correction" not in corrected.infotext
