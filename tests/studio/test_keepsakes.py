"""Pictures on their way and masks, kept as files where A1111's options ask for them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from modules.studio.app import App
from modules.studio.image_files import read_parameters
from modules.studio.infotext import read_infotext
from modules.studio.job import LOCAL, Progress
from modules.studio.request import Img2Img, Inpaint, Request, Txt2Img

Heart = Callable[..., Txt2Img]
ALL = ("highres_fix", "face_restoration", "color_correction")
OPTIONS = {f"save_images_before_{name}": True for name in ALL} | {"save_mask": True, "save_mask_composite": True}


def run(app: App, request: Request) -> Progress:
    end = app.engine.submit(request, LOCAL).wait(240)
    assert (end.state, end.error) == ("done", "")
    return end


def files(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.glob("outputs/*-images/*/*.png"))


def inpaint(app: App, **changes: Any) -> Inpaint:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    ids = []
    for image in (Image.new("RGB", (64, 64), "teal"), mask):
        data = io.BytesIO()
        image.save(data, "PNG")
        ids.append(app.uploads.add(data.getvalue(), LOCAL))
    values = {"prompt": "heart", "seed": 7, "steps": 2, "width": 64, "height": 64, "inpaint_full_res": False}
    return Inpaint.model_validate({**values, "init_images": ids[:1], "mask": ids[1], "mask_blur_x": 0, **changes})


def test_the_first_pass_of_hires_fix_is_kept_beside_the_finished_picture(
    app: App, heart: Heart, tmp_path: Path
) -> None:
    wanted = heart(enable_hr=True, hr_scale=2, hr_second_pass_steps=1, override_settings=OPTIONS)
    end = run(app, wanted)
    found = files(tmp_path)
    assert [path.name for path in found] == ["00000-7-before-highres-fix.png", "00001-7.png"]
    assert [Image.open(path).size for path in found] == [(64, 64), (128, 128)]
    assert read_parameters(found[0].read_bytes()) == end.images[0].infotext
    assert [image.id for image in app.gallery.of_job(app.queue.rows()[0].id)] == [image.id for image in end.images]
    assert len(app.gallery.find(LOCAL)) == 2


def test_masks_and_colours_of_an_inpainting_are_kept(app: App, tmp_path: Path) -> None:
    request = inpaint(app, mask_blur_y=0, override_settings={**OPTIONS, "img2img_color_correction": True})
    run(app, request)
    found = {path.stem[8:]: Image.open(path) for path in files(tmp_path)}
    assert set(found) == {"before-color-correction", "mask", "mask-composite", ""}
    assert [found["mask"].getpixel((x, 9)) for x in (4, 60)] == [(255, 255, 255), (0, 0, 0)]
    assert found["mask-composite"].getpixel((4, 9)) == (*found[""].convert("RGB").getpixel((4, 9)), 255)  # type: ignore[misc]
    assert found["mask-composite"].getpixel((60, 9))[3] == 0  # type: ignore[index]
    assert found["before-color-correction"].tobytes() != found[""].tobytes()


def test_without_the_options_there_is_the_picture_alone(app: App, heart: Heart, tmp_path: Path) -> None:
    run(app, heart(enable_hr=True, hr_scale=2, hr_second_pass_steps=1))
    run(app, inpaint(app))
    assert [path.name for path in files(tmp_path)] == ["00000-7.png", "00000-7.png"]


def test_where_nothing_shall_be_saved_nothing_is(app: App, heart: Heart, tmp_path: Path) -> None:
    run(app, heart(enable_hr=True, hr_second_pass_steps=1, override_settings=OPTIONS, do_not_save_samples=True))
    assert files(tmp_path) == []


def begins_with(app: App, *colours: str, **changes: Any) -> Img2Img:
    ids = []
    for colour in colours:
        data = io.BytesIO()
        Image.new("RGB", (64, 64), colour).save(data, "PNG")
        ids.append(app.uploads.add(data.getvalue(), LOCAL))
    values = {"prompt": "heart", "seed": 7, "steps": 2, "width": 64, "height": 64, "init_images": ids}
    return Img2Img.model_validate({**values, "override_settings": {"save_init_img": True}, **changes})


def test_what_img2img_begins_with_is_kept_under_the_hash_that_the_parameters_say(app: App, tmp_path: Path) -> None:
    colours = ("teal", "plum")
    hashes = [hashlib.md5(Image.new("RGB", (64, 64), colour).tobytes()).hexdigest() for colour in colours]
    end = run(app, begins_with(app, *colours, batch_size=2, n_iter=2, override_settings={"save_init_img": True}))
    params = [read_infotext(image.infotext).params for image in end.images]
    assert [each["Init image hash"] for each in params] == hashes * 2
    kept = [tmp_path / f"outputs/init-images/{hash}.png" for hash in hashes]
    assert [Image.open(path).getpixel((0, 0)) for path in kept] == [(0, 128, 128), (221, 160, 221)]
    assert len(list(kept[0].parent.iterdir())) == 2
    assert [len(app.gallery.of_job(row.id)) for row in app.queue.rows()] == [4]


def test_what_is_kept_already_is_not_written_again(app: App, tmp_path: Path) -> None:
    run(app, begins_with(app, "teal"))
    (kept,) = (tmp_path / "outputs/init-images").iterdir()
    before = kept.stat()
    end = run(app, begins_with(app, "teal", seed=8))
    assert read_infotext(end.images[0].infotext).params["Init image hash"] == kept.stem
    assert [each.stat() for each in kept.parent.iterdir()] == [before]


def test_a_picture_that_is_not_kept_has_no_hash_in_the_parameters(app: App, tmp_path: Path) -> None:
    ends = [
        run(app, begins_with(app, "teal", override_settings={})),
        run(app, begins_with(app, "teal", do_not_save_samples=True)),
    ]
    assert not any("Init image hash" in end.images[0].infotext for end in ends)
    assert not (tmp_path / "outputs/init-images").exists()
