"""What all tests share: tiny models of the real architectures, a CPU in float32, a machine without a network."""

from __future__ import annotations

import gc
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from safetensors.torch import save_file

from modules.diffusion.attention import Attention, hide_xformers_without_cuda
from modules.diffusion.hardware import Hardware
from modules.diffusion.store import ModelStore
from tests.tiny import TinyModels, ldm_vae_state, networks


def pytest_configure() -> None:
    hide_xformers_without_cuda()
    torch.set_num_threads(1)  # tiny networks gain nothing from more, and lose much on a machine that is busy


@pytest.fixture(scope="module", autouse=True)
def modules_are_no_garbage() -> None:
    """torch, diffusers and gradio are a million objects: to look through them at every collection takes a quarter of
    the time of all tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """Paths of tiny models, made when first asked for; not to be changed in place."""
    return TinyModels(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_models(tiny: TinyModels) -> TinyModels:
    """The same, for files in which `tiny` is the module."""
    return tiny


@pytest.fixture(scope="session")
def starter() -> Path:
    """The checkpoint that comes with Aquatint."""
    return Path(__file__).parents[1] / "models/Stable-diffusion/starter"


@pytest.fixture(scope="session")
def cpu() -> Hardware:
    """float32 everywhere: what is compared is compared exactly."""
    return Hardware(torch.device("cpu"), torch.float32, torch.float32, "a test", name="CPU")


@pytest.fixture(scope="session")
def half_cpu() -> Hardware:
    """bfloat16 everywhere."""
    return Hardware(torch.device("cpu"), torch.bfloat16, torch.bfloat16, "a test", name="CPU")


@pytest.fixture(scope="session")
def sdpa() -> Attention:
    """torch's own attention."""
    return Attention("sdpa", "a test")


@pytest.fixture
def models(tmp_path: Path, tiny: TinyModels) -> Path:
    """A folder with three checkpoints and one broken file."""
    folder = tmp_path / "models"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(tiny.ldm("SD 1.x"), folder / "one.safetensors")
    shutil.copy(tiny.ldm("SD 1.x inpainting"), folder / "sub/Two Words.safetensors")
    shutil.copytree(tiny.diffusers("SD 1.x"), folder / "v1.5 folder")
    (folder / "broken.safetensors").write_bytes(tiny.ldm("SD 1.x").read_bytes()[:-9])
    return folder


@pytest.fixture
def vaes(tmp_path: Path) -> Path:
    """A folder with one VAE of its own weights."""
    (tmp_path / "vae/sub").mkdir(parents=True)
    save_file(ldm_vae_state(networks("SD 1.x", seed=7).vae), tmp_path / "vae/sub/Fine.safetensors")
    return tmp_path / "vae"


@pytest.fixture
def open_store(models: Path, vaes: Path, cpu: Hardware, sdpa: Attention, tmp_path: Path) -> Callable[..., ModelStore]:
    """Opens a store on the folders."""
    return lambda *folders, **options: ModelStore(
        folders or (models,), vaes, cpu, sdpa, **{"cache": tmp_path / "facts.json", **options}
    )


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever opens a connection or looks up a name fails the test."""

    def refuse(*arguments: Any, **_: Any) -> NoReturn:
        raise AssertionError(f"the network was used: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
