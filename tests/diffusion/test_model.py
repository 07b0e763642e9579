"""One checkpoint at work: prompts, pictures, the network's answer, and what happens to NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import Guidance, Predictor
from modules.diffusion.errors import NotANumberError
from modules.diffusion.hardware import Hardware
from modules.diffusion.model import Model
from tests.diffusion.conftest import Ready
from tests.tiny import KINDS, TinyModels


@pytest.fixture(scope="session")
def half_starter(ready: Ready, starter: Path, half_cpu: Hardware) -> Model:
    """The starter as people run it on a CPU that has bfloat16; tests leave it as it was."""
    return ready(starter, half_cpu)


def conditioning_of(model: Model, *texts: str, **options: Any) -> list[Conditioning]:
    return model.encode_prompts(texts, clip_skip=1, width=64, height=64, **options)


def draw(model: Model, prompt: str, seed: int, steps: int = 12) -> Tensor:
    """(1, 3, 128, 128): a picture by Euler's method over the trained noise levels."""
    guidance = Guidance(model, conditioning_of(model, prompt), conditioning_of(model, ""), 5.0)
    chosen = torch.linspace(999, 0, steps).round().long()
    sigmas = torch.cat([model.training_sigmas[chosen], torch.zeros(1)])
    noise = torch.randn(1, *model.latent_shape(128, 128), generator=torch.Generator().manual_seed(seed))
    x = noise * sigmas[0]
    with torch.inference_mode():
        for sigma, after in pairwise(sigmas):
            x = x + (x - guidance(x, sigma)) / sigma * (after - sigma)
        return model.decode(x)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("prompt", "strongest", "weakest"), [("red heart", 0, 1), ("green heart", 1, 0), ("blue heart", 2, 0)]
)
def test_the_starter_draws_what_it_is_told(prompt: str, strongest: int, weakest: int, half_starter: Model) -> None:
    middle = draw(half_starter, prompt, seed=1)[0, :, 48:80, 48:80].mean((1, 2))
    assert middle.argmax() == strongest
    assert middle[strongest] - middle[weakest] > 0.5


def test_a_model_is_what_the_denoiser_wants(half_starter: Model) -> None:
    predictor: Predictor = half_starter
    assert predictor.exact_batches
    assert predictor.prediction_type == "v_prediction"
    assert predictor.training_sigmas.shape == (1000,)
    assert bool((predictor.training_sigmas.diff() > 0).all())


@pytest.mark.parametrize("family", list(KINDS))
@pytest.mark.parametrize("layout", ["ldm", "diffusers"])
def test_every_family_predicts_encodes_and_decodes(family: str, layout: str, tiny: TinyModels, ready: Ready) -> None:
    model = ready(getattr(tiny, layout)(family))
    channels, height, width = model.latent_shape(64, 96)
    assert (channels, height, width) == (4, 12, 8)
    x = torch.randn(2, 9 if model.has_inpaint_channels else 4, height, width)
    answer = model.predict(x, torch.tensor([1.5, 900.0]), conditioning_of(model, "a (red:1.3) cat", "dog"))
    assert answer.shape == (2, 4, height, width)
    assert answer.dtype == torch.float32
    assert bool(torch.isfinite(answer).all())
    assert model.has_inpaint_channels == ("inpainting" in family)
    pixels = model.decode(answer)
    assert pixels.shape == (2, 3, 96, 64)
    assert model.encode(pixels).shape == (2, 4, height, width)


def test_what_a_prompt_says_reaches_the_network(tiny: TinyModels, ready: Ready) -> None:
    for family in ("SD 1.x", "SD 2.x", "SDXL"):
        model = ready(tiny.ldm(family))
        x, time = torch.randn(1, 4, 8, 8), torch.tensor([500.0])
        answers = [model.predict(x, time, conditioning_of(model, text)) for text in ("a cat", "a dog")]
        assert not torch.equal(*answers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pictures_are_the_same_alone_and_in_a_batch(
    dtype: torch.dtype, starter: Path, ready: Ready, cpu: Hardware
) -> None:
    model = ready(starter, replace(cpu, dtype=dtype, vae_dtype=dtype))
    latents = torch.randn(3, *model.latent_shape(128, 128))
    together = model.decode(latents)
    assert all(torch.equal(together[index : index + 1], model.decode(latents[index : index + 1])) for index in range(3))
    encoded = model.encode(together)
    assert all(torch.equal(encoded[index : index + 1], model.encode(together[index : index + 1])) for index in range(3))


def test_a_picture_survives_its_way_through_the_latents(half_starter: Model) -> None:
    picture = draw(half_starter, "red heart", seed=3)
    again = half_starter.decode(half_starter.encode(picture))
    assert (again - picture).abs().mean() < 0.1
    assert again.abs().max() <= 1


def test_decoded_pixels_are_never_out_of_range(half_starter: Model) -> None:
    pixels = half_starter.decode(100 * torch.randn(1, 4, 8, 8))
    assert (float(pixels.min()), float(pixels.max())) == (-1, 1)


# SDXL's numbers


def test_sdxl_is_told_the_size_rows_first(tiny: TinyModels, ready: Ready) -> None:
    model = ready(tiny.ldm("SDXL"))
    (found,) = model.encode_prompts(["a cat"], clip_skip=1, width=832, height=1216)
    assert found.time_ids is not None
    assert found.time_ids.tolist() == [1216, 832, 0, 0, 1216, 832]
    assert found.embeds.shape == (77, 128)
    assert found.pooled is not None
    assert found.pooled.shape == (64,)


def test_the_refiner_is_told_a_score_that_depends_on_the_side(tiny: TinyModels, ready: Ready) -> None:
    model = ready(tiny.ldm("SDXL refiner"))
    for negative, score in ((False, 6.0), (True, 2.5)):
        (found,) = model.encode_prompts(["a cat"], clip_skip=1, width=832, height=1216, negative=negative)
        assert found.time_ids is not None
        assert found.time_ids.tolist() == [1216, 832, 0, 0, score]


def test_sdxl_sees_zeros_where_there_is_no_negative_prompt(tiny: TinyModels, ready: Ready) -> None:
    model = ready(tiny.ldm("SDXL"))
    (empty,) = conditioning_of(model, " ", negative=True)
    assert empty.pooled is not None
    assert not empty.embeds.any()
    assert not empty.pooled.any()
    for texts, negative in (((" ",), False), (("ugly",), True)):
        assert conditioning_of(model, *texts, negative=negative)[0].embeds.any()


def test_other_families_have_no_such_numbers_and_encode_an_empty_negative(half_starter: Model) -> None:
    (found,) = conditioning_of(half_starter, "", negative=True)
    assert found.time_ids is None
    assert found.embeds.any()


# float32 and NaN


def weights_of(model: Model) -> dict[str, Tensor]:
    networks = {"unet": model.unet, "vae": model.vae, "text": model.text_encoders[0].model}
    return {f"{part}.{name}": tensor for part, net in networks.items() for name, tensor in net.state_dict().items()}


@contextmanager
def gives_back(model: Model) -> Iterator[None]:
    """The same tensors in the same memory, bit for bit, after the block."""
    before = {name: (tensor.data_ptr(), tensor.clone()) for name, tensor in weights_of(model).items()}
    formats = model.dtype, model.vae_dtype
    yield
    after = weights_of(model)
    assert (model.dtype, model.vae_dtype) == formats
    assert after.keys() == before.keys()
    assert all(tensor.data_ptr() == before[name][0] for name, tensor in after.items())
    assert all(torch.equal(tensor, before[name][1]) for name, tensor in after.items())


@pytest.mark.parametrize("inference", [False, True])
def test_in_float32_computes_in_float32_and_gives_the_same_weights_back(inference: bool, half_starter: Model) -> None:
    x, time = torch.randn(1, 4, 16, 16), torch.tensor([500.0])
    with gives_back(half_starter), torch.inference_mode(inference):
        words = conditioning_of(half_starter, "red heart")
        rough = half_starter.predict(x, time, words)
        with half_starter.in_float32():
            assert {tensor.dtype for tensor in weights_of(half_starter).values()} == {torch.float32}
            fine = half_starter.predict(x, time, words)
            reference = half_starter.unet(x, time, encoder_hidden_states=words[0].embeds[None]).sample
            half_starter.decode(x)
    assert torch.equal(fine, reference)
    assert 0 < (fine - rough).abs().max() < 0.2


def test_in_float32_gives_back_after_an_error(half_starter: Model) -> None:
    with gives_back(half_starter), pytest.raises(ZeroDivisionError), half_starter.in_float32():
        raise ZeroDivisionError


def test_in_float32_costs_nothing_where_all_is_float32(tiny: TinyModels, ready: Ready) -> None:
    model = ready(tiny.ldm("SD 1.x"))
    before = model.unet.conv_in.weight.data_ptr()
    with model.in_float32():
        assert model.unet.conv_in.weight.data_ptr() == before


class FaultyVae:
    """Decodes to and encodes from `value` unless it is asked in one of the formats that work."""

    def __init__(self, model: Model, value: float, *works: torch.dtype) -> None:
        self.real, self.value, self.works = (model.vae.decode, model.vae.encode), value, works
        self.asked: list[torch.dtype] = []

    def decode(self, latent: Tensor, **options: Any) -> Any:
        self.asked.append(latent.dtype)
        (pixels,) = self.real[0](latent, **options)
        return (pixels if latent.dtype in self.works else torch.full_like(pixels, self.value),)

    def encode(self, pixels: Tensor) -> Any:
        self.asked.append(pixels.dtype)
        found = self.real[1](pixels)
        found.latent_dist.mean = found.latent_dist.mean * (1 if pixels.dtype in self.works else self.value)
        return found


@pytest.fixture
def faulty(half_starter: Model, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FaultyVae]:
    """Makes the starter's VAE fail."""

    def install(value: float, *works: torch.dtype) -> FaultyVae:
        vae = FaultyVae(half_starter, value, *works)
        monkeypatch.setattr(half_starter.vae, "decode", vae.decode)
        monkeypatch.setattr(half_starter.vae, "encode", vae.encode)
        return vae

    return install


NAN = float("nan")


@pytest.mark.parametrize("value", [NAN, float("inf"), -1.0, -5.0])
def test_a_vae_that_fails_is_asked_once_more_in_float32(
    value: float, half_starter: Model, faulty: Callable[..., FaultyVae]
) -> None:
    vae = faulty(value, torch.float32)
    with gives_back(half_starter):
        pixels = half_starter.decode(torch.zeros(1, 4, 8, 8))
    assert vae.asked == [torch.bfloat16, torch.float32]
    assert bool(torch.isfinite(pixels).all())
    assert bool((pixels > -1).any())


@pytest.mark.parametrize("value", [NAN, -1.0])
def test_a_vae_that_fails_in_float32_too_is_an_error_and_no_black_picture(
    value: float, half_starter: Model, faulty: Callable[..., FaultyVae]
) -> None:
    vae = faulty(value)
    with gives_back(half_starter), pytest.raises(NotANumberError, match="starter"):
        half_starter.decode(torch.zeros(1, 4, 8, 8))
    assert vae.asked == [torch.bfloat16, torch.float32]


def test_encoding_is_tried_again_too(half_starter: Model, faulty: Callable[..., FaultyVae]) -> None:
    vae = faulty(NAN, torch.float32)
    assert bool(torch.isfinite(half_starter.encode(torch.zeros(1, 3, 64, 64))).all())
    assert vae.asked == [torch.bfloat16, torch.float32]
    faulty(NAN)
    with pytest.raises(NotANumberError):
        half_starter.encode(torch.zeros(1, 3, 64, 64))


def test_in_float32_there_is_no_second_try(half_starter: Model, faulty: Callable[..., FaultyVae]) -> None:
    vae = faulty(NAN)
    with half_starter.in_float32(), pytest.raises(NotANumberError):
        half_starter.decode(torch.zeros(1, 4, 8, 8))
    assert vae.asked == [torch.float32]


@pytest.mark.parametrize("value", [NAN, float("inf")])
def test_latents_that_are_no_numbers_are_an_error(value: float, half_starter: Model) -> None:
    with pytest.raises(NotANumberError, match="latents"):
        half_starter.decode(torch.full((1, 4, 8, 8), value))


# Offload. The hooks run with the CPU as the device: that parts come, go and stay whole is tested here, that memory of a
# GPU is saved is not.


@pytest.mark.parametrize("offload", ["medvram", "lowvram"])
@pytest.mark.parametrize("family", ["SD 1.x", "SDXL"])
def test_an_offloaded_model_computes_the_same_and_comes_back_whole(
    offload: Any, family: str, tiny: TinyModels, ready: Ready, cpu: Hardware
) -> None:
    resident, moved = ready(tiny.ldm(family)), ready(tiny.ldm(family), replace(cpu, offload=offload))
    x, time = torch.randn(1, 4, 8, 8), torch.tensor([300.0])
    for _ in range(2):
        words, other = (conditioning_of(model, "a cat") for model in (resident, moved))
        assert torch.equal(words[0].embeds, other[0].embeds)
        answer = moved.predict(x, time, other)
        assert torch.equal(resident.predict(x, time, words), answer)
        assert torch.equal(resident.decode(answer), moved.decode(answer))
        assert torch.equal(resident.encode(resident.decode(answer)), moved.encode(moved.decode(answer)))
        moved.placement.leave()
        expected = weights_of(resident)
        assert all(torch.equal(tensor, expected[name]) for name, tensor in weights_of(moved).items())
        assert not any(hasattr(module, "_hf_hook") for module in moved.unet.modules())
        moved.placement.enter()


@pytest.mark.parametrize("offload", ["medvram", "lowvram"])
def test_an_offloaded_model_runs_in_float32_and_gives_back(
    offload: Any, tiny: TinyModels, ready: Ready, half_cpu: Hardware
) -> None:
    resident, moved = ready(tiny.ldm("SD 1.x"), half_cpu), ready(tiny.ldm("SD 1.x"), replace(half_cpu, offload=offload))
    x, time = torch.randn(1, 4, 8, 8), torch.tensor([300.0])
    answers = []
    for model in (resident, moved):
        with model.in_float32():
            words = conditioning_of(model, "a cat")
            answers += [model.predict(x, time, words), model.decode(x)]
        answers.append(model.predict(x, time, words))
    assert all(torch.equal(answers[index], answers[index + 3]) for index in range(3))
    moved.placement.leave()
    expected = weights_of(resident)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights_of(moved).items())


def test_with_lowvram_the_networks_weights_are_away_between_calls(
    tiny: TinyModels, ready: Ready, cpu: Hardware
) -> None:
    model = ready(tiny.ldm("SD 1.x"), replace(cpu, offload="lowvram"))
    model.predict(torch.randn(1, 4, 8, 8), torch.tensor([300.0]), conditioning_of(model, "a cat"))
    assert all(tensor.is_meta for tensor in model.unet.parameters())
    model.placement.leave()
    assert not any(tensor.is_meta for tensor in model.unet.parameters())
