"""NVIDIA's random numbers, against the vectors of Philox's authors and numbers that a CUDA device printed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from modules.diffusion.noise import ImageNoise
from modules.diffusion.philox import PhiloxNormals, philox_4x32

SHAPE = (4, 8, 8)
ONES = 0xFFFFFFFF
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
"""`philox4x32 10` of `kat_vectors` in Random123, the library of Salmon et al. (2011)."""
PRINTED_BY_CUDA = [
    [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284],
    [-1.0745, -0.3631, -1.6711, 2.2655, 0.3117, -0.1842, 1.2866, 1.1820],
    [-0.1271, 1.2169, 1.4353, 1.0605, -0.4941, -1.4244, -0.7244, -1.2973],
    [0.0697, -0.0074, 1.8969, 0.6878, -0.0779, -0.8373, 1.3506, -0.2879],
    [-0.5965, -0.3283, -0.9086, -0.8059, -0.7407, -0.0504, 0.5435, 1.5150],
    [0.0141, 0.4532, 1.6349, 0.7124, -0.1806, 1.0252, -1.4622, -0.7554],
    [-0.1836, 0.3824, 0.3918, -0.0830, 0.8971, -1.1123, 0.1116, 0.4863],
    [-0.5499, -0.3231, -0.5469, 0.9049, 0.2837, 0.1210, 0.4730, -1.0823],
]
"""torch 2.2's randn of seed 0 on cuda:0, from the notes on torch.compile and Triton of the CUDA MODE lectures; the
first twelve are also in the docstring of A1111's modules/rng_philox.py."""
ZERO = torch.tensor(0.0)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_the_answers_of_its_authors(
    counter: tuple[int, ...], key: tuple[int, int], answer: tuple[int, ...]
) -> None:
    together = np.array([counter, (1, 2, 3, 4)], dtype=np.uint64).T
    assert tuple(int(word) for word in philox_4x32(together, key)[:, 0]) == answer


def test_the_numbers_are_those_that_cuda_printed() -> None:
    drawn = PhiloxNormals(0).draw((8, 8))
    torch.testing.assert_close(drawn, torch.tensor(PRINTED_BY_CUDA), rtol=0, atol=6e-5)
    assert drawn.dtype == torch.float32


def test_the_next_numbers_are_others_and_large_seeds_count_wholly() -> None:
    one = PhiloxNormals(7)
    assert not torch.equal(one.draw((4,)), one.draw((4,)))
    assert not torch.equal(PhiloxNormals(7).draw((4,)), PhiloxNormals(7 + 2**32).draw((4,)))
    assert torch.equal(PhiloxNormals(7).draw((4,)), PhiloxNormals(7 + 2**64).draw((4,)))


def test_the_numbers_are_normally_distributed() -> None:
    drawn = PhiloxNormals(3).draw((4, 128, 128))
    assert abs(float(drawn.mean())) < 0.015
    assert float(drawn.std()) == pytest.approx(1, abs=0.01)
    assert float((drawn.abs() < 1).float().mean()) == pytest.approx(0.6827, abs=0.006)


def drawn_by_hand(seed: int, calls: int) -> list[Tensor]:
    stream = PhiloxNormals(seed)
    return [stream.draw(SHAPE) for _ in range(calls)]


def test_a_pictures_noise_is_nvidias_from_first_to_last() -> None:
    noise, expected = ImageNoise([5, 9], SHAPE, source="NV"), drawn_by_hand(9, 3)
    assert torch.equal(noise.initial()[1], expected[0])
    assert torch.equal(noise.gaussian(ZERO, ZERO)[1], expected[1])
    assert torch.equal(noise.gaussian(ZERO, ZERO)[1], expected[2])
    shifted = ImageNoise([5, 9], SHAPE, source="NV", seed_delta=4)
    assert torch.equal(shifted.gaussian(ZERO, ZERO)[0], expected[0])


def test_variations_and_resized_seeds_are_made_of_it_too() -> None:
    varied = ImageNoise([5], SHAPE, subseeds=[9], subseed_strength=1.0, source="NV")
    torch.testing.assert_close(varied.initial()[0], drawn_by_hand(9, 1)[0])
    resized = ImageNoise([5], SHAPE, resized_from=(4, 8), source="NV").initial()[0]
    assert torch.equal(resized[:, 2:6], PhiloxNormals(5).draw((4, 4, 8)))


def test_brownian_motion_is_grown_from_it_and_torchsde_is_as_it_was() -> None:
    high, low = torch.tensor(9.0), torch.tensor(1.0)
    nv, cpu = (ImageNoise([5], SHAPE, source=source).brownian(0.1, 10) for source in ("NV", "CPU"))
    before = cpu(high, low)
    steps = nv(high, low), nv(high, torch.tensor(4.0)), nv(torch.tensor(4.0), low)
    assert not torch.allclose(steps[0], before)
    torch.testing.assert_close(steps[1] * 5**0.5 + steps[2] * 3**0.5, steps[0] * 8**0.5, rtol=1e-4, atol=1e-4)
    assert torch.equal(ImageNoise([5], SHAPE).brownian(0.1, 10)(high, low), before)


def test_without_a_card_of_its_own_gpu_is_the_cpus_generator() -> None:
    assert torch.equal(ImageNoise([5], SHAPE, source="GPU").initial(), ImageNoise([5], SHAPE).initial())
