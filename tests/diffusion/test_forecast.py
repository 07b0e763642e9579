"""The forecast of memory, against what torch's profiler counts when the same networks run with numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from modules.diffusion.attention import Attention, apply
from modules.diffusion.checkpoint import read_checkpoint
from modules.diffusion.forecast import Forecasts, Work, decoder_peak, peak_of, unet_peak
from modules.diffusion.hardware import Hardware
from modules.diffusion.loading import blank_networks, load_components
from tests.tiny import TinyModels

CPU = Hardware(torch.device("cpu"), torch.float32, torch.float32, "for the test")
SDPA = Attention("sdpa", "for the test")
SIDE = 64
FAMILIES = ["SD 1.x", "SD 2.x", "SDXL", "SDXL refiner"]


def counted(call: Callable[[], object]) -> int:
    """The most bytes that were allocated at once while it ran."""
    with torch.inference_mode():
        call()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            call()
    events = profiler.profiler.kineto_results.events()
    alive = peak = 0
    for event in sorted((one for one in events if one.name() == "[memory]"), key=lambda one: one.start_ns()):
        alive += event.nbytes()
        peak = max(peak, alive)
    return peak


def called(unet: Any, rows: int, side: int) -> Callable[[], object]:
    x = torch.zeros(rows, unet.config.in_channels, side, side).contiguous(memory_format=torch.channels_last)
    embeds = torch.zeros(rows, 77, unet.config.cross_attention_dim)
    return lambda: unet(x, torch.zeros(rows), encoder_hidden_states=embeds, return_dict=False)


def test_memory_that_is_given_back_is_counted_once() -> None:
    def call() -> None:
        x = torch.empty(1000, device="meta")
        for _ in range(3):
            x = x + 1
        x.view(10, 100).relu_()

    assert peak_of(call) == 2 * 1000 * 4


@pytest.mark.parametrize(("rows", "attention"), [(1, "sdpa"), (2, "sdpa"), (2, "sliced")])
def test_a_unet_needs_what_the_profiler_counts(rows: int, attention: str, tiny: TinyModels) -> None:
    checkpoint = read_checkpoint(tiny.ldm("SD 1.x"))
    real, (blank, _) = load_components(checkpoint, CPU), blank_networks(checkpoint)
    for network in (real.unet, blank):
        apply(Attention(attention, ""), network)
    forecast = unet_peak(blank, rows, SIDE, SIDE, channels_last=True)
    assert forecast == pytest.approx(counted(called(real.unet, rows, SIDE)), rel=0.02)


def test_a_decoder_needs_what_the_profiler_counts(tiny: TinyModels) -> None:
    checkpoint = read_checkpoint(tiny.ldm("SD 1.x"))
    real, (_, blank) = load_components(checkpoint, CPU), blank_networks(checkpoint)
    z = torch.zeros(1, 4, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    measured = counted(lambda: real.vae.decode(z, return_dict=False))
    assert decoder_peak(blank, SIDE, SIDE, channels_last=True) == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_peak_is_the_weights_and_the_greediest_call(family: str, tiny: TinyModels) -> None:
    checkpoint = read_checkpoint(tiny.ldm(family))
    forecasts = Forecasts(CPU, SDPA)
    small, large = (forecasts.peak([Work(checkpoint, ((side, side),), 2)]) for side in (128, 512))
    assert small is not None
    assert large is not None
    assert checkpoint.parameters * 4 < small < large


def test_a_folder_is_forecast_like_its_file(tiny: TinyModels) -> None:
    forecasts = Forecasts(CPU, SDPA)
    works = [Work(read_checkpoint(path), ((256, 256),), 2) for path in (tiny.ldm("SD 1.x"), tiny.diffusers("SD 1.x"))]
    one, other = (forecasts.peak([work]) for work in works)
    assert one == pytest.approx(other, rel=0.02)


def test_offloading_needs_less_and_a_lora_in_ram_more(tiny: TinyModels) -> None:
    checkpoint = read_checkpoint(tiny.ldm("SD 1.x"))
    work = Work(checkpoint, ((64, 64),), 2)
    whole, medium, low = (
        Forecasts(replace(CPU, offload=offload), SDPA).peak([work]) for offload in ("none", "medvram", "lowvram")
    )
    worn = Forecasts(CPU, SDPA).peak([work._replace(rewritten=True)])
    assert low is not None
    assert medium is not None
    assert whole is not None
    assert worn is not None
    assert low < medium < whole < worn
