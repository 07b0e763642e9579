"""The order in which A1111 calls scripts and callbacks, kept for each kind of job."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

from PIL import Image

from modules.studio.app import App
from modules.studio.request import Img2Img, Inpaint, Txt2Img

QUICK: dict[str, Any] = {"prompt": "red heart", "seed": 7, "steps": 2, "width": 64, "height": 64}
STEP = ["cfg_denoiser", "cfg_denoised", "cfg_after_cfg"]
BEFORE = ["setup", "before_process", "process"]
BATCH = ["before_process_batch", "after_extra_networks_activate", "process_batch"]
PASS = ["process_before_every_sampling", *STEP, *STEP]
DECODED = ["post_sample", "postprocess_batch", "postprocess_batch_list"]
SAVED = ["postprocess_image_after_composite", "before_image_saved", "image_saved"]
PICTURE = ["postprocess_image", "postprocess_maskoverlay", *SAVED]


def moments(app: App, request: Any) -> list[str]:
    """What the recorder heard of a job."""
    recorder: Any = sys.modules["scripts.recorder"]
    recorder.moments.clear()
    end = app.engine.submit(request, "local").wait()
    assert (end.state, end.error, end.comments) == ("done", "", ())
    return list(recorder.moments)


def upload(app: App, colour: str, size: tuple[int, int] = (64, 64)) -> str:
    """The id of a picture of one colour."""
    return upload_picture(app, Image.new("RGB", size, colour))


def upload_picture(app: App, picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return app.uploads.add(file.getvalue(), "local")


def test_words_to_pictures(open_extended: Callable[..., App]) -> None:
    app = open_extended("recorder")
    assert moments(app, Txt2Img(**QUICK)) == [*BEFORE, *BATCH, *PASS, *DECODED, *PICTURE, "postprocess"]
    whole = [*BATCH, *PASS, *DECODED, *["postprocess_image"] * 2, *["postprocess_maskoverlay"] * 2, *SAVED * 2]
    assert moments(app, Txt2Img(**QUICK, batch_size=2, n_iter=2)) == [
        *BEFORE,
        *whole,
        *whole,
        "image_grid",
        "postprocess",
    ]
    hires = Txt2Img(**QUICK, enable_hr=True, hr_scale=2, hr_upscaler="Latent", hr_second_pass_steps=2)
    assert moments(app, hires) == [*BEFORE, *BATCH, *PASS, "before_hr", *PASS, *DECODED, *PICTURE, "postprocess"]


def test_pictures_to_pictures(open_extended: Callable[..., App]) -> None:
    app = open_extended("recorder")
    values = {**QUICK, "init_images": (upload(app, "red"),), "denoising_strength": 0.9}
    assert moments(app, Img2Img(**values)) == [*BEFORE, *BATCH, *PASS, *DECODED, *PICTURE, "postprocess"]
    step = [*STEP[:2], "on_mask_blend", STEP[2]]
    masked = ["process_before_every_sampling", *step, *step]
    inpaint = Inpaint(**values, mask=upload(app, "white"), inpainting_fill=1)
    assert moments(app, inpaint) == [*BEFORE, *BATCH, *masked, *DECODED, *PICTURE, "postprocess"]
