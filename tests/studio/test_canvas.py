"""What sampling starts from: two masks, what is clear in a picture, what an inpainting model sees."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.model import Model
from modules.studio.canvas import Canvas, Masks, prepare, surface_of
from modules.studio.request import Img2Img, Inpaint
from modules.studio.settings import Options


def inpainting_model() -> Model:
    """As much of a model as a canvas asks: latents are the picture's mean colours, eight pixels a cell."""

    def encode(pixels: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(torch.cat([pixels, pixels[:, :1]], dim=1), 8)

    made = SimpleNamespace(
        encode=encode, latent_shape=lambda width, height: (4, height // 8, width // 8), has_inpaint_channels=True
    )
    return cast(Model, made)


def left_half(side: int = 64) -> Image.Image:
    mask = Image.new("L", (side, side))
    mask.paste(255, (0, 0, side // 2, side))
    return mask


def canvas_of(mask: Image.Image, latent: Image.Image | None = None, **options: Any) -> Canvas:
    sharp = {"mask_blur_x": 0, "mask_blur_y": 0, "inpainting_fill": 1, "width": 64, "height": 64}
    request = Inpaint.model_validate({"init_images": ["0"], "mask": "1", "inpaint_full_res": False, **sharp})
    chosen = Options.model_validate(options)
    surface = surface_of(request, chosen, Image.new("RGB", (64, 64), "red"), Masks(mask, latent), 0)
    return prepare(request, chosen, [surface], torch.zeros(1, 4, 8, 8), inpainting_model())


def test_a_latent_mask_says_what_is_painted_and_the_mask_what_shows() -> None:
    whole = Image.new("L", (64, 64), 255)
    canvas = canvas_of(left_half(), whole)
    assert canvas.mask is not None
    assert canvas.mask.all()
    blue = np.asarray(canvas.finish(0, Image.new("RGB", (64, 64), "blue"), canvas.overlay_of(0)))
    assert (blue[:, :30] == (0, 0, 255)).all()
    assert (blue[:, 34:] == (255, 0, 0)).all()
    alone = canvas_of(left_half())
    assert alone.mask is not None
    assert alone.mask[:, :4].all()
    assert not alone.mask[:, 4:].any()


def test_an_empty_latent_mask_is_told() -> None:
    with pytest.raises(AquatintError, match="mask is empty"):
        canvas_of(left_half(), Image.new("L", (64, 64)))


def test_what_is_filled_is_what_the_latent_mask_says() -> None:
    right = Image.fromarray(255 - np.asarray(left_half()))
    values = {"init_images": ["0"], "mask": "1", "inpaint_full_res": False, "width": 64, "height": 64}
    request = Inpaint.model_validate(values)
    picture = Image.new("RGB", (64, 64), "red")
    picture.paste("blue", (32, 0, 64, 64))
    filled = surface_of(request, Options(), picture, Masks(left_half(), right), 0).picture
    assert filled.getpixel((63, 32)) != (0, 0, 255)
    assert filled.getpixel((4, 32)) == (255, 0, 0)


@pytest.mark.parametrize(("weight", "seen"), [(1.0, 0.0), (0.25, 0.75), (0.0, 1.0)])
def test_the_weight_of_the_mask_decides_what_an_inpainting_model_sees(weight: float, seen: float) -> None:
    """A red picture is 1 in the first channel, -1 in the second; what is hidden is 0, grey."""
    canvas = canvas_of(left_half(), inpainting_mask_weight=weight)
    assert canvas.inpaint is not None
    mask, red, green = canvas.inpaint[0, 0], canvas.inpaint[0, 1], canvas.inpaint[0, 2]
    assert torch.equal(mask[:, :4], torch.ones(8, 4))
    assert not mask[:, 4:].any()
    assert red[0, 0] == pytest.approx(seen)
    assert green[0, 0] == pytest.approx(-seen)
    assert red[0, 7] == 1


def test_without_a_mask_all_is_hidden_as_far_as_the_weight_says() -> None:
    request = Img2Img.model_validate({"init_images": ["0"], "width": 64, "height": 64})
    for weight, seen in ((1.0, 0.0), (0.5, 0.5)):
        options = Options(inpainting_mask_weight=weight)
        surface = surface_of(request, options, Image.new("RGB", (64, 64), "red"), None, 0)
        canvas = prepare(request, options, [surface], torch.zeros(1, 4, 8, 8), inpainting_model())
        assert canvas.inpaint is not None
        assert canvas.inpaint[0, 0].all()
        assert canvas.inpaint[0, 1, 3, 3] == pytest.approx(seen)


def test_what_is_clear_in_a_picture_gets_the_colour_of_the_options() -> None:
    request = Img2Img.model_validate({"init_images": ["0"], "width": 64, "height": 64})
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    colours = {
        text: surface_of(request, Options(img2img_background_color=text), clear, None, 0).picture.getpixel((5, 5))
        for text in ("#ffffff", "#102030")
    }
    assert colours == {"#ffffff": (255, 255, 255), "#102030": (16, 32, 48)}
