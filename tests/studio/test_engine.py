"""The engine: requests become pictures, one job after another, whatever happens in them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.hardware import Hardware
from modules.diffusion.model import Model
from modules.studio.app import App
from modules.studio.files import DiskFullError
from modules.studio.hooks import Hooks
from modules.studio.job import LOCAL, Batch, Job, SavedImage
from modules.studio.request import Txt2Img

Heart = Callable[..., Txt2Img]
QUICK = 60


def pixels(app: App, image: SavedImage) -> np.ndarray:
    assert image.path is not None
    with Image.open(image.path) as saved:
        return np.asarray(saved.convert("RGB"))


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + QUICK
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


class Gate(Hooks):
    """Holds the first job at its first step until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
        self.reached.set()
        assert self.opened.wait(QUICK)


def test_a_request_becomes_a_file_with_its_parameters(app: App, heart: Heart) -> None:
    end = app.engine.submit(heart(), LOCAL).wait(QUICK)
    assert (end.state, end.error) == ("done", "")
    (image,) = end.images
    assert image.path is not None
    assert image.path.name == "00000-7.png"
    assert image.infotext.startswith("red heart\nSteps: 3, Sampler: DPM++ 2M, Schedule type: Automatic, CFG scale: 4")
    with Image.open(image.path) as saved:
        assert saved.info["parameters"] == image.infotext


def test_a_seed_gives_the_same_picture_alone_and_in_a_batch(app: App, heart: Heart) -> None:
    batch = app.engine.submit(heart(seed=7, batch_size=3, sampler_name="Euler a"), LOCAL).wait(QUICK)
    alone = app.engine.submit(heart(seed=9, sampler_name="Euler a"), LOCAL).wait(QUICK)
    assert [image.seed for image in batch.images] == [7, 8, 9]
    assert np.array_equal(pixels(app, batch.images[2]), pixels(app, alone.images[0]))
    assert not np.array_equal(pixels(app, batch.images[1]), pixels(app, alone.images[0]))


def test_several_pictures_also_make_a_grid(app: App, heart: Heart) -> None:
    end = app.engine.submit(heart(batch_size=2, n_iter=2, steps=1), LOCAL).wait(QUICK)
    assert end.grid is not None
    assert (end.grid.width, end.grid.height) == (128, 128)
    assert np.array_equal(pixels(app, end.grid)[:64, :64], pixels(app, end.images[0]))


def test_variations_share_the_seed_and_count_the_variation_seed_up(app: App, heart: Heart) -> None:
    end = app.engine.submit(heart(subseed=3, subseed_strength=0.3, batch_size=2, steps=1), LOCAL).wait(QUICK)
    assert [image.seed for image in end.images] == [7, 7]
    assert ["Variation seed: 3," in image.infotext for image in end.images] == [True, False]
    assert not np.array_equal(pixels(app, end.images[0]), pixels(app, end.images[1]))


def test_a_blank_seed_is_drawn_once_and_kept(app: App, heart: Heart) -> None:
    ticket = app.engine.submit(heart(seed=-1, steps=1), LOCAL)
    assert 0 <= ticket.job.request.seed < 2**32
    assert ticket.wait(QUICK).images[0].seed == ticket.job.request.seed


def test_submitting_works_while_another_job_runs_and_owners_take_turns(app: App, heart: Heart) -> None:
    gate, order = Gate(), list[str]()

    class Order(Hooks):
        def job_ends(self, job: Job) -> None:
            order.append(job.request.prompt)

    app.engine.hooks += [gate, Order()]
    app.engine.submit(heart(prompt="a1", steps=1), "ann")
    assert gate.reached.wait(QUICK)
    tickets = [app.engine.submit(heart(prompt=name, steps=1), name[:1]) for name in ("a2", "a3", "b1", "c1")]
    gate.opened.set()
    assert [ticket.wait(QUICK).state for ticket in tickets] == ["done"] * 4
    assert order[0] == "a1"
    assert order.index("b1") < order.index("a3")
    assert order.index("c1") < order.index("a3")


def test_an_interrupted_job_ends_within_a_step_and_shows_what_there_is(app: App, heart: Heart) -> None:
    gate = Gate()
    app.engine.hooks.append(gate)
    ticket = app.engine.submit(heart(steps=50), LOCAL)
    assert gate.reached.wait(QUICK)
    assert not app.engine.interrupt(ticket.id, "somebody else")
    assert app.engine.interrupt(ticket.id, LOCAL)
    gate.opened.set()
    end = ticket.wait(QUICK)
    assert (end.state, end.step < 3) == ("cancelled", True)
    (image,) = end.images
    assert image.path is None
    assert app.gallery.read(image.id, LOCAL)[1] == "image/png"


def test_skip_ends_one_batch_and_goes_on_with_the_next(app: App, heart: Heart) -> None:
    gate, steps = Gate(), list[tuple[int, int]]()

    class Count(Hooks):
        def step_ends(self, job: Job, batch: Batch, step: int, x: Tensor) -> None:
            steps.append((batch.index, step))

    app.engine.hooks += [Count(), gate]
    ticket = app.engine.submit(heart(steps=4, n_iter=2), LOCAL)
    assert gate.reached.wait(QUICK)
    assert app.engine.skip(ticket.id, LOCAL)
    gate.opened.set()
    assert ticket.wait(QUICK).state == "done"
    assert steps == [(0, 1), (1, 1), (1, 2), (1, 3), (1, 4)]


def test_a_waiting_job_is_cancelled_and_never_runs(app: App, heart: Heart) -> None:
    app.engine.pause(True)
    ticket = app.engine.submit(heart(), LOCAL)
    assert not app.engine.cancel(ticket.id, "somebody else")
    assert app.engine.cancel(ticket.id, LOCAL)
    app.engine.pause(False)
    assert app.engine.submit(heart(steps=1), LOCAL).wait(QUICK).state == "done"
    assert (ticket.wait(0).state, ticket.wait(0).images) == ("cancelled", ())


def test_while_paused_no_job_begins(app: App, heart: Heart) -> None:
    app.engine.pause(True)
    ticket = app.engine.submit(heart(steps=1), LOCAL)
    assert ticket.wait(1.5).state == "queued"
    app.engine.pause(False)
    assert ticket.wait(QUICK).state == "done"


def test_what_the_sampler_would_do_anyway_is_not_in_the_infotext(app: App, heart: Heart) -> None:
    def params(**changes: object) -> bool:
        (image,) = app.engine.submit(heart(steps=1, **changes), LOCAL).wait(QUICK).images
        return "Eta: " in image.infotext

    assert params(sampler_name="Euler a", eta=0.5)
    assert not params(sampler_name="Euler a", eta=1.0)
    assert not params(sampler_name="Euler", eta=0.5)


@pytest.mark.parametrize("error", [ValueError("/secret/path"), AquatintError("no"), MemoryError(), StopIteration()])
def test_a_hook_that_raises_fails_only_its_own_job(app: App, heart: Heart, error: Exception) -> None:
    class Broken(Hooks):
        def sampling_begins(self, job: Job, batch: Batch, model: Model, x: Tensor, sigmas: Tensor) -> Tensor:
            raise error

    broken = Broken()
    app.engine.hooks.append(broken)
    failed = app.engine.submit(heart(), LOCAL).wait(QUICK)
    app.engine.hooks.remove(broken)
    assert (failed.state, failed.images) == ("failed", ())
    assert failed.error
    assert "/secret/path" not in failed.error
    assert app.engine.submit(heart(steps=1), LOCAL).wait(QUICK).state == "done"


def test_hooks_are_called_in_the_order_of_a_jobs_life(app: App, heart: Heart) -> None:
    calls: list[str] = []
    names = [name for name in vars(Hooks) if not name.startswith("_")]

    class Recorder(Hooks):
        def __getattribute__(self, name: str) -> object:
            if name in names:
                calls.append(name)
            return super().__getattribute__(name)

    app.engine.hooks.append(Recorder())
    app.engine.submit(heart(steps=2, sampler_name="Euler"), LOCAL).wait(QUICK)
    step = ["step_begins", "guided", "denoised", "step_ends"]
    assert calls == [
        *("asked", "course", "job_opens", "model_leased", "job_begins", "batch_begins", "pass_begins", "sampling"),
        *("noise", "schedule", "prompts", "sampling_begins"),
        *(*step, *step, "pass_ends", "sampled", "decoded", "image_painted", "overlay", "batch_ends"),
        *("image_ready", "image_saving", "image_saved", "pictures_made", "job_ends"),
    ]


def test_a_hook_that_changes_an_image_changes_what_is_saved(app: App, heart: Heart) -> None:
    class Blue(Hooks):
        def image_ready(self, job: Job, batch: Batch, index: int, image: Image.Image) -> Image.Image:
            return Image.new("RGB", image.size, "blue")

    app.engine.hooks.append(Blue())
    (image,) = app.engine.submit(heart(steps=1), LOCAL).wait(QUICK).images
    assert pixels(app, image)[0, 0].tolist() == [0, 0, 255]


def test_nan_in_float32_fails_the_job_by_name(app: App, heart: Heart) -> None:
    class Poison(Hooks):
        def denoised(self, job: Job, batch: Batch, step: int, denoised: Tensor, sigma: Tensor) -> Tensor:
            return denoised * float("nan")

    app.engine.hooks.append(Poison())
    end = app.engine.submit(heart(steps=1), LOCAL).wait(QUICK)
    assert (end.state, end.images) == ("failed", ())
    assert "NaN" in end.error


def test_nan_in_half_precision_is_retried_once_in_float32(
    open_studio: Callable[..., App], heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = Hardware(torch.device("cpu"), torch.bfloat16, torch.bfloat16, reason="for the test")
    monkeypatch.setattr("modules.studio.app.probe", lambda *_, **__: half)
    app, precisions = open_studio(), list[torch.dtype]()

    class PoisonsHalfPrecision(Hooks):
        def batch_begins(self, job: Job, batch: Batch, model: Model) -> None:
            self.model = model

        def denoised(self, job: Job, batch: Batch, step: int, denoised: Tensor, sigma: Tensor) -> Tensor:
            precisions.append(self.model.dtype)
            return denoised * (1.0 if self.model.dtype == torch.float32 else float("nan"))

    app.engine.hooks.append(PoisonsHalfPrecision())
    end = app.engine.submit(heart(steps=1), LOCAL).wait(QUICK)
    assert (end.state, len(end.images)) == ("done", 1)
    assert precisions == [torch.bfloat16, torch.float32]


def test_a_request_for_what_does_not_exist_queues_nothing(app: App, heart: Heart) -> None:
    for change in (
        {"sampler_name": "Nobody"},
        {"scheduler": "Never"},
        {"override_settings": {"sd_model_checkpoint": "missing.safetensors"}},
        {"override_settings": {"sd_vae": "missing.pt"}},
    ):
        with pytest.raises(AquatintError, match=r"Nobody|Never|missing"):
            app.engine.submit(heart(**change), LOCAL)
    assert app.queue.rows() == []


def test_settings_changed_later_do_not_touch_a_queued_job(app: App, heart: Heart) -> None:
    app.engine.pause(True)
    ticket = app.engine.submit(heart(steps=1), LOCAL)
    app.settings.change({"samples_format": "webp"})
    app.engine.pause(False)
    (image,) = ticket.wait(QUICK).images
    assert image.path is not None
    assert image.path.suffix == ".png"


def test_a_picture_asked_not_to_be_saved_is_only_in_memory(app: App, heart: Heart) -> None:
    (image,) = app.engine.submit(heart(steps=1, do_not_save_samples=True), LOCAL).wait(QUICK).images
    assert image.path is None
    assert app.gallery.read(image.id, LOCAL)[0][:4] == b"\x89PNG"
    assert not list(app.folders.outputs.rglob("*.png"))


def test_live_previews_come_while_sampling(app: App, heart: Heart) -> None:
    seen = [news.preview for news in app.engine.submit(heart(steps=6), LOCAL) if news.preview]
    assert seen[0][:2] == b"\xff\xd8"


def test_iterating_a_ticket_ends_with_the_end(app: App, heart: Heart) -> None:
    assert [*app.engine.submit(heart(steps=1), LOCAL)][-1].state == "done"


def test_a_full_disk_fails_the_job_by_name_and_keeps_the_picture_to_be_downloaded(
    app: App, heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFullError(app.folders.outputs)

    monkeypatch.setattr(app.gallery, "save", full)
    end = app.engine.submit(heart(steps=1), LOCAL).wait(QUICK)
    monkeypatch.undo()
    assert (end.state, "full" in end.error) == ("failed", True)
    assert app.gallery.read(end.images[0].id, LOCAL)[0][:4] == b"\x89PNG"
    assert app.engine.submit(heart(steps=1), LOCAL).wait(QUICK).state == "done"


def test_warming_up_loads_the_chosen_checkpoint_while_nobody_waits(app: App) -> None:
    assert app.store.loaded == ()
    app.engine.warm_up()
    wait_until(lambda: app.store.loaded == ("starter",))


def test_warming_up_without_a_checkpoint_is_no_error(app: App, heart: Heart) -> None:
    app.settings.change({"sd_model_checkpoint": "gone.safetensors"})
    app.engine.warm_up()
    again = heart(steps=1, override_settings={"sd_model_checkpoint": "starter"})
    assert app.engine.submit(again, LOCAL).wait(QUICK).state == "done"


def test_stopping_does_not_wait_for_a_checkpoint_that_is_only_loaded_ahead(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading, loaded = threading.Event(), threading.Event()

    def slow_load(*words: object) -> Model:
        loading.set()
        assert loaded.wait(QUICK)
        raise AquatintError("the test is over")

    monkeypatch.setattr(app.store, "lease", slow_load)
    app.engine.warm_up()
    assert loading.wait(QUICK)
    assert not app.engine.stop(timeout=QUICK)
    loaded.set()
    assert app.engine.stop(patience=QUICK)
