"""Prompts that change while a tiny model samples: each moment is what its text alone would be."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from modules.diffusion import prompt_conditioning
from modules.diffusion.attention import Attention
from modules.diffusion.checkpoint import read_checkpoint
from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import Guidance
from modules.diffusion.hardware import Hardware
from modules.diffusion.loading import load_components
from modules.diffusion.model import Model
from modules.diffusion.placement import Placement
from modules.diffusion.prompt_conditioning import StepPrompts
from modules.diffusion.prompt_parts import read_prompt
from modules.diffusion.prompt_schedules import Timeline
from tests.tiny import TinyModels

STEPS = 6


@pytest.fixture(scope="module", params=["SD 1.x", "SDXL"])
def model(request: pytest.FixtureRequest, tiny: TinyModels, cpu: Hardware, sdpa: Attention) -> Model:
    checkpoint = read_checkpoint(tiny.ldm(request.param))
    components = load_components(checkpoint, cpu)
    ready = Model(checkpoint, components, components.vae, None, Placement(cpu), cpu, sdpa)
    ready.placement.enter()
    return ready


class Encoder:
    """A model's, which remembers what it was asked."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.asked: list[tuple[str, bool]] = []

    def __call__(self, text: str, negative: bool) -> Conditioning:
        self.asked.append((text, negative))
        (found,) = self.model.encode_prompts([text], clip_skip=1, width=64, height=64, negative=negative)
        return found


def prompts_of(encoder: Encoder, prompt: str, negative: str = "bad", steps: int = STEPS) -> StepPrompts:
    return StepPrompts([read_prompt(prompt)], [read_prompt(negative, composed=False)], Timeline(steps), encoder)


def path_of(model: Model, prompts: Sequence[StepPrompts]) -> list[Tensor]:
    """The latents (1, 4, 8, 8) of each step of Euler's method; a step takes the prompts that are its own."""
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)) * 10
    path = []
    sigmas = torch.tensor([10.0, 7.0, 5.0, 3.0, 2.0, 1.0, 0.0])
    guidance = Guidance(model, *prompts[0].at(1), cfg_scale=4)
    for step in range(1, STEPS + 1):
        guidance.positive, guidance.negative = prompts[step - 1].at(step)
        sigma, following = sigmas[step - 1], sigmas[step]
        x = x + (x - guidance(x, sigma)) / sigma * (following - sigma)
        path.append(x)
    return path


def same(one: list[Tensor], other: list[Tensor]) -> list[bool]:
    return [torch.equal(a, b) for a, b in zip(one, other, strict=True)]


def test_editing_at_a_half_is_the_first_text_for_half_of_the_steps_and_then_the_second(model: Model) -> None:
    edited, a, b = (prompts_of(Encoder(model), text) for text in ("[a cat:a dog:0.5]", "a cat", "a dog"))
    assert same(path_of(model, [edited] * STEPS), path_of(model, [a, a, a, b, b, b])) == [True] * STEPS
    assert same(path_of(model, [edited] * STEPS), path_of(model, [a] * STEPS)) == [True] * 3 + [False] * 3


def test_alternation_alternates(model: Model) -> None:
    alternating, a, b = (prompts_of(Encoder(model), text) for text in ("[a cat|a dog]", "a cat", "a dog"))
    assert same(path_of(model, [alternating] * STEPS), path_of(model, [a, b, a, b, a, b])) == [True] * STEPS


def test_negative_prompts_change_too(model: Model) -> None:
    edited, a, b = (prompts_of(Encoder(model), "a cat", text) for text in ("[x:y:2]", "x", "y"))
    assert same(path_of(model, [edited] * STEPS), path_of(model, [a, a, b, b, b, b])) == [True] * STEPS


def test_a_second_prompt_of_weight_zero_leaves_the_first_alone(model: Model) -> None:
    both, first, pulled = (
        prompts_of(Encoder(model), text) for text in ("a cat AND a dog :0", "a cat ", "a cat AND a dog :0.5")
    )
    assert same(path_of(model, [both] * STEPS), path_of(model, [first] * STEPS)) == [True] * STEPS
    assert same(path_of(model, [pulled] * STEPS), path_of(model, [first] * STEPS)) == [False] * STEPS


def test_each_text_is_encoded_once(model: Model) -> None:
    encoder = Encoder(model)
    prompts = prompts_of(encoder, "[a|b] AND c AND c AND d:0", "[a|e:]", steps=50)
    assert encoder.asked == [("a ", False), ("b ", False), (" c ", False), ("[a|e:]", True)]
    for step in range(1, 51):
        prompts.at(step)
    assert len(encoder.asked) == 4


def test_what_does_not_fit_into_memory_is_encoded_at_its_step(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_conditioning, "KEPT_BYTES", 1)
    encoder = Encoder(model)
    prompts = prompts_of(encoder, "[a|b]")
    assert encoder.asked == [("a", False)]
    (part,) = prompts.at(2)[0][0]
    assert encoder.asked == [("a", False), ("b", False), ("bad", True)]
    assert torch.equal(part.conditioning.embeds, Encoder(model)("b", False).embeds)


def test_encoding_can_be_stopped_between_two_texts(model: Model) -> None:
    encoder = Encoder(model)

    def stop() -> None:
        if encoder.asked:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        StepPrompts([read_prompt("[a|b]")], [read_prompt("")], Timeline(STEPS), encoder, stop)
    assert encoder.asked == [("a", False)]
