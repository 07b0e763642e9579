"""img2img and inpainting with the starter: what changes, and what must not."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.job import LOCAL, SavedImage
from modules.studio.request import Img2Img, Inpaint

Pixels = NDArray[np.uint8]
QUICK = 60


def picture(width: int = 128, height: int = 128) -> Image.Image:
    """A gradient with a blob, so that every pixel is its own."""
    rows, columns = np.mgrid[0:height, 0:width]
    values = np.stack([rows * 255 // height, columns * 255 // width, (rows * columns) % 256], axis=-1)
    image = Image.fromarray(values.astype(np.uint8))
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=(200, 30, 30))
    return image


def square_mask(width: int = 128, height: int = 128) -> Image.Image:
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).rectangle((width // 3, height // 3, width * 2 // 3, height * 2 // 3), fill=255)
    return mask


@pytest.fixture
def upload(app: App) -> Callable[[Image.Image], str]:
    def add(image: Image.Image) -> str:
        data = io.BytesIO()
        image.save(data, "PNG")
        return app.uploads.add(data.getvalue(), LOCAL)

    return add


@pytest.fixture
def inpainted(app: App, upload: Callable[[Image.Image], str]) -> Callable[..., Pixels]:
    """Runs an inpainting of `picture` and returns the result's pixels."""

    def run(image: Image.Image, mask: Image.Image, **changes: Any) -> Pixels:
        values = {
            **{"prompt": "apple", "seed": 3, "steps": 4, "width": 128, "height": 128, "denoising_strength": 0.9},
            **{"init_images": [upload(image)], "mask": upload(mask), "inpaint_full_res": False},
            **changes,
        }
        end = app.engine.submit(Inpaint.model_validate(values), LOCAL).wait(QUICK)
        assert (end.state, end.error) == ("done", "")
        return saved_pixels(end.images[0])

    return run


def saved_pixels(image: SavedImage) -> Pixels:
    assert image.path is not None
    with Image.open(image.path) as saved:
        return np.asarray(saved.convert("RGB"))


def difference(a: Pixels, b: Pixels) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


def test_a_little_denoising_keeps_the_picture_and_much_changes_it(
    app: App, upload: Callable[[Image.Image], str]
) -> None:
    original, id = np.asarray(picture()), upload(picture())
    results = []
    for strength in (0.0, 0.3, 1.0):
        values = {"prompt": "apple", "seed": 3, "steps": 8, "width": 128, "height": 128, "init_images": [id]}
        request = Img2Img.model_validate({**values, "denoising_strength": strength})
        results.append(saved_pixels(app.engine.submit(request, LOCAL).wait(QUICK).images[0]))
    first, second, third = (difference(original, result) for result in results)
    assert first < second < third


@pytest.mark.parametrize("resize_mode", [0, 1, 2, 3])
def test_each_resize_mode_gives_the_size_that_was_asked(
    app: App, upload: Callable[[Image.Image], str], resize_mode: int
) -> None:
    request = Img2Img.model_validate(
        {"init_images": [upload(picture(150, 90))], "resize_mode": resize_mode, "steps": 1, "width": 128, "height": 64}
    )
    (image,) = app.engine.submit(request, LOCAL).wait(QUICK).images
    assert saved_pixels(image).shape == (64, 128, 3)


@pytest.mark.parametrize("fill", [0, 1, 2, 3])
@pytest.mark.parametrize("blur", [0, 6])
def test_outside_of_the_mask_every_pixel_stays(inpainted: Callable[..., Pixels], fill: int, blur: int) -> None:
    image, mask = picture(), square_mask()
    result = inpainted(image, mask, inpainting_fill=fill, mask_blur_x=blur, mask_blur_y=blur)
    far = np.asarray(mask) == 0
    far[26:102, 26:102] = False  # where the blur reaches
    assert np.array_equal(result[far], np.asarray(image)[far])
    assert difference(result[44:84, 44:84], np.asarray(image)[44:84, 44:84]) > 5


def test_only_masked_keeps_the_size_of_the_picture_and_all_that_is_outside(inpainted: Callable[..., Pixels]) -> None:
    image, mask = picture(300, 200), Image.new("L", (300, 200))
    ImageDraw.Draw(mask).rectangle((200, 60, 260, 120), fill=255)
    result = inpainted(image, mask, inpaint_full_res=True, inpaint_full_res_padding=16, mask_blur_x=0, mask_blur_y=0)
    outside = np.asarray(mask) == 0
    assert result.shape == (200, 300, 3)
    assert np.array_equal(result[outside], np.asarray(image)[outside])
    assert difference(result[70:110, 210:250], np.asarray(image)[70:110, 210:250]) > 5


def test_an_inverted_mask_changes_the_rest(inpainted: Callable[..., Pixels]) -> None:
    image, mask = picture(), square_mask()
    result = inpainted(image, mask, inpainting_mask_invert=1, mask_blur_x=0, mask_blur_y=0)
    inside = np.asarray(mask) == 255
    assert np.array_equal(result[inside], np.asarray(image)[inside])
    assert difference(result[~inside], np.asarray(image)[~inside]) > 5


def test_each_image_of_a_batch_starts_from_its_own_picture(app: App, upload: Callable[[Image.Image], str]) -> None:
    red, blue = (upload(Image.new("RGB", (128, 128), colour)) for colour in ("red", "blue"))
    values = {"steps": 4, "width": 128, "height": 128, "denoising_strength": 0.0, "batch_size": 2}
    request = Img2Img.model_validate({**values, "init_images": [red, blue]})
    first, second = app.engine.submit(request, LOCAL).wait(QUICK).images
    assert saved_pixels(first).mean(axis=(0, 1)).argmax() == 0
    assert saved_pixels(second).mean(axis=(0, 1)).argmax() == 2


def test_an_empty_mask_fails_with_a_sentence(app: App, upload: Callable[[Image.Image], str]) -> None:
    values = {"init_images": [upload(picture())], "mask": upload(Image.new("L", (128, 128))), "steps": 1}
    end = app.engine.submit(Inpaint.model_validate(values), LOCAL).wait(QUICK)
    assert end.state == "failed"
    assert "mask is empty" in end.error


def test_somebody_elses_picture_cannot_be_used(app: App, upload: Callable[[Image.Image], str]) -> None:
    request = Img2Img.model_validate({"init_images": [upload(picture())], "steps": 1})
    with pytest.raises(AquatintError):
        app.engine.submit(request, "mallory")
    assert app.queue.rows() == []
