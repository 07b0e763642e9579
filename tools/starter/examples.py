"""The worked examples of the README: two drawings become things, half a face is repainted."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from modules.studio.app import App, open_app
from modules.studio.command_line import read_flags
from modules.studio.job import LOCAL
from modules.studio.request import Img2Img, Inpaint, Request, Txt2Img
from tools.starter.compositions import SIDE

GAP = 8
SCALE = 2
SEED = 5
USUAL: Mapping[str, Any] = {
    "steps": 20,
    "cfg_scale": 3.0,
    "seed": SEED,
    "width": SIDE,
    "height": SIDE,
    "sampler_name": "Euler",
}


class Example(NamedTuple):
    """What went in, the mask if there was one, and what came out."""

    name: str
    pictures: Sequence[Image.Image]


def write_examples(folder: Path) -> None:
    """Writes starter-<name>.png into `folder`: before, the mask, after, side by side; by the whole program, offline."""
    with TemporaryDirectory() as data:
        app = open_app(read_flags(["--data-dir", data], {}))
        try:
            for example in (_blob(app), _half_a_face(app), _car(app)):
                path = folder / f"starter-{example.name}.png"
                _side_by_side(example.pictures).save(path, optimize=True)
                print(path)
        finally:
            app.close()


def _blob(app: App) -> Example:
    """A red blob with "red apple" becomes an apple."""
    drawn = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(drawn)
    draw.ellipse((22, 26, 106, 112), fill=(205, 40, 45))
    draw.line((64, 30, 72, 10), fill=(90, 60, 30), width=6)
    request = Img2Img(prompt="red apple", init_images=(_upload(app, drawn),), denoising_strength=0.75, **USUAL)
    return Example("img2img", (drawn, _result(app, request)))


def _half_a_face(app: App) -> Example:
    """The lower half of a smiling face is repainted with other words."""
    face = _result(app, Txt2Img(prompt="smiling face with sunglasses", **USUAL))
    mask = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(mask).rectangle((0, SIDE // 2, SIDE, SIDE), fill=255)
    request = Inpaint(
        prompt="face with open mouth",
        init_images=(_upload(app, face),),
        mask=_upload(app, mask),
        denoising_strength=0.9,
        inpainting_fill=1,
        inpaint_full_res=False,
        **USUAL,
    )
    return Example("inpaint", (face, mask.convert("RGB"), _result(app, request)))


def _car(app: App) -> Example:
    """Two boxes and two wheels on yellow become a car, and the yellow stays."""
    drawn = Image.new("RGB", (SIDE, SIDE), (250, 211, 60))
    draw = ImageDraw.Draw(drawn)
    draw.rectangle((10, 56, 118, 92), fill=(205, 40, 45))
    draw.rectangle((36, 34, 92, 58), fill=(120, 190, 240))
    for left in (20, 80):
        draw.ellipse((left, 78, left + 28, 106), fill=(20, 20, 30))
    request = Img2Img(
        prompt="automobile on a yellow background",
        init_images=(_upload(app, drawn),),
        denoising_strength=0.6,
        **USUAL,
    )
    return Example("sketch", (drawn, _result(app, request)))


def _upload(app: App, picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return app.uploads.add(file.getvalue(), LOCAL)


def _result(app: App, request: Request) -> Image.Image:
    end = app.engine.submit(request, LOCAL).wait()
    if end.state != "done" or not end.images or end.images[0].path is None:
        raise SystemExit(f"{request.prompt}: {end.state} {end.error}")
    with Image.open(end.images[0].path) as picture:
        return picture.convert("RGB")


def _side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    side = SIDE * SCALE
    sheet = Image.new("RGB", (len(pictures) * (side + GAP) - GAP, side), (128, 128, 128))
    for number, picture in enumerate(pictures):
        sheet.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (number * (side + GAP), 0))
    return sheet
