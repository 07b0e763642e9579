"""The starter's training: rates, averages, noise, and going on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.training_utils import EMAModel
from torch import nn
from transformers import CLIPTokenizer

from tools.starter import unet, vae
from tools.starter.compositions import Composer
from tools.starter.latents import Latents, tokenize
from tools.starter.pack import pack, unpack
from tools.starter.training import COOLED, WARM_STEPS, Average, Moment, Run, autocast, fast_type
from tools.starter.vae import CONFIG, keep_vae, open_vae
from tools.starter.words import WIDTH
from tools.starter.workspace import Workspace, load, save


@pytest.fixture
def table() -> Latents:
    torch.manual_seed(0)
    captions = [f"{way} {index}" for index in range(12) for way in ("picture", "drawing")]
    ids = tokenize(captions).int().view(12, 2, 77)
    return Latents(torch.randn(12, 4, 16, 16).half(), ids, torch.arange(12) % 3, torch.arange(12) % 2)


def test_the_rate_rises_stays_and_falls() -> None:
    run = Run(minutes=1, cooling=0.5)
    assert run.rate(Moment(0, 0.0), 1.0) == pytest.approx(1 / WARM_STEPS)
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
    monkeypatch.setattr(unet, "BATCH", 12)
    scheduler = DDIMScheduler(**unet.SCHEDULE)
    torch.manual_seed(1)
    noisy, t, ids, v, weight = unet._batch(table, scheduler.alphas_cumprod, tokenize([""]))
    alpha = scheduler.alphas_cumprod[t].view(-1, 1, 1, 1)
    x, noise = alpha.sqrt() * noisy - (1 - alpha).sqrt() * v, (1 - alpha).sqrt() * noisy + alpha.sqrt() * v
    assert torch.allclose(scheduler.add_noise(x, noise, t), noisy, atol=1e-5)
    assert torch.allclose(scheduler.get_velocity(x, noise, t), v, atol=1e-5)
    for picture in x:
        assert (table.latents.float() - picture).abs().amax((1, 2, 3)).min() < 1e-3
    assert torch.allclose(x[:4], x[4:8], atol=1e-3)
    assert torch.allclose(x[:4], x[8:], atol=1e-3)
    assert ids.shape == (4, 77)
    snr = scheduler.alphas_cumprod[t] / (1 - scheduler.alphas_cumprod[t])
    assert torch.allclose(weight, torch.where(snr < 4, torch.ones(12), 5 / (snr + 1)))
    assert sorted((t * 12 // 1000).tolist()) == list(range(12))


def test_a_training_goes_on_where_it_stopped(tmp_path: Path, table: Latents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unet, "BATCH", 6)
    workspace = Workspace(tmp_path)
    save({"embeddings": torch.randn(49408, WIDTH)}, workspace.words)
    alphas = DDIMScheduler(**unet.SCHEDULE).alphas_cumprod

    def step(training: unet.Training, number: int) -> None:
        torch.manual_seed(number)
        batch = unet._batch(table, alphas, tokenize([""]))
        training._step(batch, Moment(number, 0), Run(1, 0))

    whole = unet.Training(workspace)
    step(whole, 1)
    whole.save()
    step(whole, 2)
    resumed = unet.Training(workspace)
    step(resumed, 2)
    assert resumed.seen == whole.seen == 12
    for ours, theirs in zip(resumed.painter.parameters(), whole.painter.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    for ours_, theirs_ in zip(resumed.average.values, whole.average.values, strict=True):
        assert torch.equal(ours_, theirs_)
    words = resumed.painter.text.get_input_embeddings().weight
    assert torch.equal(words, torch.load(workspace.words)["embeddings"])


def test_one_of_its_captions_is_said_of_a_picture(table: Latents) -> None:
    torch.manual_seed(0)
    said = table.said(torch.tensor([3] * 40))
    assert said.shape == (40, 77)
    assert {tuple(row) for row in said.tolist()} == {tuple(row) for row in table.ids[3].tolist()}


def test_a_painter_computes_the_same_as_a_plain_unet_of_its_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unet, "fast_type", lambda: torch.float32)
    torch.manual_seed(0)
    painter, plain = unet.Painter().eval(), UNet2DConditionModel(**unet.UNET).eval()
    plain.load_state_dict(painter.unet.state_dict())
    x, t, words = torch.randn(2, 4, 16, 16), torch.tensor([5, 900]), torch.randn(2, 77, WIDTH)
    with torch.no_grad():
        found, wanted = painter.unet(x, t, words).sample, plain(x, t, words).sample
    assert torch.allclose(found, wanted, atol=1e-4)


def test_a_packed_model_begins_a_training_with_its_weights(tmp_path: Path, table: Latents) -> None:
    workspace, again = Workspace(tmp_path / "first"), Workspace(tmp_path / "again")
    embeddings = torch.randn(49408, WIDTH)
    for each in (workspace, again):
        save({"embeddings": embeddings}, each.words)
    torch.manual_seed(0)
    keep_vae(AutoencoderKL(**CONFIG), 7, workspace)
    unet.Training(workspace).save()
    pack(workspace, [], tmp_path / "model")
    assert CLIPTokenizer.from_pretrained(tmp_path / "model" / "tokenizer").model_max_length == 77
    unpack(again, tmp_path / "model")
    kept, begun = unet.Training(workspace), unet.Training(again)
    assert begun.seen == begun.average.steps == 0
    assert all(not part["state"] for part in begun.optimizer.state())
    for ours, theirs in zip(begun.painter.parameters(), kept.painter.parameters(), strict=True):
        assert torch.equal(ours, theirs.half().float())
    for average, weight in zip(begun.average.values, begun.painter.trained(), strict=True):
        assert torch.equal(average, weight)
    for ours, theirs in zip(open_vae(again)[0].parameters(), open_vae(workspace)[0].parameters(), strict=True):
        assert torch.equal(ours, theirs.half().float())
    with pytest.raises(SystemExit, match="There is a training already"):
        unpack(again, tmp_path / "model")


@pytest.mark.parametrize("decoder", [True, False])
def test_latents_stay_as_they_are_when_the_decoder_alone_is_trained(
    decoder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vae, "BATCH", 2)
    monkeypatch.setattr(vae, "_crops", lambda composer, rng: torch.rand(2, 3, 64, 64) * 2 - 1)
    monkeypatch.setattr(vae, "_scale", lambda autoencoder, composer: 0.5)
    monkeypatch.setattr(vae, "psnr", lambda autoencoder, composer: (1.0, 1.0))
    monkeypatch.setattr(Run, "moments", lambda self: iter([Moment(0, 0.0), Moment(1, 0.5)]))
    monkeypatch.setattr(Run, "time_to_save", lambda self: True)
    workspace = Workspace(tmp_path)
    keep_vae(AutoencoderKL(**CONFIG, scaling_factor=0.25), 0, workspace)
    before = load(workspace.vae, "vae")
    vae.train_vae(workspace, Composer([]), minutes=1, decoder=decoder)
    after = load(workspace.vae, "vae")
    assert (after["seen"], after["scale"]) == (4, 0.25 if decoder else 0.5)
    same = {name for name, weight in before["weights"].items() if torch.equal(weight, after["weights"][name])}
    assert ("encoder.conv_in.weight" in same) == decoder
    assert "decoder.conv_out.weight" not in same


def test_a_model_of_another_shape_begins_no_training(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "work")
    sizes = {**unet.UNET, "block_out_channels": (32, 64, 96)}
    UNet2DConditionModel(**sizes).save_pretrained(tmp_path / "model" / "unet")
    unet.Painter().text.save_pretrained(tmp_path / "model" / "text_encoder")
    with pytest.raises(SystemExit, match="another shape"):
        unpack(workspace, tmp_path / "model")
    assert not workspace.unet.exists()


def test_bfloat16_is_used_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for amx, avx, wanted in (
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
        (False, False, torch.float32),
    ):
        monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda amx=amx: amx)
        monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda avx=avx: avx)
        assert fast_type() is wanted
        with autocast():
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is wanted
