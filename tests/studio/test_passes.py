"""Hires fix, refiner, seed resize, tiling and what saves guidance: the further passes of a job."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.latent_upscaling import LATENT_UPSCALERS
from modules.diffusion.model import Model
from modules.studio.app import App
from modules.studio.hooks import Hooks
from modules.studio.infotext import read_infotext
from modules.studio.job import LOCAL, Batch, Job, Progress, SavedImage
from modules.studio.passes import Pass
from modules.studio.request import RequestError, Txt2Img, read_request
from tests.tiny import TinyModels

Heart = Callable[..., Txt2Img]
Pixels = NDArray[np.uint8]
QUICK = 60


class Watch(Hooks):
    """Remembers who sampled what."""

    def __init__(self) -> None:
        self.passes: list[tuple[str, str]] = []
        self.shapes: list[tuple[int, ...]] = []
        self.steps: list[int] = []

    def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
        self.passes.append((run.name, model.checkpoint.stem))
        self.steps.append(0)

    def sampling_begins(self, job: Job, batch: Batch, model: Model, x: Tensor, sigmas: Tensor) -> Tensor:
        self.shapes.append(tuple(x.shape))
        return x

    def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
        self.steps[-1] += 1


@pytest.fixture
def watch(app: App) -> Watch:
    watch = Watch()
    app.engine.hooks.append(watch)
    return watch


@pytest.fixture
def other(app: App) -> str:
    """A second checkpoint of the starter's kind: the starter by another name."""
    starter = Path(app.store.find("starter").path)
    (app.folders.checkpoints[0] / "other").symlink_to(starter, target_is_directory=True)
    app.store.refresh()
    app.settings.change({"sd_model_checkpoint": "starter"})
    return "other"


def run(app: App, request: Txt2Img) -> Progress:
    end = app.engine.submit(request, LOCAL).wait(QUICK)
    assert (end.state, end.error) == ("done", "")
    return end


def pixels(image: SavedImage) -> Pixels:
    assert image.path is not None
    with Image.open(image.path) as saved:
        return np.asarray(saved.convert("RGB"))


@pytest.mark.parametrize("upscaler", [*LATENT_UPSCALERS, "Lanczos", "None"])
def test_hires_fix_paints_a_second_time_in_the_larger_size(app: App, heart: Heart, watch: Watch, upscaler: str) -> None:
    end = run(app, heart(enable_hr=True, hr_scale=1.5, hr_upscaler=upscaler, denoising_strength=0.5))
    assert watch.shapes == [(1, 4, 8, 8), (1, 4, 12, 12)]
    assert watch.steps == [3, 3]
    assert (end.images[0].width, end.images[0].height) == (96, 96)
    assert pixels(end.images[0]).shape == (96, 96, 3)


def test_little_denoising_keeps_the_first_pass_and_more_changes_it(app: App, heart: Heart) -> None:
    first = pixels(run(app, heart()).images[0]).astype(int)

    def change(strength: float) -> float:
        request = heart(enable_hr=True, hr_scale=1, hr_upscaler="Lanczos", denoising_strength=strength, hr_prompt="sun")
        return float(np.abs(pixels(run(app, request).images[0]) - first).mean())

    assert change(0.0) < change(0.3) < change(0.8)


@pytest.mark.parametrize(
    ("values", "upscaled", "final"),
    [
        ({"hr_scale": 1.7}, (864, 1032), (864, 1032)),
        ({"hr_resize_x": 1024}, (1024, 1216), (1024, 1216)),
        ({"hr_resize_y": 1216}, (1024, 1216), (1024, 1216)),
        ({"hr_resize_x": 1024, "hr_resize_y": 1024}, (1024, 1216), (1024, 1024)),
        ({"hr_resize_x": 768, "hr_resize_y": 1536}, (1280, 1536), (768, 1536)),
    ],
)
def test_the_size_of_the_second_pass(values: dict[str, Any], upscaled: tuple[int, int], final: tuple[int, int]) -> None:
    request = Txt2Img.model_validate({"width": 512, "height": 612, "enable_hr": True, **values})
    assert request.height == 608
    assert request.hires_size.final == final
    assert abs(request.hires_size.upscaled[1] - upscaled[1]) <= 8


def test_what_is_resized_to_another_shape_is_cut_in_the_middle(app: App, heart: Heart, watch: Watch) -> None:
    end = run(app, heart(enable_hr=True, hr_resize_x=96, hr_resize_y=64, denoising_strength=0.5))
    assert watch.shapes == [(1, 4, 8, 8), (1, 4, 8, 12)]
    assert (end.images[0].width, end.images[0].height) == (96, 64)


def test_the_second_pass_has_its_own_steps_sampler_prompt_and_scale(app: App, heart: Heart, watch: Watch) -> None:
    changes = {"hr_second_pass_steps": 2, "hr_sampler_name": "Euler a", "hr_scheduler": "karras", "hr_cfg": 2}
    request = heart(enable_hr=True, hr_scale=1, denoising_strength=0.6, hr_prompt="green apple", **changes)
    end = run(app, request)
    assert watch.steps == [3, 2]
    params = read_infotext(end.images[0].infotext).params
    wanted = {
        **{"Hires upscale": "1", "Hires steps": "2", "Hires sampler": "Euler a", "Hires schedule type": "Karras"},
        **{"Hires prompt": "green apple", "Hires upscaler": "Latent", "Hires CFG Scale": "2"},
        "Denoising strength": "0.6",
    }
    assert {key: params[key] for key in wanted} == wanted
    plain = run(app, heart(enable_hr=True, hr_scale=1, denoising_strength=0.6, **changes))
    assert not np.array_equal(pixels(plain.images[0]), pixels(end.images[0]))


def test_progress_goes_through_both_passes_once(app: App, heart: Heart) -> None:
    ticket = app.engine.submit(heart(enable_hr=True, hr_scale=1, steps=4, denoising_strength=0.5), LOCAL)
    fractions = [progress.fraction for progress in ticket]
    assert fractions == sorted(fractions)
    assert ticket.job.progress.state == "done"


def test_a_given_first_pass_is_enlarged_without_being_made(app: App, heart: Heart, watch: Watch) -> None:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(data, "PNG")
    picture = app.uploads.add(data.getvalue(), LOCAL)
    end = run(app, heart(enable_hr=True, hr_scale=2, denoising_strength=0.1, firstpass_image=picture))
    assert watch.passes == [("hires", "starter")]
    assert pixels(end.images[0]).mean(axis=(0, 1)).argmax() == 0


def test_hires_fix_with_another_checkpoint(app: App, heart: Heart, watch: Watch, other: str) -> None:
    end = run(app, heart(enable_hr=True, hr_scale=1, hr_checkpoint_name=other, denoising_strength=0.5))
    assert watch.passes == [("first", "starter"), ("hires", "other")]
    assert read_infotext(end.images[0].infotext).params["Hires checkpoint"] == "other"


def test_a_job_interrupted_in_its_second_pass_keeps_the_first(app: App, heart: Heart) -> None:
    class Stops(Hooks):
        def pass_begins(self, job: Job, batch: Batch, run: Pass, model: Model) -> None:
            job.interrupted = job.interrupted or run.is_second

    app.engine.hooks.append(Stops())
    end = app.engine.submit(heart(enable_hr=True, hr_scale=2, denoising_strength=0.5), LOCAL).wait(QUICK)
    assert end.state == "cancelled"
    assert [(image.width, image.height) for image in end.images] == [(64, 64)]


@pytest.mark.parametrize(("by_steps", "steps"), [(True, 8), (False, 6)])
def test_the_refiner_takes_over_where_it_is_asked_to(
    app: App, heart: Heart, watch: Watch, other: str, by_steps: bool, steps: int
) -> None:
    """Karras spends its last steps on little noise: the eighth tenth of the noise levels comes after six steps."""
    options = {"refiner_switch_by_sample_steps": by_steps}
    request = heart(steps=10, refiner_checkpoint=other, refiner_switch_at=0.8, override_settings=options)
    end = run(app, request)
    assert watch.passes == [("first", "starter"), ("refiner", "other")]
    assert watch.steps == [steps, 10 - steps]
    params = read_infotext(end.images[0].infotext).params
    assert (params["Refiner"], params["Refiner switch at"]) == ("other", "0.8")


def test_a_refiner_with_the_same_weights_changes_nothing(app: App, heart: Heart, other: str) -> None:
    plain = pixels(run(app, heart(steps=4)).images[0])
    refined = pixels(run(app, heart(steps=4, refiner_checkpoint=other, refiner_switch_at=0.5)).images[0])
    assert np.array_equal(plain, refined)


def test_the_checkpoint_itself_is_no_refiner(app: App, heart: Heart, watch: Watch) -> None:
    end = run(app, heart(refiner_checkpoint="starter", refiner_switch_at=0.5))
    assert watch.passes == [("first", "starter")]
    assert "Refiner" not in end.images[0].infotext


@pytest.mark.parametrize(
    ("which", "passes"),
    [
        ("first pass", ["first", "refiner", "hires"]),
        ("second pass", ["first", "hires", "refiner"]),
        ("both passes", ["first", "refiner", "hires", "refiner"]),
    ],
)
def test_the_refiner_works_in_the_pass_that_the_options_name(
    app: App, heart: Heart, watch: Watch, other: str, which: str, passes: list[str]
) -> None:
    values = {"enable_hr": True, "hr_scale": 1, "denoising_strength": 0.9, "steps": 4}
    options = {"hires_fix_refiner_pass": which, "refiner_switch_by_sample_steps": True}
    run(app, heart(**values, refiner_checkpoint=other, refiner_switch_at=0.5, override_settings=options))
    assert [name for name, _ in watch.passes] == passes


def test_a_refiner_of_another_latent_space_is_refused_by_name(app: App, heart: Heart, tiny: TinyModels) -> None:
    for family in ("SD 1.x", "SDXL"):
        source = tiny.ldm(family)
        (app.folders.checkpoints[0] / f"{family}.safetensors").symlink_to(source)
    app.store.refresh()
    request = heart(refiner_checkpoint="SDXL", override_settings={"sd_model_checkpoint": "SD 1.x"})
    with pytest.raises(RequestError, match=r"SDXL.* cannot refine what SD 1\.x"):
        app.engine.submit(request, LOCAL)
    starter = {"sd_model_checkpoint": "starter"}  # whose sizes are known once it is loaded
    later = heart(refiner_checkpoint="SD 1.x", refiner_switch_at=0, override_settings=starter)
    end = app.engine.submit(later, LOCAL).wait(QUICK)
    assert end.state == "failed"
    assert "SD 1.x cannot go on where starter stops" in end.error


@pytest.mark.parametrize(
    "values",
    [
        {"enable_hr": True, "hr_upscaler": "magic"},
        {"enable_hr": True, "hr_checkpoint_name": "nowhere"},
        {"enable_hr": True, "hr_sampler_name": "nowhere"},
        {"enable_hr": True, "hr_scheduler": "nowhere"},
        {"refiner_checkpoint": "nowhere"},
    ],
)
def test_what_is_not_there_is_refused_before_anything_runs(app: App, heart: Heart, values: dict[str, Any]) -> None:
    with pytest.raises(AquatintError, match=r"No .* called '(magic|nowhere)'"):
        app.engine.submit(heart(**values), LOCAL)


def test_a_second_pass_that_is_too_large_is_refused() -> None:
    with pytest.raises(RequestError, match="hires fix: 16384 x 16384 pixels are too many"):
        read_request("txt2img", {"enable_hr": True, "width": 2048, "height": 2048, "hr_scale": 8})


def test_without_hires_fix_its_fields_make_no_difference(app: App, heart: Heart) -> None:
    plain = run(app, heart()).images[0]
    other = run(app, heart(hr_upscaler="magic", hr_scale=4, denoising_strength=0.1)).images[0]
    assert np.array_equal(pixels(plain), pixels(other))
    assert plain.infotext == other.infotext


def test_tiling_makes_both_edges_meet_and_leaves_the_model_as_it_was(app: App, heart: Heart) -> None:
    def seam(image: Pixels) -> float:
        """How much more the edges differ than neighbouring columns do."""
        values = image.astype(float)
        return float(np.abs(values[:, 0] - values[:, -1]).mean() / np.abs(np.diff(values, axis=1)).mean())

    values = {"prompt": "a pattern", "steps": 8, "width": 128, "height": 128}
    before = pixels(run(app, heart(**values)).images[0])
    tiled = run(app, heart(**values, tiling=True)).images[0]
    assert read_infotext(tiled.infotext).params["Tiling"] == "True"
    assert not np.array_equal(pixels(tiled), before)
    assert seam(pixels(tiled)) < seam(before) or seam(pixels(tiled)) < 2
    assert np.array_equal(pixels(run(app, heart(**values)).images[0]), before)


@pytest.mark.parametrize("options", [{"skip_early_cond": 0.5}, {"s_min_uncond": 15, "s_min_uncond_all": True}])
def test_steps_without_the_negative_prompt_call_the_model_less(
    app: App, heart: Heart, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    calls = [0]
    predict = Model.predict

    def counted(self: Model, *values: Any) -> Tensor:
        calls[0] += len(values[0])
        return predict(self, *values)

    monkeypatch.setattr(Model, "predict", counted)
    plain = pixels(run(app, heart(steps=4)).images[0])
    guided, calls[0] = calls[0], 0
    saved = pixels(run(app, heart(steps=4, override_settings=options)).images[0])
    assert guided == 8
    assert calls[0] < guided
    assert not np.array_equal(saved, plain)
