"""Checkpoints put together from both layouts, offline, weight by weight, and every way in which that is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from modules.diffusion.checkpoint import read_checkpoint
from modules.diffusion.errors import CheckpointError
from modules.diffusion.families import SD1, SDXL
from modules.diffusion.hardware import Hardware
from modules.diffusion.loading import (
    CONFIGS,
    Components,
    load_components,
    load_vae,
    tokenizer_from,
    training_sigmas,
    tried_prediction,
)
from tests.tiny import (
    KINDS,
    Networks,
    TinyModels,
    assert_equal,
    ldm_state,
    ldm_vae_state,
    networks,
    save_ckpt,
    save_folder,
    save_ldm,
    state_of,
)

NAMES = list(KINDS)


def assert_same(found: Any, expected: Mapping[str, Tensor]) -> None:
    """Bit for bit what was saved, but for the layers that a folder leaves out."""
    weights = found.state_dict()
    assert len(weights) >= 0.6 * len(expected)
    assert all(torch.equal(weights[name], expected[name]) for name in weights)


def assert_holds(components: Components, nets: Networks) -> None:
    assert_same(components.unet, dict(state_of(nets.unet)))
    assert_same(components.vae, dict(state_of(nets.vae)))
    for encoder, text in zip(components.encoders, nets.texts.values(), strict=True):
        assert_same(encoder.model, dict(state_of(text)))
    assert components.latent_scale == nets.kind.scale


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("family", NAMES)
def test_both_layouts_give_back_every_weight_and_answer_without_a_network(
    family: str, tiny: TinyModels, cpu: Hardware
) -> None:
    nets = tiny.networks(family)
    for path in (tiny.ldm(family), tiny.diffusers(family)):
        found = load_components(read_checkpoint(path), cpu)
        assert_holds(found, nets)
        for one, other in zip(answers(nets.unet, nets.vae, nets.texts), answers_of(found), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=5e-4)


def answers_of(found: Components) -> list[Tensor]:
    return answers(found.unet, found.vae, {str(number): one.model for number, one in enumerate(found.encoders)})


def answers(unet: Any, vae: Any, texts: Mapping[str, Any]) -> list[Tensor]:
    """What the networks say to the same numbers."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, unet.config.in_channels, 8, 8, generator=generator)
    context = torch.randn(1, 77, unet.config.cross_attention_dim, generator=generator)
    numbers = ((unet.config.projection_class_embeddings_input_dim or 64) - 64) // 256
    extra = {"text_embeds": context[:, 0, :64], "time_ids": 512 * torch.ones(1, numbers)}
    ids = torch.randint(0, 49405, (1, 77), generator=generator)
    with torch.no_grad():
        seen = unet(x, torch.tensor([500.5]), encoder_hidden_states=context, added_cond_kwargs=extra).sample
        hidden = [text(ids, output_hidden_states=True).hidden_states[2] for text in texts.values()]
        return [seen, vae.decode(x[:, :4]).sample, *hidden]


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickled_checkpoint_gives_every_weight_back(legacy: bool, tmp_path: Path, cpu: Hardware) -> None:
    nets = networks("SD 1.x")
    path = save_ckpt(tmp_path / "model.ckpt", nets, legacy=legacy)
    assert_holds(load_components(read_checkpoint(path), cpu), nets)


def test_weights_come_in_the_format_asked_for(tiny: TinyModels, half_cpu: Hardware) -> None:
    found = load_components(read_checkpoint(tiny.ldm("SD 1.x")), half_cpu)
    for network in (found.unet, found.vae, found.encoders[0].model):
        assert {tensor.dtype for tensor in network.parameters()} == {torch.bfloat16}
    assert found.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert not any(tensor.requires_grad or tensor.is_meta for tensor in found.unet.parameters())
    assert not any(buffer.is_meta for buffer in found.encoders[0].model.buffers())


def test_weights_own_their_memory(tmp_path: Path, cpu: Hardware) -> None:
    nets = networks("SD 1.x")
    path = save_ldm(tmp_path / "model.safetensors", nets, torch.float32)
    found = load_components(read_checkpoint(path), cpu)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert all(torch.equal(found.unet.state_dict()[name], tensor) for name, tensor in state_of(nets.unet))
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in found.unet.parameters())


def test_weights_whose_sum_is_too_large_for_their_format_are_no_error(tmp_path: Path, cpu: Hardware) -> None:
    nets = networks("SD 1.x")
    nets.unet.conv_in.weight.fill_(60000)
    path = save_ldm(tmp_path / "model.safetensors", nets)
    found = load_components(read_checkpoint(path), replace(cpu, dtype=torch.float16))
    assert bool((found.unet.conv_in.weight == 60000).all())


def test_loading_inside_inference_mode_gives_ordinary_tensors(tiny: TinyModels, cpu: Hardware) -> None:
    with torch.inference_mode():
        found = load_components(read_checkpoint(tiny.ldm("SD 1.x")), cpu)
    assert not any(tensor.is_inference() for tensor in found.unet.parameters())


def test_keys_of_older_transformers_are_understood(tmp_path: Path, cpu: Hardware) -> None:
    nets = networks("SD 1.x")
    state = {
        key.replace("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."): tensor
        for key, tensor in ldm_state(nets).items()
    }
    state["cond_stage_model.transformer.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(state, tmp_path / "model.safetensors")
    found = load_components(read_checkpoint(tmp_path / "model.safetensors"), cpu)
    assert torch.equal(
        found.encoders[0].model.state_dict()["final_layer_norm.weight"],
        nets.texts["text_encoder"].final_layer_norm.weight,
    )


def test_a_folder_with_the_prefix_of_older_transformers_is_understood(tmp_path: Path, cpu: Hardware) -> None:
    nets = networks("SD 1.x")
    folder = save_folder(tmp_path / "folder", nets)
    weights = folder / "text_encoder/model.safetensors"
    save_file({f"text_model.{name}": tensor for name, tensor in load_file(weights).items()}, weights)
    assert_holds(load_components(read_checkpoint(folder), cpu), nets)


def test_a_folder_of_shards_and_pickles_is_understood(tmp_path: Path, cpu: Hardware) -> None:
    nets = networks("SD 1.x")
    folder = save_folder(tmp_path / "folder", nets)
    whole = folder / "unet/diffusion_pytorch_model.safetensors"
    weights = load_file(whole)
    halves = ({name: weights[name] for name in list(weights)[start::2]} for start in (0, 1))
    index: dict[str, str] = {}
    for number, half in enumerate(halves):
        save_file(half, whole.with_name(f"part-{number}.safetensors"))
        index |= dict.fromkeys(half, f"part-{number}.safetensors")
    whole.unlink()
    (folder / "unet/diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    text = folder / "text_encoder/model.safetensors"
    torch.save(load_file(text), text.with_name("pytorch_model.bin"))
    text.unlink()
    assert_holds(load_components(read_checkpoint(folder), cpu), nets)


def test_sd_2_encoders_are_read_at_the_same_layer_from_both_layouts(tiny: TinyModels, cpu: Hardware) -> None:
    single = load_components(read_checkpoint(tiny.ldm("SD 2.x")), cpu).encoders[0]
    folder = load_components(read_checkpoint(tiny.diffusers("SD 2.x")), cpu).encoders[0]
    assert (single.model.config.num_hidden_layers, single.penultimate) == (3, True)
    assert (folder.model.config.num_hidden_layers, folder.penultimate) == (2, False)
    assert (single.pad_token_id, folder.pad_token_id) == (0, 0)


def test_the_shipped_tokenizer_speaks_clip(starter: Path) -> None:
    ours, theirs = tokenizer_from(CONFIGS / "clip_tokenizer"), tokenizer_from(starter / "tokenizer")
    text = "a photo of an astronaut, (riding:1.2) ein Pferd 馬"
    assert ours(text).input_ids == theirs(text).input_ids
    assert ours("a cat").input_ids == [49406, 320, 2368, 49407]
    assert (ours.bos_token_id, ours.eos_token_id, len(ours)) == (49406, 49407, 49408)


@pytest.fixture(scope="session")
def vae() -> Any:
    return networks("SD 1.x", seed=5).vae


Save = Callable[[Path, Any], Path]


def saved_original(folder: Path, vae: Any) -> Path:
    save_file(ldm_vae_state(vae), folder / "x.vae.safetensors")
    return folder / "x.vae.safetensors"


def saved_with_prefix(folder: Path, vae: Any) -> Path:
    save_file(ldm_vae_state(vae, "first_stage_model."), folder / "x.vae.safetensors")
    return folder / "x.vae.safetensors"


def saved_as_training_does(folder: Path, vae: Any) -> Path:
    junk = {"loss.logvar": torch.zeros(()), "loss.discriminator.main.0.weight": torch.zeros(2)}
    torch.save({"epoch": 1, "state_dict": ldm_vae_state(vae) | junk}, folder / "x.vae.pt")
    return folder / "x.vae.pt"


def saved_by_diffusers(folder: Path, vae: Any) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in state_of(vae)}, folder / "x.safetensors")
    return folder / "x.safetensors"


def saved_by_diffusers_of_2022(folder: Path, vae: Any) -> Path:
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    state = {}
    for name, tensor in state_of(vae):
        for now, then in old.items():
            name = name.replace(f"attentions.0.{now}.", f"attentions.0.{then}.")
        state[name] = tensor.contiguous()
    save_file(state, folder / "x.safetensors")
    return folder / "x.safetensors"


@pytest.mark.parametrize(
    "save",
    [saved_original, saved_with_prefix, saved_as_training_does, saved_by_diffusers, saved_by_diffusers_of_2022],
)
def test_a_vae_is_read_from_every_layout(save: Save, vae: Any, tmp_path: Path, cpu: Hardware) -> None:
    found = load_vae(save(tmp_path, vae), SD1, cpu)
    assert_equal(found.state_dict(), dict(state_of(vae)))


def test_a_checkpoint_is_no_vae_file_but_may_lend_its_own(tiny: TinyModels, cpu: Hardware, tmp_path: Path) -> None:
    assert_same(load_vae(tiny.ldm("SDXL"), SDXL, cpu), dict(state_of(networks("SDXL").vae)))
    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"a\.safetensors.*not those of a VAE"):
        load_vae(tmp_path / "a.safetensors", SDXL, cpu)


def test_a_checkpoint_without_a_vae_is_loaded_without_one(tmp_path: Path, tiny: TinyModels, cpu: Hardware) -> None:
    state = {
        key: tensor for key, tensor in load_file(tiny.ldm("SD 1.x")).items() if not key.startswith("first_stage_model.")
    }
    save_file(state, tmp_path / "model.safetensors")
    assert load_components(read_checkpoint(tmp_path / "model.safetensors"), cpu).vae is None


def test_the_noise_levels_are_those_of_k_diffusion_and_diffusers() -> None:
    from diffusers import DDIMScheduler
    from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

    facts: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    products = DDIMScheduler(**facts).alphas_cumprod
    torch.testing.assert_close(training_sigmas(), ((1 - products) / products).sqrt(), rtol=2e-4, atol=0)
    linear = DDIMScheduler(beta_schedule="linear").alphas_cumprod
    found = training_sigmas(0.0001, 0.02, scaled=False)
    torch.testing.assert_close(found, ((1 - linear) / linear).sqrt(), rtol=2e-4, atol=0)
    betas = rescale_zero_terminal_snr(DDIMScheduler(**facts).betas)
    products = torch.cumprod(1 - betas, 0)[:-1]
    zero = training_sigmas(zero_snr=True)
    torch.testing.assert_close(zero[:-1], ((1 - products) / products).sqrt(), rtol=2e-3, atol=0)
    assert 4000 < zero[-1] < 5000


class AsEpsilon(torch.nn.Module):
    """A network that predicts v, asked for epsilon."""

    def __init__(self, unet: Any, sigma: Tensor) -> None:
        super().__init__()
        self.unet, self.config = unet, unet.config
        self.alpha = 1 / (1 + sigma**2).sqrt()

    def forward(self, x: Tensor, *arguments: Any, **more: Any) -> tuple[Tensor]:
        v = self.unet(x, *arguments, **more)[0]
        return (self.alpha * v + (1 - self.alpha**2).sqrt() * x,)


def test_a_trained_network_tells_what_it_predicts(starter: Path, half_cpu: Hardware) -> None:
    found = load_components(read_checkpoint(starter), half_cpu)
    with torch.no_grad():
        assert tried_prediction(found.unet) == "v_prediction"
        assert tried_prediction(AsEpsilon(found.unet, found.training_sigmas[-1])) == "epsilon"


def test_sd_2_without_a_word_is_asked_and_with_a_word_is_believed(
    tiny: TinyModels, cpu: Hardware, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("modules.diffusion.loading.tried_prediction", lambda unet: "epsilon")
    path = tmp_path / "model.safetensors"
    path.symlink_to(tiny.ldm("SD 2.x"))
    assert load_components(read_checkpoint(path), cpu).prediction_type == "epsilon"
    (tmp_path / "model.yaml").write_text('parameterization: "v"')
    assert load_components(read_checkpoint(path), cpu).prediction_type == "v_prediction"


@pytest.mark.usefixtures("no_network")
def test_the_starter_is_loaded_with_its_own_settings(starter: Path, half_cpu: Hardware) -> None:
    found = load_components(read_checkpoint(starter), half_cpu)
    unet, vae, text = (
        json.loads((starter / part / "config.json").read_text("utf-8")) for part in ("unet", "vae", "text_encoder")
    )
    encoder = found.encoders[0]
    assert found.unet.config.cross_attention_dim == unet["cross_attention_dim"] == text["hidden_size"] < 768
    assert found.latent_scale == vae["scaling_factor"] != 0.18215
    assert encoder.model.config.num_hidden_layers == text["num_hidden_layers"] < 12
    assert encoder.pad_token_id == 49407
    assert found.prediction_type == "v_prediction"
