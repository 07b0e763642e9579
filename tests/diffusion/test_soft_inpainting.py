"""Soft inpainting: what each number means, and the weighted quantiles against a slow count."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modules.diffusion.soft_inpainting import SoftInpainting, window_mean

SOFT = SoftInpainting()
ORIGINAL = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
PAINTED = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6])
def test_where_the_mask_is_black_or_white_one_of_both_is_kept(sigma: float) -> None:
    for value, kept in ((0.0, ORIGINAL), (1.0, PAINTED)):
        mixed = SOFT.blended(ORIGINAL, PAINTED, torch.full((8, 8), value), sigma)
        torch.testing.assert_close(mixed, kept, atol=1e-4, rtol=1e-4)


def test_grey_keeps_the_original_while_there_is_much_noise_and_lets_it_go_at_the_end() -> None:
    def distance(sigma: float, soft: SoftInpainting = SOFT) -> float:
        return float((soft.blended(ORIGINAL, PAINTED, torch.full((8, 8), 0.5), sigma) - ORIGINAL).norm())

    assert distance(14.6) < distance(2.0) < distance(0.03)
    assert distance(2.0, SOFT._replace(preservation=2.0)) < distance(2.0)


def test_what_is_mixed_is_as_long_as_the_longer_one_with_a_strong_boost() -> None:
    long = PAINTED * 3
    mixed = SOFT._replace(contrast_boost=32.0).blended(ORIGINAL, long, torch.full((8, 8), 0.5), 1.0)
    torch.testing.assert_close(
        mixed.norm(dim=1), torch.maximum(ORIGINAL.norm(dim=1), long.norm(dim=1)), rtol=0.06, atol=0
    )


def test_what_shows_is_what_has_changed() -> None:
    changed = ORIGINAL.clone()
    changed[:, :, :, 4:] += 5
    first, _ = SOFT.shown(ORIGINAL, changed, torch.ones(8, 8))
    shown = np.asarray(first)
    assert shown.shape == (8, 8)
    assert (shown[:, 7] > 250).all()
    assert (shown[:, 0] == 0).all()
    nothing, _ = SOFT.shown(ORIGINAL, ORIGINAL, torch.ones(8, 8))
    assert not np.asarray(nothing).any()


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.0), (0.25, 0.75), (0.0, 1.0)])
def test_the_mean_between_two_quantiles(low: float, high: float) -> None:
    values = np.random.default_rng(3).random((6, 7))
    found = window_mean(values, low, high)
    row, column = 1, 5
    pairs = sorted(
        (values[y, x], np.exp(-((y - row) ** 2 + (x - column) ** 2) / 4.5))
        for y in range(max(0, row - 2), row + 3)
        for x in range(column - 2, min(7, column + 3))
    )
    fine = np.linspace(low, high, 20_001)
    ends = np.cumsum([weight for _, weight in pairs]) / sum(weight for _, weight in pairs)
    wanted = np.mean([pairs[min(int(np.searchsorted(ends, point)), len(pairs) - 1)][0] for point in fine])
    assert found[row, column] == pytest.approx(wanted, abs=1e-3)
