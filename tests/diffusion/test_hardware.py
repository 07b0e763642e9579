"""Devices and number formats by trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from modules.diffusion import hardware
from modules.diffusion.errors import AquatintError
from modules.diffusion.hardware import computes, free_memory, probe, release_memory, resident_memory

CPU = torch.device("cpu")

Capable = Callable[..., None]


@pytest.fixture
def capable(monkeypatch: pytest.MonkeyPatch) -> Capable:
    """Makes the CPU say that it has these units."""

    def pretend(**units: bool) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units)

    return pretend


@pytest.mark.parametrize(
    ("units", "expected", "said"),
    [
        ({"avx512_bf16": True}, torch.bfloat16, "AVX512-BF16"),
        ({"amx_bf16": True}, torch.bfloat16, "AMX"),
        ({"amx_tile": True}, torch.bfloat16, "AMX"),
        ({"avx2": True, "avx512_f": True}, torch.float32, "neither"),
        ({}, torch.float32, "neither"),
    ],
)
def test_a_cpu_computes_in_bfloat16_only_where_it_has_a_unit_for_it(
    units: dict[str, bool], expected: torch.dtype, said: str, capable: Capable
) -> None:
    capable(**units)
    found = probe("cpu")
    assert (found.dtype, found.vae_dtype) == (expected, expected)
    assert said in found.reason


def test_a_unit_that_gives_no_numbers_is_not_used(capable: Capable, monkeypatch: pytest.MonkeyPatch) -> None:
    capable(avx512_bf16=True)
    monkeypatch.setattr(hardware, "computes", lambda device, dtype: dtype == torch.float32)
    assert probe("cpu").dtype == torch.float32


def test_no_half_means_float32_everywhere(capable: Capable) -> None:
    capable(amx_bf16=True)
    found = probe("cpu", no_half=True)
    assert (found.dtype, found.vae_dtype) == (torch.float32, torch.float32)


def test_offload_has_no_meaning_on_the_cpu() -> None:
    assert probe("cpu", offload="lowvram").offload == "none"


def test_auto_is_a_device_that_answers() -> None:
    found = probe()
    assert computes(found.device, found.dtype)
    assert found.name


@pytest.mark.parametrize("device", ["cuda:17", "quantum", "meta"])
def test_a_device_that_does_not_answer_is_an_error_that_names_it(device: str) -> None:
    with pytest.raises(AquatintError, match=device):
        probe(device)


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("not implemented for 'Half'")


def test_a_trial_that_raises_or_gives_nan_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert computes(CPU, torch.float32)
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "conv2d", broken)
        assert not computes(CPU, torch.float32)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", lambda q, k, v: q * float("nan"))
    assert not computes(CPU, torch.float32)


class FakeCuda:
    """The answers of a CUDA device, given by the CPU."""

    def __init__(self, *works: torch.dtype, native_bfloat16: bool) -> None:
        self.works, self.native = works, native_bfloat16

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: self.native)
        patch.setattr(torch.cuda, "get_device_name", lambda device: "Fake 3000")
        patch.setattr(hardware, "computes", lambda device, dtype: dtype in self.works)


@pytest.mark.parametrize(
    ("cuda", "expected", "vae"),
    [
        (FakeCuda(torch.float32, torch.float16, torch.bfloat16, native_bfloat16=True), torch.float16, torch.bfloat16),
        (FakeCuda(torch.float32, torch.float16, native_bfloat16=False), torch.float16, torch.float32),
        (FakeCuda(torch.float32, torch.bfloat16, native_bfloat16=True), torch.bfloat16, torch.bfloat16),
        (FakeCuda(torch.float32, native_bfloat16=False), torch.float32, torch.float32),
    ],
)
def test_a_gpu_gets_the_formats_that_it_computes_in_and_its_vae_never_float16(
    cuda: FakeCuda, expected: torch.dtype, vae: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda.install(monkeypatch)
    found = probe(offload="medvram")
    assert found.device.type == "cuda"
    assert (found.dtype, found.vae_dtype, found.offload, found.name) == (expected, vae, "medvram", "Fake 3000")


def test_memory_is_told_in_bytes() -> None:
    memory = free_memory(CPU)
    assert 0 < memory.free <= memory.total
    assert 10 << 20 < resident_memory() < memory.total


def test_released_memory_goes_back_to_the_system() -> None:
    release_memory(CPU)
    before = resident_memory()
    blocks = [torch.ones(4096) for _ in range(10_000)]
    held = resident_memory() - before
    del blocks
    release_memory(CPU)
    assert held > 100 << 20
    assert resident_memory() - before < held / 4
