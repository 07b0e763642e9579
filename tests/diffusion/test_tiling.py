"""Seamless networks: what is moved around the edge comes out moved, and nothing else is true of others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from modules.diffusion.model import Model
from modules.diffusion.tiling import seamless
from tests.diffusion.conftest import Ready

CELLS, PIXELS = 8, 64
"""As far as the deepest level of the starter's UNet moves in one step of its own."""


@pytest.fixture
def model(ready: Ready, starter: Path) -> Model:
    return ready(starter)


def moved(x: Tensor, far: int) -> Tensor:
    return torch.roll(x, (far, far), dims=(2, 3))


def answer(model: Model, x: Tensor) -> Tensor:
    prompt = model.encode_prompts(["sun"], clip_skip=1, width=128, height=128)
    return model.predict(x, torch.tensor([500.0]), prompt)


def test_what_is_moved_around_the_edge_comes_out_moved(model: Model) -> None:
    x = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    with seamless(model):
        torch.testing.assert_close(answer(model, moved(x, CELLS)), moved(answer(model, x), CELLS), atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(model.decode(moved(x, CELLS)), moved(model.decode(x), PIXELS), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(answer(model, moved(x, CELLS)), moved(answer(model, x), CELLS), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(model.decode(moved(x, CELLS)), moved(model.decode(x), PIXELS), atol=1e-3, rtol=1e-3)


def test_afterwards_every_layer_is_as_before_also_after_an_error(model: Model) -> None:
    layers = [layer for part in (model.unet, model.vae) for layer in part.modules() if isinstance(layer, nn.Conv2d)]
    with pytest.raises(ZeroDivisionError), seamless(model):
        assert {layer.padding_mode for layer in layers} == {"circular"}
        1 / 0  # noqa: B018
    assert {layer.padding_mode for layer in layers} == {"zeros"}
