"""The attention back ends in order of preference; one is proved by a tiny call, never by an import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.hardware import Hardware
from modules.diffusion.libraries import taken_from

Preference = Literal["auto", "xformers", "sdpa", "sliced"]


@dataclass(frozen=True)
class Attention:
    """A back end that has answered."""

    name: str
    reason: str


@dataclass(frozen=True)
class Backend:
    """`attend` takes (B, tokens, heads, width) thrice; `processor` is the diffusers class that does the same."""

    name: str
    attend: Callable[[Tensor], Tensor]
    processor: str


def hide_xformers_without_cuda() -> None:
    """Make `import xformers` fail where it cannot serve; call it before diffusers is imported.

    Without CUDA xformers only prints a warning and slows every import of diffusers.
    """
    if not torch.cuda.is_available() and "xformers" not in sys.modules:
        # None in sys.modules is Python's own mark for "not importable"; importlib.util.find_spec honours it too.
        sys.modules["xformers"] = None  # type: ignore[assignment]


def choose_attention(hardware: Hardware, prefer: Preference = "auto") -> Attention:
    """The first back end that answers a tiny call in the UNet's number format; `prefer` is tried before the others.

    Raises AquatintError when none answers, which means that the device itself does not work.
    """
    known = {backend.name: backend for backend in BACKENDS}
    if prefer != "auto" and prefer not in known:
        raise AquatintError(f"There is no attention called '{prefer}'. Choose one of: auto, {', '.join(known)}.")
    failures: list[str] = []
    for backend in sorted(BACKENDS, key=lambda backend: backend.name != prefer):
        problem = _problem(backend, hardware)
        if not problem:
            return Attention(backend.name, "; ".join([*failures, "proved by a tiny call"]))
        failures.append(f"{backend.name}: {problem}")
    raise AquatintError(f"No attention works on {hardware.name}: {'; '.join(failures)}")


def apply(attention: Attention, model: Any) -> None:
    """Put the back end into a diffusers model (UNet or VAE).

    The VAE has one head, so slicing over heads would only cost time: it keeps torch's own attention.
    """
    backend = next(backend for backend in BACKENDS if backend.name == attention.name)
    is_vae = not hasattr(model, "set_attention_slice")
    sliced = backend.name == "sliced"
    name = "AttnProcessor2_0" if sliced and is_vae else backend.processor
    (processor,) = taken_from("diffusers.models.attention_processor", name)
    model.set_attn_processor(processor(1) if sliced and not is_vae else processor())


def _problem(backend: Backend, hardware: Hardware) -> str:
    x = torch.linspace(-1, 1, 2 * 16 * 2 * 40, device=hardware.device).reshape(2, 16, 2, 40)
    try:
        with torch.inference_mode():
            answer = backend.attend(x.to(hardware.dtype)).float()
            expected = _torch_attention(x)
    except (ImportError, RuntimeError, NotImplementedError, ValueError, AttributeError) as error:
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return "" if torch.allclose(answer, expected, atol=0.05) else "it gave wrong numbers"


def _torch_attention(x: Tensor) -> Tensor:
    heads_first = x.transpose(1, 2)
    answer: Tensor = torch.nn.functional.scaled_dot_product_attention(heads_first, heads_first, heads_first)
    return answer.transpose(1, 2)


def _xformers_attention(x: Tensor) -> Tensor:
    if x.device.type != "cuda":
        raise RuntimeError("it needs CUDA")
    operators = importlib.import_module("xformers.ops")
    answer: Tensor = operators.memory_efficient_attention(x, x, x)
    return answer


def _plain_attention(x: Tensor) -> Tensor:
    heads_first = x.transpose(1, 2)
    scores: Tensor = heads_first @ heads_first.transpose(-1, -2) * x.shape[-1] ** -0.5
    return (scores.softmax(-1) @ heads_first).transpose(1, 2)


BACKENDS = (
    Backend("xformers", _xformers_attention, "XFormersAttnProcessor"),
    Backend("sdpa", _torch_attention, "AttnProcessor2_0"),
    Backend("sliced", _plain_attention, "SlicedAttnProcessor"),
)
