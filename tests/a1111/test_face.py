"""p is the job's face: what an extension reads is what the engine works with, what it assigns is what it does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from modules.studio.app import App
from modules.studio.image_files import open_picture
from modules.studio.infotext import read_infotext
from modules.studio.job import Progress
from modules.studio.request import Img2Img, Txt2Img
from tests.a1111.test_order import QUICK, upload
from tests.a1111.words import word


def run(app: App, request: Any) -> Progress:
    end = app.engine.submit(request, "local").wait()
    assert (end.state, end.error, end.comments) == ("done", "", ())
    return end


def pixels(app: App, end: Progress, index: int = 0) -> bytes:
    return open_picture(app.gallery.read(end.images[index].id, "local")[0]).tobytes()


def assigner() -> Any:
    module: Any = sys.modules["scripts.assigner"]
    module.wanted.clear()
    module.seen.clear()
    return module


def test_what_is_assigned_before_sampling_is_what_the_engine_does(open_extended: Callable[..., App]) -> None:
    app, values = open_extended("assigner"), dict(QUICK)
    specimen = assigner()
    changes = {"prompt": "blue star", "seed": 9, "steps": 3, "sampler_name": "Euler a", "cfg_scale": 5, "width": 128}
    expected = run(app, Txt2Img(**{**values, **changes}))
    specimen.wanted["before_process"] = changes
    changed = run(app, Txt2Img(**values))
    assert (changed.images[0].width, changed.images[0].height) == (128, 64)
    assert pixels(app, changed) == pixels(app, expected)
    assert changed.images[0].infotext == expected.images[0].infotext
    assert (specimen.seen["width"], specimen.seen["is_img2img"], specimen.seen["own_word"]) == (128, False, "kept")
    specimen.wanted.clear()
    specimen.wanted["process_batch"] = {"steps": 3, "cfg_scale": 5}
    late = run(app, Txt2Img(**{**values, **changes, "steps": 1, "cfg_scale": 2}))
    assert pixels(app, late) == pixels(app, expected)


def test_entries_of_the_infotext_may_be_texts_lists_and_functions(open_extended: Callable[..., App]) -> None:
    app = open_extended("assigner")
    specimen = assigner()
    specimen.wanted["prompts"] = ["red heart", "blue star"]
    end = run(app, Txt2Img(**QUICK, batch_size=2))
    texts = [read_infotext(image.infotext) for image in end.images]
    assert [text.prompt for text in texts] == ["red heart", "blue star"]
    assert [[text.params[name] for name in ("Fixed", "Listed", "Asked")] for text in texts] == [
        ["a, b", "number 0", "seed is 7"],
        ["a, b", "number 1", "seed is 8"],
    ]
    assert specimen.seen["batch"] == (0, ["red heart", "blue star"], [7, 8])
    assert specimen.seen["infotexts"] == [image.infotext for image in end.images]
    assert json.loads(specimen.seen["js"])["all_seeds"] == [7, 8]


def test_pictures_are_read_and_put_in(open_extended: Callable[..., App]) -> None:
    app = open_extended("assigner")
    specimen = assigner()
    values = {**QUICK, "denoising_strength": 0.5}
    expected = run(app, Img2Img(**values, init_images=(upload(app, "green"),)))
    specimen.wanted["first picture"] = "green"
    assert pixels(app, run(app, Img2Img(**values, init_images=(upload(app, "red"),)))) == pixels(app, expected)
    assert specimen.seen["is_img2img"]
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    specimen.wanted.clear()
    specimen.wanted["process"] = {"image_mask": mask, "mask_blur": 0, "inpainting_fill": 1}
    end = run(app, Img2Img(**values, init_images=(upload(app, "red"),)))
    kept = open_picture(app.gallery.read(end.images[0].id, "local")[0]).crop((40, 0, 64, 64))
    assert kept.getcolors() == [(24 * 64, (255, 0, 0))]


def test_the_weight_of_the_mask_in_conditioning_is_the_jobs_own(open_extended: Callable[..., App]) -> None:
    app = open_extended("assigner")
    specimen = assigner()
    request = Img2Img(**QUICK, init_images=(upload(app, "red"),))
    plain = run(app, request)
    specimen.wanted["process"] = {"inpainting_mask_weight": 0.3}
    assert "Conditional mask weight: 0.3" in str(run(app, request).images[0].infotext)
    assert "Conditional mask weight" not in str(plain.images[0].infotext)
    assert app.settings.options.inpainting_mask_weight == 1


def test_models_that_see_a_picture_are_told_of_it_and_its_mask(open_bound: Callable[..., App], models: Path) -> None:
    app = open_bound("--ckpt-dir", str(models))
    p = word("processing").StableDiffusionProcessingImg2Img()
    picture, latents = torch.full((1, 3, 64, 64), -1.0), torch.zeros(1, 4, 8, 8)
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    with app.store.lease("Two Words") as model:
        word("bridge.host").host.model = model
        seen = p.img2img_image_conditioning(picture, latents, mask)
        hidden = p.inpainting_image_conditioning(picture, latents)
    assert seen.shape == hidden.shape == (1, 5, 8, 8)
    assert (seen[0, 0, :, :4].min(), seen[0, 0, :, 4:].max()) == (1, 0)
    assert hidden[0, 0].min() == 1
    with app.store.lease("one") as model:
        word("bridge.host").host.model = model
        assert p.img2img_image_conditioning(picture, latents, mask).shape == (1, 5, 1, 1)


def test_p_can_be_made_copied_and_run_without_a_job(open_extended: Callable[..., App]) -> None:
    app, processing = open_extended("assigner"), word("processing")
    assigner()
    p = processing.StableDiffusionProcessingTxt2Img(
        prompt="red heart", seed=7, steps=2, width=64, height=64, do_not_save_samples=True
    )
    twin = copy(p)
    twin.seed = 8
    assert (p.seed, twin.seed, p.prompt) == (7, 8, twin.prompt)
    processed = processing.process_images(p)
    assert [image.size for image in processed.images] == [(64, 64)]
    assert (processed.seed, processed.all_seeds, p.all_prompts) == (7, [7], ["red heart"])
    assert "Seed: 7" in processing.create_infotext(p, p.all_prompts, p.all_seeds, p.all_subseeds)
    assert app.gallery.find("local") == []
    p.close()
    with pytest.raises(TypeError, match="unexpected keyword"):
        processing.StableDiffusionProcessingTxt2Img(colour="red")


def test_seeds_are_drawn_once() -> None:
    processing = word("processing")
    p = processing.StableDiffusionProcessingTxt2Img(seed=-1, subseed=5)
    processing.fix_seed(p)
    assert 0 <= p.seed < 2**32
    assert [processing.get_fixed_seed(seed) for seed in (p.subseed, 3.0, "12")] == [5, 3, 12]
    assert 0 <= processing.get_fixed_seed("") < 2**32
