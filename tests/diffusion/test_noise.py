"""Seeds and what is drawn from them, against torch and k-diffusion."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from modules.diffusion.noise import ImageNoise, slerp

SHAPE = (4, 8, 12)
ZERO = torch.tensor(0.0)


def drawn(seed: int, count: int = 1) -> list[Tensor]:
    generator = Generator().manual_seed(seed)
    return [torch.randn(SHAPE, generator=generator) for _ in range(count)]


def test_the_first_noise_is_what_torch_draws_on_the_cpu_from_the_seed() -> None:
    assert torch.equal(ImageNoise([5, 9], SHAPE).initial(), torch.stack([*drawn(5), *drawn(9)]))


def test_noise_during_sampling_continues_each_seed() -> None:
    noise, expected = ImageNoise([5], SHAPE), drawn(5, count=3)
    assert torch.equal(noise.initial()[0], expected[0])
    assert torch.equal(noise.gaussian(ZERO, ZERO)[0], expected[1])
    assert torch.equal(noise.initial()[0], expected[0])
    assert torch.equal(noise.gaussian(ZERO, ZERO)[0], expected[2])


def test_an_image_has_the_same_noise_alone_and_in_a_batch() -> None:
    batch, alone = ImageNoise([1, 2, 3], SHAPE), ImageNoise([2], SHAPE)
    sigma, sigma_next = torch.tensor(5.0), torch.tensor(2.0)
    assert torch.equal(batch.initial()[1], alone.initial()[0])
    assert torch.equal(batch.gaussian(sigma, sigma_next)[1], alone.gaussian(sigma, sigma_next)[0])
    assert torch.equal(batch.brownian(0.1, 10)(sigma, sigma_next)[1], alone.brownian(0.1, 10)(sigma, sigma_next)[0])


def test_a_caller_who_writes_into_noise_spoils_nothing() -> None:
    noise = ImageNoise([1], SHAPE)
    before = noise.initial().clone()
    noise.initial().zero_()
    assert torch.equal(noise.initial(), before)


def test_noise_does_not_touch_the_random_state_of_the_process() -> None:
    before = torch.get_rng_state()
    noise = ImageNoise([1], SHAPE, subseeds=[2], subseed_strength=0.5, seed_delta=1)
    noise.gaussian(ZERO, ZERO)
    noise.brownian(0.1, 10)(torch.tensor(5.0), torch.tensor(2.0))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_seed_delta_moves_only_the_noise_of_sampling() -> None:
    noise, plain = ImageNoise([5], SHAPE, seed_delta=31337), ImageNoise([5], SHAPE)
    sigma, sigma_next = torch.tensor(5.0), torch.tensor(2.0)
    assert torch.equal(noise.initial(), plain.initial())
    assert torch.equal(noise.gaussian(ZERO, ZERO)[0], drawn(5 + 31337)[0])
    assert torch.equal(noise.brownian(0.1, 10)(sigma, sigma_next), plain.brownian(0.1, 10)(sigma, sigma_next))


def test_a_variation_goes_from_one_seed_to_the_other() -> None:
    def varied(strength: float) -> Tensor:
        return ImageNoise([5], SHAPE, subseeds=[6], subseed_strength=strength).initial()[0]

    assert torch.equal(varied(0), drawn(5)[0])
    torch.testing.assert_close(varied(1), drawn(6)[0])
    assert float((varied(0.1) - drawn(5)[0]).norm()) < float((varied(0.2) - drawn(5)[0]).norm())


def test_a_variation_is_as_loud_as_noise() -> None:
    middle = ImageNoise([5], (4, 64, 64), subseeds=[6], subseed_strength=0.5).initial()
    assert float(middle.std()) == pytest.approx(1, abs=0.03)


def test_a_variation_on_the_same_seed_changes_nothing() -> None:
    varied = ImageNoise([5], SHAPE, subseeds=[5], subseed_strength=0.3).initial()[0]
    torch.testing.assert_close(varied, drawn(5)[0])


def test_slerp_turns_by_the_share_of_the_angle() -> None:
    x, y = torch.tensor([1.0, 0.0]).reshape(1, 2, 1), torch.tensor([0.0, 1.0]).reshape(1, 2, 1)
    third = slerp(x, y, 1 / 3).flatten()
    torch.testing.assert_close(third, torch.tensor([3**0.5 / 2, 0.5]))


@pytest.mark.filterwarnings("ignore:Should have")  # theirs asks torchsde beyond its rounded ends
def test_brownian_noise_equals_that_of_k_diffusion(k_diffusion: Any) -> None:
    sigmas = torch.tensor([14.6, 5.25, 1.5, 0.4, 0.03])
    theirs = k_diffusion.sampling.BrownianTreeNoiseSampler(
        torch.zeros(2, *SHAPE), sigmas.min(), sigmas.max(), seed=[5, 9]
    )
    ours = ImageNoise([5, 9], SHAPE).while_sampling("brownian", torch.cat([sigmas, torch.zeros(1)]))
    for sigma, sigma_next in [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 0)]:
        torch.testing.assert_close(ours(sigmas[sigma], sigmas[sigma_next]), theirs(sigmas[sigma], sigmas[sigma_next]))


def test_brownian_half_steps_add_up_to_the_whole() -> None:
    motion = ImageNoise([5], SHAPE).brownian(0.1, 10)
    high, middle, low = torch.tensor(9.0), torch.tensor(4.0), torch.tensor(1.0)
    halves = motion(high, middle) * 5**0.5 + motion(middle, low) * 3**0.5
    torch.testing.assert_close(halves, motion(high, low) * 8**0.5, rtol=1e-4, atol=1e-4)


def test_noise_comes_in_the_dtype_that_was_asked_for() -> None:
    noise = ImageNoise([5], SHAPE, dtype=torch.float64)
    sigma, sigma_next = torch.tensor(5.0), torch.tensor(2.0)
    assert noise.initial().dtype == torch.float64
    assert noise.gaussian(sigma, sigma_next).dtype == torch.float64
    assert noise.brownian(0.1, 10)(sigma, sigma_next).dtype == torch.float64
    assert torch.equal(noise.initial().float(), ImageNoise([5], SHAPE).initial())


@pytest.mark.parametrize(
    ("inner", "there", "here"),
    [
        ((8, 8), (slice(0, 8), slice(0, 8)), (slice(0, 8), slice(2, 10))),
        ((6, 12), (slice(0, 6), slice(0, 12)), (slice(1, 7), slice(0, 12))),
        ((12, 16), (slice(2, 10), slice(2, 14)), (slice(0, 8), slice(0, 12))),
    ],
)
def test_a_resized_seed_has_the_noise_of_the_other_size_in_its_middle(
    inner: tuple[int, int], there: tuple[slice, slice], here: tuple[slice, slice]
) -> None:
    other = ImageNoise([5], (4, *inner)).initial()[0]
    resized = ImageNoise([5], SHAPE, resized_from=inner).initial()[0]
    assert torch.equal(resized[(slice(None), *here)], other[(slice(None), *there)])
    outside = torch.ones(SHAPE, dtype=torch.bool)
    outside[(slice(None), *here)] = False
    assert torch.equal(resized[outside], drawn(5)[0][outside])


def test_a_seed_resized_from_its_own_size_is_itself() -> None:
    assert torch.equal(ImageNoise([5], SHAPE, resized_from=(8, 12)).initial(), ImageNoise([5], SHAPE).initial())
