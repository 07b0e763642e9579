"""The plan of a request is what then happens, and says nothing that nobody can know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from modules.diffusion.checkpoint import read_checkpoint
from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.job import LOCAL
from modules.studio.plan import Past, Plan, estimate, final_size, plan_of, work
from modules.studio.request import Txt2Img
from tests.tiny import TinyModels

Heart = Callable[..., Txt2Img]


def planned(app: App, request: Txt2Img, owner: str = LOCAL) -> Plan:
    return plan_of(app, request, owner, app.settings.options)


def test_it_says_what_would_run(app: App, heart: Heart) -> None:
    app.styles.save("bold", "{prompt}, bold", "")
    plan = planned(app, heart(styles=("bold",), batch_size=2, n_iter=3, sampler_name="k_euler_a"))
    assert (plan.prompt, plan.checkpoint, plan.sampler_name) == ("red heart, bold", "starter", "Euler a")
    assert (plan.images, plan.steps, plan.width, plan.height) == (6, 9, 64, 64)
    assert (plan.loads, plan.seconds, plan.ahead, plan.networks) == (("starter",), None, 0, ())
    memory = f"needs {round((plan.peak_memory or 0) / 1e6)} MB of memory"
    assert plan.sentence == f"6 pictures · time not known yet · {memory} · loads starter first"
    assert app.queue.rows() == []


def test_after_a_job_it_knows_how_long_and_what_is_loaded(app: App, heart: Heart) -> None:
    assert app.engine.submit(heart(), LOCAL).wait(60).state == "done"
    (row,) = app.queue.rows()
    assert row.started is not None
    assert row.ended is not None
    took = row.ended - row.started
    plan = planned(app, heart(batch_size=2))
    assert plan.loads == ()
    assert plan.seconds == pytest.approx(2 * took)
    assert plan.sentence.startswith("2 pictures · about ")


def test_networks_are_found_or_missing(app: App, heart: Heart) -> None:
    (app.folders.lora / "soft.safetensors").write_bytes(b"")
    app.loras.refresh()
    plan = planned(app, heart(prompt="a <lora:soft:1> <lora:gone:0.5> <hypernet:old:1>"))
    assert plan.networks == (("lora", "soft", True), ("lora", "gone", False), ("hypernet", "old", False))
    assert plan.sentence.startswith("No lora called gone · no hypernet called old")


def test_a_second_pass_counts(app: App, heart: Heart) -> None:
    plan = planned(app, heart(enable_hr=True, hr_scale=2, hr_second_pass_steps=5))
    assert (plan.width, plan.height, plan.steps) == (128, 128, 8)
    one, two = Txt2Img(cfg_scale=4).model_dump(), Txt2Img(cfg_scale=4, enable_hr=True).model_dump()
    assert final_size(two) == (1024, 1024)
    assert work(two) == pytest.approx(work(one) * (1 + 4 * 0.75))
    assert work(Txt2Img(cfg_scale=1).model_dump()) == work(one) / 2


def test_an_estimate_goes_by_like_jobs() -> None:
    small = [Past("a", (64, 64), 10, seconds) for seconds in (900, 31, 20, 30, 32)]
    past = [*small, Past("a", (512, 512), 10, 50), Past("b", (64, 64), 10, 10)]
    assert estimate(past, "a", (64, 64), 20) == 60
    assert estimate(past, "a", (512, 512), 20) == 100
    assert estimate(past, "a", (96, 96), 20) == 60
    assert estimate(past, "c", (64, 64), 20) is None


def test_jobs_ahead_are_counted_by_turns(app: App, heart: Heart) -> None:
    app.engine.pause(True)
    for owner in ("ann", "ann", "ann", "bob"):
        app.engine.submit(heart(), owner)
    assert [planned(app, heart(), owner).ahead for owner in ("cid", "bob", "ann")] == [2, 3, 4]
    assert "2 jobs ahead" in planned(app, heart(), "cid").sentence


def test_the_weights_are_counted_from_the_header(tiny: TinyModels) -> None:
    path = tiny.ldm("SD 1.x")
    numbers = sum(tensor.numel() for name, tensor in load_file(path).items() if not name.startswith("model_ema."))
    assert read_checkpoint(path).parameters == numbers


def test_peak_memory_is_the_weights_and_what_the_largest_pass_needs(app: App, heart: Heart) -> None:
    small, large = planned(app, heart()), planned(app, heart(enable_hr=True, hr_scale=4, hr_upscaler="Lanczos"))
    weights = app.store.find("starter").parameters * 4
    assert small.peak_memory is not None
    assert large.peak_memory is not None
    assert weights < small.peak_memory < 1.5 * weights
    assert small.peak_memory < large.peak_memory
    assert large.peak_memory == planned(app, heart(width=256, height=256)).peak_memory


def test_a_job_that_the_machine_is_too_small_for_says_so(app: App, heart: Heart) -> None:
    plan = replace(planned(app, heart()), peak_memory=9_600_000_000, memory=8_000_000_000)
    assert plan.sentence.startswith(
        "More memory than the 8.0 GB that are here · time not known yet · needs 9.6 GB of memory"
    )


def test_what_cannot_run_is_refused_as_when_it_is_submitted(app: App, heart: Heart) -> None:
    with pytest.raises(AquatintError, match="Magic"):
        planned(app, heart(sampler_name="Magic"))
