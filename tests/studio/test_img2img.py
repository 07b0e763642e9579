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
from modules.diffusion.model import Model
from modules.studio.app import App
from modules.studio.hooks import Hooks
from modules.studio.infotext import read_infotext
from modules.studio.job import LOCAL, Batch, Job, SavedImage
from modules.studio.passes import Pass
from modules.studio.request import Img2Img, Inpaint, RequestError, read_request

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


@pytest.fixture
def painted_over(app: App, upload: Callable[[Image.Image], str]) -> Callable[..., list[SavedImage]]:
    """Runs img2img on `picture` and returns what was saved."""

    def run(image: Image.Image, **changes: Any) -> list[SavedImage]:
        values = {"prompt": "apple", "seed": 3, "steps": 4, "width": 128, "height": 128, "denoising_strength": 0.5}
        request = Img2Img.model_validate({**values, "init_images": [upload(image)], **changes})
        end = app.engine.submit(request, LOCAL).wait(QUICK)
        assert (end.state, end.error) == ("done", "")
        return list(end.images)

    return run


def test_loops_begin_with_the_picture_before(painted_over: Callable[..., list[SavedImage]]) -> None:
    loops = painted_over(picture(), loops=3, n_iter=2, final_denoising_strength=0.1, denoising_curve="Linear")
    strengths = [read_infotext(image.infotext).params["Denoising strength"] for image in loops]
    assert strengths == ["0.5", "0.3", "0.1"] * 2
    assert [image.seed for image in loops] == [3, 4, 5, 6, 7, 8]
    (second,) = painted_over(Image.fromarray(saved_pixels(loops[0])), seed=4, denoising_strength=0.3)
    assert np.array_equal(saved_pixels(second), saved_pixels(loops[1]))
    (fourth,) = painted_over(picture(), seed=6)
    assert np.array_equal(saved_pixels(fourth), saved_pixels(loops[3]))


@pytest.mark.parametrize(("curve", "middle"), [("Linear", 0.5), ("Aggressive", 0.6036), ("Lazy", 0.3964)])
def test_the_curves_of_loopback(curve: str, middle: float) -> None:
    values = {"init_images": ["0"], "loops": 5, "denoising_strength": 0.25, "final_denoising_strength": 0.75}
    request = Img2Img.model_validate({**values, "denoising_curve": curve})
    strengths = [request.strength_of(batch) for batch in range(5)]
    assert (strengths[0], strengths[4]) == (0.25, 0.75)
    assert strengths[2] == pytest.approx(middle, abs=1e-3)
    assert strengths == sorted(strengths)
    assert (Img2Img.model_validate({**values, "denoising_curve": curve, "loops": 1})).strength_of(0) == 0.25


def test_outpainting_adds_to_the_picture_and_keeps_what_was_there(
    painted_over: Callable[..., list[SavedImage]],
) -> None:
    original = picture(128, 128)
    sides = {"outpaint_left": 32, "outpaint_right": 64, "outpaint_down": 16, "outpaint_blur": 4}
    (image,) = painted_over(original, **sides, denoising_strength=0.9)
    assert (image.width, image.height) == (128 + 96, 128 + 16)
    result = saved_pixels(image)
    inside = (slice(0, 104), slice(32 + 24, 32 + 104))  # as far as no blur reaches
    assert np.array_equal(result[inside], np.asarray(original)[0:104, 24:104])
    assert difference(result[:128, :24], np.zeros((128, 24, 3), np.uint8)) > 10
    assert read_infotext(image.infotext).params["Outpaint"] == "32, 64, 0, 16"
    (noisy,) = painted_over(original, **sides, denoising_strength=0.9, outpaint_fill="noise", outpaint_falloff=0.8)
    assert np.array_equal(saved_pixels(noisy)[inside], result[inside])
    assert not np.array_equal(saved_pixels(noisy), result)
    params = read_infotext(noisy.infotext).params
    assert (params["Outpaint fill"], params["Outpaint fall-off exponent"]) == ("noise", "0.8")


def test_sd_upscale_paints_tile_by_tile(painted_over: Callable[..., list[SavedImage]]) -> None:
    blank = {"sd_upscale_upscaler": "lanczos", "sd_upscale_scale": 2, "sd_upscale_overlap": 32, "steps": 2}
    kept, changed = (painted_over(picture(100, 84), **blank, denoising_strength=strength)[0] for strength in (0.0, 0.8))
    assert (kept.width, kept.height) == (200, 168)
    larger = np.asarray(picture(100, 84).resize((200, 168), Image.Resampling.LANCZOS))
    assert difference(saved_pixels(kept), larger) < difference(saved_pixels(changed), larger)
    params = read_infotext(changed.infotext).params
    assert (params["SD upscale upscaler"], params["SD upscale overlap"]) == ("Lanczos", "32")


def test_sd_upscale_of_what_is_smaller_than_a_tile_or_crooked(painted_over: Callable[..., list[SavedImage]]) -> None:
    (image,) = painted_over(picture(33, 61), sd_upscale_upscaler="None", sd_upscale_scale=1.5, steps=1)
    assert (image.width, image.height) == (50, 92)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (Inpaint, {"outpaint_left": 64, "mask": "1"}, "without a mask"),
        (Inpaint, {"sd_upscale_upscaler": "Lanczos", "mask": "1"}, "without a mask"),
        (Img2Img, {"sd_upscale_upscaler": "Lanczos", "outpaint_up": 64}, "cannot be done in one job"),
        (Img2Img, {"outpaint_up": 8000, "width": 512, "height": 512}, "are too many"),
    ],
)
def test_what_does_not_go_together_is_refused(kind: type[Img2Img], values: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        read_request(kind.kind, {"init_images": ["0"], **values})


def test_an_upscaler_that_is_not_there_is_named(app: App, upload: Callable[[Image.Image], str]) -> None:
    request = Img2Img.model_validate({"init_images": [upload(picture())], "sd_upscale_upscaler": "magic"})
    with pytest.raises(AquatintError, match="No upscaler called 'magic'"):
        app.engine.submit(request, LOCAL)


def test_soft_inpainting_changes_by_degrees_and_nothing_outside(inpainted: Callable[..., Pixels]) -> None:
    image, mask = picture(), square_mask()
    soft = {"soft_inpainting": True, "inpainting_fill": 1, "mask_blur_x": 4, "mask_blur_y": 4}
    result = inpainted(image, mask, **soft)
    original = np.asarray(image)
    # What shows is looked for two windows of five latent cells around the mask, and its border is smooth.
    assert np.array_equal(result[:4], original[:4])
    assert np.array_equal(result[:, -4:], original[:, -4:])
    assert difference(result[44:84, 44:84], original[44:84, 44:84]) > 5
    assert not np.array_equal(result, inpainted(image, mask, **{**soft, "soft_inpainting": False}))
    (grey,) = (inpainted(image, mask.point(lambda value: value // 4), **soft, soft_preservation=8.0),)
    assert difference(grey, original) < difference(result, original)


def test_sd_upscale_stopped_half_way_keeps_the_pictures_that_are_finished(
    app: App, upload: Callable[[Image.Image], str]
) -> None:
    class StopsInTheSecond(Hooks):
        tiles = 0

        def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
            self.tiles += 1
            job.interrupted = self.tiles > 1

    app.engine.hooks.append(StopsInTheSecond())
    values = {"init_images": [upload(picture(64, 64))], "width": 128, "height": 128, "steps": 2, "batch_size": 2}
    request = Img2Img.model_validate({**values, "sd_upscale_upscaler": "None", "sd_upscale_scale": 2})
    end = app.engine.submit(request, LOCAL).wait(QUICK)
    assert (end.state, [(image.width, image.height) for image in end.images]) == ("cancelled", [(128, 128)])
