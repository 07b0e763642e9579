"""What all tests share: tiny models of the real architectures, a CPU in float32, a machine without a network."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from modules.diffusion.attention import Attention, hide_xformers_without_cuda
from modules.diffusion.hardware import Hardware
from tests.tiny import TinyModels


def pytest_configure() -> None:
    hide_xformers_without_cuda()
    torch.set_num_threads(1)  # tiny networks gain nothing from more, and lose much on a machine that is busy


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """Paths of tiny models, made when first asked for; not to be changed in place."""
    return TinyModels(tmp_path_factory.mktemp("tiny"))


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
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever opens a connection or looks up a name fails the test."""

    def refuse(*arguments: Any, **_: Any) -> NoReturn:
        raise AssertionError(f"the network was used: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
