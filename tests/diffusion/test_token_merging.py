"""Token merging against the program of its authors, tomesd."""

from __future__ import annotations

from typing import Any

import pytest
import tomesd
import torch
from torch import Tensor

from modules.diffusion.token_merging import match, merged_tokens
from tests.tiny import networks, state_of

SIZES = [(8, 8), (6, 10), (7, 9)]


def tokens(height: int, width: int, batch: int = 2) -> Tensor:
    return torch.randn(batch, height * width, 24, generator=torch.Generator().manual_seed(height), dtype=torch.float64)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.75, 0.9])
def test_merging_and_unmerging_give_what_the_authors_program_gives(height: int, width: int, ratio: float) -> None:
    x = tokens(height, width)
    ours = match(x, height, width, ratio)
    merge, unmerge = tomesd.merge.bipartite_soft_matching_random2d(
        x, width, height, 2, 2, int(height * width * ratio), no_rand=True
    )
    fewer, theirs = ours.merge(x), merge(x)
    assert fewer.shape == theirs.shape
    torch.testing.assert_close(fewer.sort(dim=1).values, theirs.sort(dim=1).values)
    torch.testing.assert_close(ours.unmerge(fewer), unmerge(theirs))
    assert not torch.allclose(ours.unmerge(fewer), x)


def answer(unet: Any, side: tuple[int, int]) -> Tensor:
    x = torch.randn(2, unet.config.in_channels, *side, generator=torch.Generator().manual_seed(1)).to(unet.dtype)
    words = torch.randn(2, 77, unet.config.cross_attention_dim, generator=torch.Generator().manual_seed(2))
    words = words.to(unet.dtype)
    with torch.inference_mode():
        found: Tensor = unet(x, torch.tensor([500.0]), encoder_hidden_states=words, return_dict=False)[0]
    return found


@pytest.mark.parametrize("side", [(8, 8), (16, 8)])
@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_a_network_answers_as_it_does_under_the_authors_program_and_then_as_before(
    side: tuple[int, int], ratio: float
) -> None:
    unet = networks("SD 1.x").unet.double()
    weights, before = {name: value.clone() for name, value in state_of(unet)}, answer(unet, side)
    with merged_tokens(unet, ratio):
        ours = answer(unet, side)
    assert torch.equal(answer(unet, side), before)
    assert all(torch.equal(value, weights[name]) for name, value in state_of(unet))
    tomesd.apply_patch(unet, ratio=ratio, use_rand=False)
    theirs = answer(unet, side)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    assert float((ours - before).abs().max()) > 1e-3


def test_with_a_ratio_of_nothing_the_network_is_left_alone() -> None:
    unet = networks("SD 1.x").unet
    before = answer(unet, (8, 8))
    with merged_tokens(unet, 0.0):
        assert not unet._forward_pre_hooks
        assert torch.equal(answer(unet, (8, 8)), before)


def test_what_fails_inside_leaves_no_hook_behind() -> None:
    unet = networks("SD 1.x").unet
    with pytest.raises(ZeroDivisionError), merged_tokens(unet, 0.5):
        raise ZeroDivisionError
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in unet.modules())
