"""Attention back ends, each proved by a tiny call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion import attention
from modules.diffusion.attention import Attention, Backend, apply, choose_attention
from modules.diffusion.errors import AquatintError
from modules.diffusion.hardware import Hardware
from tests.tiny import TinyModels

ROOT = Path(__file__).parents[2]


def correct(x: Tensor) -> Tensor:
    heads_first = x.transpose(1, 2)
    scores = heads_first @ heads_first.transpose(-1, -2) / x.shape[-1] ** 0.5
    answer: Tensor = scores.softmax(-1) @ heads_first
    return answer.transpose(1, 2)


def missing(x: Tensor) -> Tensor:
    raise ImportError("No module named 'xformers'")


def failing(x: Tensor) -> Tensor:
    raise RuntimeError("no kernel image\nand a long explanation")


def wrong(x: Tensor) -> Tensor:
    return x


@pytest.mark.parametrize("name", ["sdpa", "sliced"])
def test_a_preferred_back_end_that_works_is_taken(name: Any, cpu: Hardware, half_cpu: Hardware) -> None:
    assert choose_attention(cpu, name).name == name
    assert choose_attention(half_cpu, name).name == name


def test_without_a_gpu_torchs_own_attention_is_chosen(cpu: Hardware) -> None:
    found = choose_attention(cpu)
    assert found.name == "sdpa"
    assert "xformers: it needs CUDA" in found.reason


@pytest.mark.parametrize("fault", [missing, failing, wrong])
def test_a_back_end_that_fails_its_call_is_passed_over_with_the_reason(
    fault: Any, cpu: Hardware, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends = (Backend("xformers", fault, "a"), Backend("sdpa", fault, "b"), Backend("sliced", correct, "c"))
    monkeypatch.setattr(attention, "BACKENDS", backends)
    found = choose_attention(cpu, "xformers")
    assert found.name == "sliced"
    assert "sdpa" in found.reason
    assert "explanation" not in found.reason


def test_a_machine_without_any_attention_says_so(cpu: Hardware, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "BACKENDS", (Backend("sdpa", failing, "a"),))
    with pytest.raises(AquatintError, match="no kernel image"):
        choose_attention(cpu)


def test_an_unknown_name_says_what_there_is(cpu: Hardware) -> None:
    with pytest.raises(AquatintError, match="auto, xformers, sdpa, sliced"):
        choose_attention(cpu, "flash")  # type: ignore[arg-type]


def test_all_back_ends_give_the_same_answer_in_a_real_network(tiny: TinyModels) -> None:
    nets = tiny.networks("SD 2.x")
    x, context = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 64)
    answers = []
    with torch.no_grad():
        for name in ("sdpa", "sliced", "sdpa"):
            apply(Attention(name, ""), nets.unet)
            apply(Attention(name, ""), nets.vae)
            seen = nets.unet(x, torch.tensor([3.0]), encoder_hidden_states=context).sample
            answers.append((seen, nets.vae.decode(seen).sample))
    for seen, pixels in answers[1:]:
        torch.testing.assert_close(seen, answers[0][0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(pixels, answers[0][1], rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="beside CUDA xformers is welcome")
def test_diffusers_does_not_import_xformers_on_a_machine_without_cuda() -> None:
    code = """
import sys
from modules.diffusion.attention import hide_xformers_without_cuda
hide_xformers_without_cuda()
from diffusers import UNet2DConditionModel
from diffusers.utils import is_xformers_available
assert not is_xformers_available()
assert [name for name in sys.modules if name.startswith("xformers.")] == []
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=200)
    assert ran.returncode == 0, ran.stderr
    assert "xformers" not in (ran.stdout + ran.stderr).lower()
