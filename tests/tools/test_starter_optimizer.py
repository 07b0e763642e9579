"""The training's own convolution and optimizer, beside torch's."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from tools.starter.convolution import Convolution3x3, speed_up
from tools.starter.training import Optimizer


def _gradients(layer: nn.Module, x: Tensor, error: Tensor) -> list[Tensor]:
    given = x.clone().requires_grad_()
    layer(given).backward(error)
    return [each.grad for each in (given, *layer.parameters()) if each.grad is not None]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_convolution_of_small_maps_has_torchs_gradients(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    plain, x = nn.Conv2d(6, 5, 3, padding=1).double(), torch.randn(3, 6, 4, 4).double()
    error = torch.randn(3, 5, 4, 4).double().contiguous(memory_format=layout)
    wanted = _gradients(plain, x, error)
    plain.zero_grad()
    plain.to(memory_format=layout)
    speed_up(plain)
    assert isinstance(plain, Convolution3x3)
    found = _gradients(plain, x.contiguous(memory_format=layout), error)
    assert len(found) == 3
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_convolutions_of_other_shapes_are_left_as_they_are() -> None:
    others = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, stride=2, padding=1))
    speed_up(others)
    assert [type(layer) for layer in others] == [nn.Conv2d, nn.Conv2d]


def test_large_maps_go_torchs_way() -> None:
    layer = nn.Conv2d(4, 4, 3, padding=1)
    x = torch.randn(1, 4, 8, 8)
    wanted = layer(x)
    speed_up(layer)
    found = layer(x)
    assert torch.equal(found, wanted)
    assert "ConvolutionBackward0" in type(found.grad_fn).__name__
    assert "ConvolutionBackward0" not in type(layer(x[..., :4, :4]).grad_fn).__name__


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_kernels_move_as_muon_moves_matrices(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    kernel = nn.Parameter(torch.randn(8, 4, 3, 3).contiguous(memory_format=layout))
    bias, matrix = (
        nn.Parameter(torch.randn(8)),
        nn.Parameter(kernel.detach().permute(0, 2, 3, 1).reshape(8, -1).clone()),
    )
    other = nn.Parameter(bias.detach().clone())
    ours = Optimizer([([kernel], 0.01)], ([bias], 0.02))
    theirs: torch.optim.Optimizer = torch.optim.Muon([matrix], 0.005, 0.0, adjust_lr_fn="match_rms_adamw")
    adam: torch.optim.Optimizer = torch.optim.AdamW([other], 0.01, betas=(0.9, 0.99), weight_decay=0.0)
    for _ in range(3):
        kernel.grad = torch.randn(8, 4, 3, 3) * 1e-2
        bias.grad = torch.randn(8) * 1e-2
        matrix.grad, other.grad = kernel.grad.permute(0, 2, 3, 1).reshape(8, -1), bias.grad.clone()
        ours.step(0.5)
        for each in (theirs, adam):
            each.step()
    torch.testing.assert_close(kernel.detach().permute(0, 2, 3, 1).reshape(8, -1), matrix.detach())
    torch.testing.assert_close(bias.detach(), other.detach())
    assert kernel.grad is None


def test_an_optimizer_goes_on_from_its_state() -> None:
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.ones(3, 3)) for _ in range(2)]
    first, second = (Optimizer([([weight], 0.01)], ([nn.Parameter(torch.ones(3))], 0.01)) for weight in weights)
    gradients = [torch.randn(3, 3) for _ in range(3)]
    for gradient in gradients[:2]:
        weights[0].grad = gradient.clone()
        first.step(1.0)
    with torch.no_grad():
        weights[1].copy_(weights[0])
    second.restore(copy.deepcopy(first.state()))
    for weight, optimizer in zip(weights, (first, second), strict=True):
        weight.grad = gradients[2].clone()
        optimizer.step(1.0)
    assert torch.equal(weights[0], weights[1])
