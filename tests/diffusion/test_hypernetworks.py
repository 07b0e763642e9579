"""Hypernetworks, compared with PyTorch's own modules in the places where A1111 has them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from modules.diffusion.errors import AquatintError, CheckpointError
from modules.diffusion.hypernetworks import find_hypernetwork, led_by, read_hypernetwork
from tests.diffusion.conftest import Ready
from tests.tiny import TinyModels

WIDTHS = (32, 64)
"""What the attention of the tiny SD 1.x reads: pictures at its first level, pictures below and texts."""


def modules(width: int, kind: str) -> nn.Sequential:
    """Layers in the forms that A1111's training makes."""
    inner = 2 * width
    forms: dict[str, list[nn.Module]] = {
        "linear": [nn.Linear(width, inner), nn.Linear(inner, width)],
        "relu": [nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width)],
        "swish": [
            *(nn.Linear(width, inner), nn.Hardswish(), nn.LayerNorm(inner), nn.Dropout(0.3)),
            *(nn.Linear(inner, inner), nn.Hardswish(), nn.LayerNorm(inner)),
            *(nn.Linear(inner, width), nn.LayerNorm(width)),
        ],
        "tanh": [nn.Linear(width, inner), nn.Tanh(), nn.Linear(inner, width), nn.Tanh()],
    }
    return nn.Sequential(*forms[kind]).eval()


def made(kind: str, seed: int = 1) -> dict[int, tuple[nn.Sequential, nn.Sequential]]:
    torch.manual_seed(seed)
    return {width: (modules(width, kind), modules(width, kind)) for width in WIDTHS}


def save(path: Path, kind: str, pairs: dict[int, tuple[nn.Sequential, nn.Sequential]]) -> Path:
    def state(layers: nn.Sequential) -> dict[str, Tensor]:
        return {f"linear.{name}": tensor for name, tensor in layers.state_dict().items()}

    facts: dict[Any, Any] = {
        "step": 9,
        "name": path.stem,
        "layer_structure": [1, 2, 1],
        "activation_func": kind,
        "sd_checkpoint": None,
    }
    pairs_of_states: dict[Any, Any] = {width: (state(keys), state(values)) for width, (keys, values) in pairs.items()}
    content: dict[Any, Any] = {**pairs_of_states, **facts, "activate_output": kind == "tanh"}
    torch.save(content, path)
    return path


class Led(nn.Module):
    """A1111's module before one of diffusers'."""

    def __init__(self, layers: nn.Module, strength: float, then: nn.Module) -> None:
        super().__init__()
        self.layers, self.strength, self.then = layers, strength, then

    def forward(self, x: Tensor) -> Any:
        return self.then(x + self.layers(x) * self.strength)


def expected(unet: Any, chain: list[tuple[dict[int, tuple[nn.Sequential, nn.Sequential]], float]]) -> Tensor:
    """What a copy of the UNet gives with modules in the places of its projections, the first of the chain first."""
    unet = copy.deepcopy(unet)
    for block in [module for module in unet.modules() if hasattr(module, "to_k")]:
        for name, side in (("to_k", 0), ("to_v", 1)):
            module = getattr(block, name)
            width = module.in_features
            for pairs, strength in reversed(chain):
                module = Led(pairs[width][side], strength, module)
            setattr(block, name, module)
    return answer(unet)


@torch.no_grad()
def answer(unet: Any) -> Tensor:
    noise = torch.Generator().manual_seed(3)
    x, words = torch.randn(1, 4, 16, 16, generator=noise), torch.randn(1, 77, 64, generator=noise)
    found: Tensor = unet(x, torch.tensor([500.0]), encoder_hidden_states=words, return_dict=False)[0]
    return found


@pytest.mark.parametrize("kind", ["linear", "relu", "swish", "tanh"])
def test_it_stands_before_keys_and_values_as_in_a1111(
    tiny: TinyModels, ready: Ready, tmp_path: Path, kind: str
) -> None:
    model, pairs = ready(tiny.ldm("SD 1.x")), made(kind)
    hypernetwork = read_hypernetwork(save(tmp_path / "art.pt", kind, pairs))
    plain = answer(model.unet)
    with led_by(model, [(hypernetwork, 0.7)]):
        found = answer(model.unet)
    torch.testing.assert_close(found, expected(model.unet, [(pairs, 0.7)]))
    assert not torch.allclose(found, plain, atol=1e-3)
    assert torch.equal(answer(model.unet), plain)


def test_several_stand_one_before_the_other(tiny: TinyModels, ready: Ready, tmp_path: Path) -> None:
    model, one, other = ready(tiny.ldm("SD 1.x")), made("relu", 1), made("linear", 2)
    first = read_hypernetwork(save(tmp_path / "one.pt", "relu", one))
    second = read_hypernetwork(save(tmp_path / "other.pt", "linear", other))
    with led_by(model, [(first, 0.5), (second, -1.0)]):
        found = answer(model.unet)
    torch.testing.assert_close(found, expected(model.unet, [(one, 0.5), (other, -1.0)]))


def test_it_is_taken_off_also_when_something_fails(tiny: TinyModels, ready: Ready, tmp_path: Path) -> None:
    model = ready(tiny.ldm("SD 1.x"))
    plain = answer(model.unet)
    hypernetwork = read_hypernetwork(save(tmp_path / "art.pt", "relu", made("relu")))
    with pytest.raises(ZeroDivisionError), led_by(model, [(hypernetwork, 1)]):
        raise ZeroDivisionError
    assert torch.equal(answer(model.unet), plain)


def test_the_oldest_names_of_layers_are_read(tmp_path: Path) -> None:
    state = {
        f"linear{number}.{part}": torch.ones(size) for number, size in ((1, (6, 3)), (2, (3, 6))) for part in ["weight"]
    }
    torch.save({3: (state, state), "name": "old"}, tmp_path / "old.pt")
    keys, _ = read_hypernetwork(tmp_path / "old.pt").pairs[3]
    assert torch.equal(keys(torch.ones(1, 3)), torch.full((1, 3), 18.0))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": torch.ones(2)}, "holds no hypernetwork"),
        ({768: ({"linear.0.weight": torch.ones(4, 5)},) * 2}, "layers for 768 do not fit together"),
        ({4: ({"linear.0.weight": torch.ones(8, 4)},) * 2}, "layers for 4 do not fit together"),
        ({4: ({"linear.0.weight": torch.ones(4)},) * 2}, "layers for 4 do not fit together"),
        ({4: ({"linear.0.bias": torch.ones(4)},) * 2}, "layers for 4 do not fit together"),
        ({4: ({"linear.0.weight": torch.full((4, 4), float("nan"))},) * 2}, "NaN"),
        ({4: ({"other": torch.ones(4)},) * 2}, "other, which is nothing"),
        ({4: ({"linear.0.weight": torch.ones(4, 4)},) * 2, "activation_func": "magic"}, "'magic' is not known"),
        ([torch.ones(2)], "it is no hypernetwork"),
    ],
)  # fmt: skip
def test_what_is_no_hypernetwork_is_refused_by_name(tmp_path: Path, content: Any, said: str) -> None:
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(CheckpointError, match=r"odd\.pt cannot be used") as error:
        read_hypernetwork(tmp_path / "odd.pt")
    assert said in str(error.value)


def test_they_are_found_by_name_whatever_its_case(tmp_path: Path) -> None:
    path = save(tmp_path / "Art.pt", "linear", made("linear"))
    assert find_hypernetwork(tmp_path, "Art") == find_hypernetwork(tmp_path, "art") == path
    with pytest.raises(AquatintError, match="Found: Art"):
        find_hypernetwork(tmp_path, "arts")


def test_it_tells_for_whom_it_was_made(tmp_path: Path) -> None:
    torch.manual_seed(1)
    path = save(tmp_path / "art.pt", "linear", {768: (modules(768, "linear"), modules(768, "linear"))})
    assert (read_hypernetwork(path).misfit(768), read_hypernetwork(path).misfit(2048)) == ("", "SD 1.x")
