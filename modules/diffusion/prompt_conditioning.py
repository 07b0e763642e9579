"""What the prompts of a batch say to the network at each step; each text is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import PromptPart
from modules.diffusion.prompt_parts import Prompt
from modules.diffusion.prompt_schedules import TimedText, Timeline, text_at, text_schedule

KEPT_BYTES = 2**30
"""Of embeddings. Whose prompt has more of them than that waits for some to be encoded at their step."""

Encode = Callable[[str, bool], Conditioning]
"""(a text, whether it is negative) -> what it says."""


class Said(NamedTuple):
    """What a prompt says up to a step."""

    last_step: int
    conditioning: Conditioning


class PromptsInTime(Protocol):
    """What the prompts of a batch say through the steps of one pass."""

    def at(self, step: int) -> tuple[list[list[PromptPart]], list[Conditioning]]:
        """What the positive and the negative prompts are at a step, counted from 1."""


class StepPrompts:
    """The positive and the negative prompts of a batch through the steps of one pass."""

    def __init__(
        self,
        positive: Sequence[Prompt],
        negative: Sequence[Prompt],
        timeline: Timeline,
        encode: Encode,
        before_each: Callable[[], None] = lambda: None,
    ) -> None:
        """Encodes every text of the schedules. `before_each` is called before each of them, and may raise."""
        self.timeline = timeline
        self._encode = encode
        self._schedules: dict[str, list[TimedText]] = {}
        self._kept: dict[tuple[str, bool], Conditioning] = {}
        self._bytes = 0
        self._positive, self._negative = positive, negative
        wanted = [(part.text, False) for prompt in positive for part in prompt.parts if part.weight != 0]
        wanted += [(part.text, True) for prompt in negative for part in prompt.parts]
        for prompt, is_negative in dict.fromkeys(wanted):
            for entry in self._schedule(prompt):
                if self._bytes < KEPT_BYTES and (entry.text, is_negative) not in self._kept:
                    before_each()
                    self._conditioning(entry.text, is_negative)

    def at(self, step: int) -> tuple[list[list[PromptPart]], list[Conditioning]]:
        """What the positive and the negative prompts are at a step, counted from 1."""
        positive = [
            [PromptPart(self._at(part.text, step, False), part.weight) for part in prompt.parts if part.weight != 0]
            for prompt in self._positive
        ]
        return positive, [self._at(prompt.parts[0].text, step, True) for prompt in self._negative]

    def schedules(self) -> tuple[list[list[tuple[float, list[Said]]]], list[list[Said]]]:
        """-> (for each positive prompt its parts as (weight, what they say in time), for each negative one that)"""
        positive = [
            [(part.weight, self._said(part.text, False)) for part in prompt.parts if part.weight != 0]
            for prompt in self._positive
        ]
        return positive, [self._said(prompt.parts[0].text, True) for prompt in self._negative]

    def _said(self, prompt: str, negative: bool) -> list[Said]:
        schedule = self._schedule(prompt)
        wanted = [each for each in schedule if each.last_step > 0] or schedule[-1:]
        return [Said(each.last_step, self._conditioning(each.text, negative)) for each in wanted]

    def _at(self, prompt: str, step: int, negative: bool) -> Conditioning:
        return self._conditioning(text_at(self._schedule(prompt), step), negative)

    def _schedule(self, prompt: str) -> list[TimedText]:
        if prompt not in self._schedules:
            self._schedules[prompt] = text_schedule(prompt, self.timeline)
        return self._schedules[prompt]

    def _conditioning(self, text: str, negative: bool) -> Conditioning:
        key = text, negative
        found = self._kept.get(key)
        if found is None:
            found = self._encode(text, negative)
            if self._bytes < KEPT_BYTES:
                self._kept[key] = found
                self._bytes += found.embeds.nbytes
        return found
