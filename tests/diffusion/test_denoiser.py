"""Guidance around a network, against k-diffusion's wrappers and by counting the network's calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import (
    Composed,
    Guidance,
    PredictionType,
    PromptPart,
    check_finite,
    start_from_latents,
    start_from_noise,
)
from modules.diffusion.errors import NotANumberError
from modules.diffusion.noise import ImageNoise
from modules.diffusion.samplers import SAMPLERS

SHAPE = (4, 8, 8)
SIGMA = torch.tensor(2.345, dtype=torch.float64)
WRAPPERS: dict[PredictionType, tuple[str, str]] = {
    "epsilon": ("DiscreteEpsDDPMDenoiser", "get_eps"),
    "v_prediction": ("DiscreteVDDPMDenoiser", "get_v"),
}
Toy = Callable[..., Any]
Words = Callable[..., Conditioning]


@pytest.fixture
def x() -> Tensor:
    return 3 * ImageNoise([1, 2, 3], SHAPE, dtype=torch.float64).initial()


@pytest.mark.parametrize("sigma", [0.01, 0.0292, 0.5, 2.345, 14.6, 20.0])
@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_network_is_wrapped_as_in_k_diffusion(
    k_diffusion: Any, alphas_cumprod: Tensor, toy: Toy, words: Words, x: Tensor, kind: PredictionType, sigma: float
) -> None:
    network, prompts = toy(prediction_type=kind), [words(0.1), words(0.2), words(0.3)]
    wrapper = getattr(k_diffusion.external, WRAPPERS[kind][0])
    theirs = wrapper(lambda x, t: network.predict(x, t, prompts), alphas_cumprod, quantize=False)
    ours = Guidance(network, prompts, [], cfg_scale=1)
    level = torch.tensor(sigma, dtype=torch.float64)
    torch.testing.assert_close(ours(x, level), theirs(x, level.expand(3)))
    assert network.calls[0][1].tolist() == pytest.approx(network.calls[1][1].tolist())


@pytest.mark.parametrize("kind", WRAPPERS)
def test_guidance_goes_from_the_negative_past_the_positive(
    toy: Toy, words: Words, x: Tensor, kind: PredictionType
) -> None:
    network, yes, no = toy(prediction_type=kind), [words(0.4)] * 3, [words(-0.1)] * 3
    positive, negative = Guidance(network, yes, [], 1)(x, SIGMA), Guidance(network, no, [], 1)(x, SIGMA)
    guided = Guidance(network, yes, no, 7.5)(x, SIGMA)
    torch.testing.assert_close(guided, negative + 7.5 * (positive - negative))
    torch.testing.assert_close(Guidance(network, yes, no, 0)(x, SIGMA), negative)


def test_at_scale_one_the_negative_prompt_costs_nothing(toy: Toy, words: Words, x: Tensor) -> None:
    network = toy()
    Guidance(network, [words(0.4)] * 3, [words(-0.1)] * 3, 1)(x, SIGMA)
    assert [len(seen) for seen, _ in network.calls] == [3]


@pytest.mark.parametrize(
    ("exact", "chunks", "sizes"),
    [
        (False, (1, 1, 1), [6]),
        (True, (1, 1, 1), [2, 2, 2]),
        (False, (1, 2, 1), [5, 1]),
        (True, (1, 2, 1), [2, 1, 2, 1]),
        (False, (2, 2, 2), [3, 3]),
        (True, (2, 2, 2), [1, 1, 1, 1, 1, 1]),
    ],
)
def test_prompts_of_one_length_go_to_the_network_together(
    toy: Toy, words: Words, x: Tensor, exact: bool, chunks: tuple[int, ...], sizes: list[int]
) -> None:
    network = toy(exact_batches=exact)
    yes = [words(0.1 * image, count) for image, count in enumerate(chunks)]
    denoised = Guidance(network, yes, [words(-0.1)] * 3, 7)(x, SIGMA)
    assert [len(seen) for seen, _ in network.calls] == sizes
    for image, prompt in enumerate(yes):
        alone = Guidance(toy(), [prompt], [words(-0.1)], 7)(x[image : image + 1], SIGMA)
        torch.testing.assert_close(denoised[image : image + 1], alone)


def test_with_exact_batches_the_network_sees_the_same_tensors_alone_and_in_a_batch(
    toy: Toy, words: Words, x: Tensor
) -> None:
    batch, alone = toy(exact_batches=True), toy(exact_batches=True)
    Guidance(batch, [words(0.1)] * 3, [words(0)] * 3, 7)(x, SIGMA)
    Guidance(alone, [words(0.1)], [words(0)], 7)(x[1:2], SIGMA)
    assert torch.equal(batch.calls[1][0], alone.calls[0][0])
    assert torch.equal(batch.calls[1][1], alone.calls[0][1])


def test_an_inpainting_network_sees_mask_and_picture_unscaled_beside_x(toy: Toy, words: Words, x: Tensor) -> None:
    network, inpaint = toy(), torch.rand(3, 5, 8, 8)
    denoised = Guidance(network, [words(0.1)] * 3, [words(0)] * 3, 7, inpaint)(x, SIGMA)
    seen = network.calls[0][0]
    assert seen.shape == (6, 9, 8, 8)
    torch.testing.assert_close(seen[:3, :4], x / (SIGMA**2 + 1).sqrt())
    assert torch.equal(seen[:3, 4:], inpaint.double())
    assert torch.equal(seen[3:], seen[:3])
    assert denoised.shape == x.shape


def test_prompts_may_change_between_two_steps(toy: Toy, words: Words, x: Tensor) -> None:
    guidance = Guidance(toy(), [words(0.1)] * 3, [words(0)] * 3, 7)
    first = guidance(x, SIGMA)
    guidance.positive = [words(0.9)] * 3
    changed = Guidance(toy(), [words(0.9)] * 3, [words(0)] * 3, 7)(x, SIGMA)
    assert not torch.allclose(guidance(x, SIGMA), first)
    torch.testing.assert_close(guidance(x, SIGMA), changed)


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_several_prompts_pull_as_in_composable_diffusion(toy: Toy, words: Words, x: Tensor, scale: float) -> None:
    network, away = toy(), [words(-0.1)] * 3
    a, b, no = (Guidance(toy(), [words(value)] * 3, [], 1)(x, SIGMA) for value in (0.4, -0.7, -0.1))
    together = [[PromptPart(words(0.4), 0.8), PromptPart(words(-0.7, 2), -0.3)]] * 3
    expected = no + scale * (0.8 * (a - no) - 0.3 * (b - no))
    torch.testing.assert_close(Guidance(network, together, away, scale)(x, SIGMA), expected)


def test_a_part_of_weight_zero_changes_nothing_and_costs_nothing(toy: Toy, words: Words, x: Tensor) -> None:
    network, alone = toy(), toy()
    with_zero = [[PromptPart(words(0.4), 1.0), PromptPart(words(-0.7), 0.0)]] * 3
    found = Guidance(network, with_zero, [words(-0.1)] * 3, 7)(x, SIGMA)
    assert torch.equal(found, Guidance(alone, [words(0.4)] * 3, [words(-0.1)] * 3, 7)(x, SIGMA))
    assert [len(seen) for seen, _ in network.calls] == [len(seen) for seen, _ in alone.calls]


def test_images_of_a_batch_may_have_different_numbers_of_parts(toy: Toy, words: Words, x: Tensor) -> None:
    halves = [PromptPart(words(0.2), 0.5), PromptPart(words(0.3), 0.5)]
    prompts: list[Composed] = [words(0.1), halves, [PromptPart(words(0.4), 0.0)]]
    denoised = Guidance(toy(), prompts, [words(-0.1)] * 3, 7)(x, SIGMA)
    for image, prompt in enumerate(prompts):
        alone = Guidance(toy(), [prompt], [words(-0.1)], 7)(x[image : image + 1], SIGMA)
        torch.testing.assert_close(denoised[image : image + 1], alone)


def test_weights_that_make_one_with_the_scale_need_no_negative_prompt(toy: Toy, words: Words, x: Tensor) -> None:
    network = toy()
    halves = [[PromptPart(words(0.2), 0.25), PromptPart(words(0.4), 0.25)]] * 3
    Guidance(network, halves, [words(-0.1)] * 3, 2)(x, SIGMA)
    assert [len(seen) for seen, _ in network.calls] == [6]


def test_nan_and_infinity_are_told_to_the_person() -> None:
    check_finite(torch.ones(2))
    for bad in (float("nan"), float("inf")):
        with pytest.raises(NotANumberError, match="NaN"):
            check_finite(torch.tensor([1.0, bad]))


def test_sampling_starts_from_noise_of_the_first_sigma(x: Tensor) -> None:
    sigmas = torch.tensor([10.0, 1.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(start_from_noise(SAMPLERS["Euler"], x, sigmas), x * 10)
    torch.testing.assert_close(start_from_noise(SAMPLERS["DDIM"], x, sigmas), x * 101**0.5)
    torch.testing.assert_close(start_from_latents(x, torch.ones_like(x), sigmas), x + 10)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_rescaled_guidance_is_that_of_diffusers(toy: Toy, words: Words, x: Tensor, share: float) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    network, yes, no = toy(), [words(0.4), words(0.1), words(0.7)], [words(-0.1)] * 3

    def output(guidance: Guidance) -> Tensor:
        return (x - guidance(x, SIGMA)) / SIGMA  # epsilon back from what is denoised

    plain, guided = output(Guidance(network, yes, [], 1)), output(Guidance(network, yes, no, 7.5))
    ours = output(Guidance(network, yes, no, 7.5, rescale=share))
    torch.testing.assert_close(ours, rescale_noise_cfg(guided, plain, share))
    assert not torch.allclose(ours, guided)


def test_without_the_negative_prompt_a_step_costs_half_and_says_what_the_prompt_says(
    toy: Toy, words: Words, x: Tensor
) -> None:
    network, yes, no = toy(), [words(0.4)] * 3, [words(-0.1)] * 3
    guidance = Guidance(network, yes, no, 7.5)
    guidance.without_negative = True
    torch.testing.assert_close(guidance(x, SIGMA), Guidance(toy(), yes, [], 1)(x, SIGMA))
    assert [len(seen) for seen, _ in network.calls] == [3]
    guidance.without_negative = False
    guidance(x, SIGMA)
    assert [len(seen) for seen, _ in network.calls] == [3, 6]


def test_a_sampler_that_looks_at_the_negative_prompt_always_gets_it(toy: Toy, words: Words, x: Tensor) -> None:
    network = toy()
    guidance = Guidance(network, [words(0.4)] * 3, [words(-0.1)] * 3, 1, always_negative=True)
    guidance.without_negative = True
    guidance(x, SIGMA)
    assert [len(seen) for seen, _ in network.calls] == [6]
    assert guidance.unconditional is not None


@pytest.mark.parametrize("kind", WRAPPERS)
def test_each_prompt_may_be_asked_at_a_noise_level_of_its_own_as_in_k_diffusion(
    k_diffusion: Any, alphas_cumprod: Tensor, toy: Toy, words: Words, x: Tensor, kind: PredictionType
) -> None:
    network, yes, no = toy(prediction_type=kind), [words(0.4)] * 3, [words(-0.1)] * 3
    wrapper = getattr(k_diffusion.external, WRAPPERS[kind][0])
    theirs = wrapper(lambda x, t: network.predict(x, t, [*yes, *no]), alphas_cumprod, quantize=False)
    guidance = Guidance(network, yes, no, 7.5)
    guidance.levels = SIGMA * torch.tensor([0.9, 0.9, 0.9, 1.0, 1.1, 1.2], dtype=torch.float64)
    positive, negative = theirs(torch.cat([x, x]), guidance.levels).chunk(2)
    torch.testing.assert_close(guidance(x, SIGMA), negative + 7.5 * (positive - negative))
    guidance.levels = None
    torch.testing.assert_close(guidance(x, SIGMA), Guidance(network, yes, no, 7.5)(x, SIGMA), rtol=0, atol=0)


@pytest.mark.parametrize("kind", WRAPPERS)
def test_answers_may_be_changed_before_they_are_joined(toy: Toy, words: Words, x: Tensor, kind: PredictionType) -> None:
    network, yes, no = toy(prediction_type=kind), [words(0.4)] * 3, [words(-0.1)] * 3
    guidance, plain = Guidance(network, yes, no, 7.5), Guidance(network, yes, no, 7.5)
    guidance.answered = lambda rows: rows
    torch.testing.assert_close(guidance(x, SIGMA), plain(x, SIGMA), rtol=0, atol=0)
    guidance.answered = lambda rows: rows * 0.5
    torch.testing.assert_close(guidance(x, SIGMA), plain(x, SIGMA) * 0.5)
