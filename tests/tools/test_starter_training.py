"""The starter's training: rates, averages, noise, and going on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.training_utils import EMAModel
from torch import nn

from tools.starter import unet
from tools.starter.latents import Latents, tokenize
from tools.starter.training import COOLED, Average, Moment, Run
from tools.starter.words import WIDTH
from tools.starter.workspace import Workspace, save


@pytest.fixture
def table() -> Latents:
    torch.manual_seed(0)
    return Latents(torch.randn(12, 4, 16, 16).half(), tokenize([f"picture {index}" for index in range(12)]))


def test_the_rate_rises_stays_and_falls() -> None:
    run = Run(minutes=1, cooling=0.5)
    assert run.rate(Moment(0, 0.0), 1.0) == pytest.approx(0.01)
    assert run.rate(Moment(500, 0.4), 1.0) == 1.0
    assert run.rate(Moment(900, 0.75), 1.0) == pytest.approx(0.5)
    assert run.rate(Moment(999, 1.0), 1.0) == COOLED
    assert Run(minutes=1, cooling=0).rate(Moment(999, 1.0), 1.0) == 1.0


def test_averages_are_those_of_diffusers() -> None:
    weight = nn.Parameter(torch.zeros(3))
    ours, theirs = Average([weight], 0.99), EMAModel([weight], decay=0.99)
    for step in range(30):
        with torch.no_grad():
            weight.add_(torch.arange(3.0), alpha=step % 5)
        ours.update()
        theirs.step([weight])
    # diffusers counts its steps one later than we do, and keeps the first weights without an average.
    assert torch.allclose(ours.values[0], theirs.shadow_params[0], rtol=0.03)
    before = weight.detach().clone()
    ours.swap()
    assert not torch.equal(weight, before)
    ours.swap()
    assert torch.equal(weight, before)


def test_noise_and_v_are_those_of_diffusers(table: Latents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unet, "BATCH", 8)
    scheduler = DDIMScheduler(**unet.SCHEDULE)
    torch.manual_seed(1)
    noisy, t, ids, v, weight = unet._batch(table, scheduler.alphas_cumprod, tokenize([""]))
    alpha = scheduler.alphas_cumprod[t].view(-1, 1, 1, 1)
    x, noise = alpha.sqrt() * noisy - (1 - alpha).sqrt() * v, (1 - alpha).sqrt() * noisy + alpha.sqrt() * v
    assert torch.allclose(scheduler.add_noise(x, noise, t), noisy, atol=1e-5)
    assert torch.allclose(scheduler.get_velocity(x, noise, t), v, atol=1e-5)
    for picture in x:
        assert (table.latents.float() - picture).abs().amax((1, 2, 3)).min() < 1e-3
    assert torch.allclose(x[:4], x[4:], atol=1e-3)
    assert ids.shape == (4, 77)
    assert weight.max() <= 1
    assert sorted((t * 8 // 1000).tolist()) == list(range(8))


def test_a_training_goes_on_where_it_stopped(tmp_path: Path, table: Latents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unet, "BATCH", 4)
    workspace = Workspace(tmp_path)
    save({"embeddings": torch.randn(49408, WIDTH)}, workspace.words)
    alphas = DDIMScheduler(**unet.SCHEDULE).alphas_cumprod

    def step(training: unet.Training, number: int) -> None:
        torch.manual_seed(number)
        batch = unet._batch(table, alphas, tokenize([""]))
        training._step(lambda *values: unet._loss(training.painter, *values), batch, Moment(number, 0), Run(1, 0))

    whole = unet.Training(workspace)
    step(whole, 1)
    whole.save()
    step(whole, 2)
    resumed = unet.Training(workspace)
    step(resumed, 2)
    assert resumed.seen == whole.seen == 8
    for ours, theirs in zip(resumed.painter.parameters(), whole.painter.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    for ours_, theirs_ in zip(resumed.average.values, whole.average.values, strict=True):
        assert torch.equal(ours_, theirs_)
    words = resumed.painter.text.get_input_embeddings().weight
    assert torch.equal(words, torch.load(workspace.words)["embeddings"])
