"""What the tests of the numerics share: the k-diffusion package as an oracle, and a toy network."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion.attention import Attention
from modules.diffusion.checkpoint import read_checkpoint
from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import PredictionType
from modules.diffusion.hardware import Hardware
from modules.diffusion.loading import load_components
from modules.diffusion.model import Model
from modules.diffusion.placement import Placement

Ready = Callable[..., Model]
DOCS = Path(__file__).parents[2] / "docs"


def _append_dims(x: Tensor, ndim: int) -> Tensor:
    return x[(...,) + (None,) * (ndim - x.ndim)]


@pytest.fixture(scope="session")
def k_diffusion() -> Iterator[Any]:
    """The package's `sampling` and `external` as written, without what else its __init__ and utils would import."""
    spec = importlib.util.find_spec("k_diffusion")
    assert spec is not None
    package, utils, odeint = ModuleType("k_diffusion"), ModuleType("k_diffusion.utils"), ModuleType("torchdiffeq")
    package.__path__ = list(spec.submodule_search_locations or ())
    package.utils = utils  # type: ignore[attr-defined]
    utils.append_dims = _append_dims  # type: ignore[attr-defined]
    odeint.odeint = None  # type: ignore[attr-defined]
    stubs = {"k_diffusion": package, "k_diffusion.utils": utils, "torchdiffeq": odeint}
    with pytest.MonkeyPatch.context() as patch:
        for name, stub in stubs.items():
            patch.setitem(sys.modules, name, stub)
        importlib.import_module("k_diffusion.external")
        yield package
        for name in ("k_diffusion.external", "k_diffusion.sampling"):
            del sys.modules[name]


@pytest.fixture(scope="session")
def alphas_cumprod() -> Tensor:
    """(1000,) float64: Stable Diffusion's scaled linear schedule."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float32).double() ** 2
    return torch.cumprod(1 - betas, dim=0)


@pytest.fixture(scope="session")
def training_sigmas(alphas_cumprod: Tensor) -> Tensor:
    """(1000,) float64, ascending."""
    return ((1 - alphas_cumprod) / alphas_cumprod).sqrt()


@dataclass
class ToyPredictor:
    """A network whose output is a smooth function of everything that it is given; it remembers its calls."""

    training_sigmas: Tensor
    prediction_type: PredictionType = "epsilon"
    exact_batches: bool = False
    calls: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def predict(self, x: Tensor, timesteps: Tensor, conditioning: Sequence[Conditioning]) -> Tensor:
        self.calls.append((x, timesteps))
        words = torch.stack([each.embeds.to(x).mean() for each in conditioning])[:, None, None, None]
        extra = x[:, 4:].mean(dim=(1, 2, 3), keepdim=True) if x.shape[1] > 4 else 0
        return torch.tanh(x[:, :4] + words + timesteps.to(x)[:, None, None, None] / 1000 + extra)


@pytest.fixture
def toy(training_sigmas: Tensor) -> Callable[..., ToyPredictor]:
    """Makes a toy network."""
    return lambda **facts: ToyPredictor(training_sigmas, **facts)


@pytest.fixture
def words() -> Callable[..., Conditioning]:
    """Makes the conditioning of a prompt: 77 tokens a chunk, all of one value."""
    return lambda value, chunks=1: Conditioning(torch.full((77 * chunks, 8), float(value), dtype=torch.float64))


@pytest.fixture
def committed_page() -> Callable[[str, str], str]:
    """Reads a page of docs/ that tests write. AQUATINT_WRITE_DOCS=1 in the environment makes it the given text."""

    def read(name: str, text: str) -> str:
        if os.environ.get("AQUATINT_WRITE_DOCS"):
            (DOCS / name).write_text(text, encoding="utf-8")
        return (DOCS / name).read_text(encoding="utf-8")

    return read


@pytest.fixture(scope="session")
def ready(cpu: Hardware, sdpa: Attention) -> Ready:
    """Makes a model that is in its place, once for all tests, which leave it as it was."""

    @cache
    def make(path: Path, hardware: Hardware = cpu) -> Model:
        checkpoint = read_checkpoint(path)
        components = load_components(checkpoint, hardware)
        model = Model(checkpoint, components, components.vae, None, Placement(hardware), hardware, sdpa)
        model.placement.enter()
        return model

    return make
