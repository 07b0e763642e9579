"""What extensions reach for behind the words: the layers at work, A1111's own script, the package of all scripts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from diffusers import DDIMScheduler
from PIL import Image

from modules.studio.app import App
from modules.studio.request import Txt2Img
from tests.a1111.test_face import pixels, run
from tests.a1111.test_order import QUICK
from tests.a1111.words import word


def tiler() -> Any:
    return sys.modules["scripts.tiler"]


def made(app: App, **more: Any) -> bytes:
    return pixels(app, run(app, Txt2Img(**{**QUICK, **more})))


def test_layers_that_an_extension_makes_look_around_the_edge_do_what_tiling_does(
    open_extended: Callable[..., App],
) -> None:
    app = open_extended("tiler")
    plain = made(app, tiling=False)
    assert made(app, alwayson_scripts={"Tiler": (True,)}) == made(app, tiling=True) != plain
    assert made(app, tiling=False) == plain
    assert tiler().layers() == []


def test_the_products_of_alphas_are_those_of_diffusers(open_extended: Callable[..., App]) -> None:
    made(open_extended("tiler"))
    theirs = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").alphas_cumprod
    torch.testing.assert_close(tiler().seen["products"].float(), theirs, rtol=1e-4, atol=1e-6)


def test_a1111s_script_that_enlarges_is_run_by_an_extension(open_extended: Callable[..., App]) -> None:
    open_extended("tiler")
    pp = tiler().enlarged(Image.effect_noise((16, 16), 90).convert("RGB"))
    assert pp.image.size == (64, 64)
    assert pp.info["Postprocess upscaler"] == "Nearest"
    assert "ScriptPostprocessingUpscale" not in {
        type(script).__name__ for script in word("scripts").scripts_postproc.scripts_in_preferred_order()
    }


def test_latents_are_decoded_one_by_one_into_what_says_that_it_is_decoded(open_extended: Callable[..., App]) -> None:
    app = open_extended("tiler")
    processing = word("processing")
    with app.store.lease("starter") as model:
        word("bridge.host").host.model = model
        decoded = processing.decode_latent_batch(word("shared").sd_model, torch.zeros(2, 4, 8, 8))
    assert isinstance(decoded, processing.DecodedSamples)
    assert decoded.already_decoded
    assert [tuple(picture.shape) for picture in decoded] == [(3, 64, 64)] * 2


def test_the_package_of_all_scripts_has_no_file_of_its_own(open_extended: Callable[..., App]) -> None:
    open_extended("tiler")
    assert tiler().seen["file"] is None
