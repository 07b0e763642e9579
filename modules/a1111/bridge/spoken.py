"""The prompts of a pass as A1111's `c` and `uc`: what extensions leave in them is what the network is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import PromptPart
from modules.diffusion.prompt_conditioning import Said, StepPrompts

from ..prompt_parser import (
    ComposableScheduledPromptConditioning,
    MulticondLearnedConditioning,
    ScheduledPromptConditioning,
)

Scheduled = list[ScheduledPromptConditioning]


class Spoken:
    """Until somebody asks for `c` or `uc` it is what the core has read; from then on it is what they hold."""

    def __init__(self, read: StepPrompts | None = None) -> None:
        self._read = read
        self._c: Any = None
        self._uc: Any = None

    @classmethod
    def of(cls, c: Any, uc: Any) -> Spoken:
        """These, where they are not None; what the prompts say themselves is to be told by `renew`."""
        made = cls()
        made._c, made._uc = c, uc
        return made

    def renew(self, read: StepPrompts) -> None:
        """What the prompts say themselves, read once more."""
        self._read = read

    @property
    def c(self) -> Any:
        """The parts of each positive prompt: a MulticondLearnedConditioning."""
        if self._c is None:
            positive, _ = self._told().schedules()
            batch = [[ComposableScheduledPromptConditioning(_said(s), w) for w, s in parts] for parts in positive]
            self._c = MulticondLearnedConditioning((len(batch),), batch)
        return self._c

    @c.setter
    def c(self, value: Any) -> None:
        self._c = value

    @property
    def uc(self) -> Any:
        """The negative prompts: a list with a list of ScheduledPromptConditioning for each picture."""
        if self._uc is None:
            _, negative = self._told().schedules()
            self._uc = [_said(schedule) for schedule in negative]
        return self._uc

    @uc.setter
    def uc(self, value: Any) -> None:
        self._uc = value

    def _told(self) -> StepPrompts:
        assert self._read is not None
        return self._read

    @property
    def steps(self) -> int:
        """Those of its pass."""
        return self._told().timeline.steps

    @property
    def is_asked_for(self) -> bool:
        return self._c is not None or self._uc is not None

    def at(self, step: int) -> tuple[list[list[PromptPart]], list[Conditioning]]:
        """As the core asks for it. Raises: ValueError where it makes no sense to the network."""
        positive, negative = self._told().at(step)
        like = [parts[0].conditioning if parts else away for parts, away in zip(positive, negative, strict=True)]
        if self._c is not None:
            _check_count(self._c.batch, like, "c")
            positive = [
                [PromptPart(_at(part.schedules, step, known), float(part.weight)) for part in parts]
                for parts, known in zip(self._c.batch, like, strict=True)
            ]
        if self._uc is not None:
            _check_count(self._uc, like, "uc")
            negative = [_at(schedule, step, known) for schedule, known in zip(self._uc, like, strict=True)]
        return positive, negative

    def settle(self, steps: int) -> str:
        """Takes what cannot be used back, and says what is wrong with it; "" when all is well."""
        if not self.is_asked_for:
            return ""
        try:
            for step in range(1, steps + 1):
                self.at(step)
        except (ValueError, TypeError, AttributeError, IndexError, KeyError, RuntimeError) as error:
            self._c = self._uc = None
            return str(error) or type(error).__name__
        return ""


def _said(schedule: Sequence[Said]) -> Scheduled:
    return [ScheduledPromptConditioning(each.last_step, as_cond(each.conditioning)) for each in schedule]


def as_cond(said: Conditioning) -> Any:
    """(77 k, D), or for SDXL A1111's {"crossattn", "vector"}: a copy, to be changed in place."""
    if said.pooled is None:
        return said.embeds.clone()
    vector = [each for each in (said.pooled, said.time_ids) if each is not None]
    return {"crossattn": said.embeds.clone(), "vector": torch.cat(vector)}


def _check_count(listed: Sequence[Any], like: Sequence[Any], name: str) -> None:
    if len(listed) != len(like):
        raise ValueError(f"{name} has prompts for {len(listed)} pictures, and the batch has {len(like)}")


def _at(schedule: Sequence[Any], step: int, like: Conditioning) -> Conditioning:
    cond = next((each.cond for each in schedule if step <= each.end_at_step), schedule[-1].cond)
    embeds: Tensor = cond["crossattn"] if isinstance(cond, dict) else cond
    if embeds.ndim != 2 or embeds.shape[-1] != like.embeds.shape[-1]:
        raise ValueError(f"a prompt of shape {tuple(embeds.shape)} means nothing to this model")
    said = replace(like, embeds=embeds.to(like.embeds))
    return with_vector(said, cond["vector"]) if isinstance(cond, dict) else said


def with_vector(prompt: Conditioning, vector: Tensor) -> Conditioning:
    """With A1111's vector: the pooled text first, then SDXL's numbers."""
    if prompt.pooled is None:
        return prompt
    pooled, rest = vector[: len(prompt.pooled)], vector[len(prompt.pooled) :]
    return replace(prompt, pooled=pooled, time_ids=None if prompt.time_ids is None else rest)
