"""A1111's `modules.prompt_parser`: prompts over the steps, composed, weighted; read by Aquatint's own grammar."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from modules.diffusion.prompt_parts import part_spans
from modules.diffusion.prompt_schedules import Timeline, text_schedule
from modules.diffusion.prompts import BREAK, weighted_segments

from .bridge.undo import kept

re_AND = re.compile(r"\bAND\b")
re_weight = re.compile(r"^((?:\s|.)*?)(?:\s*:\s*([-+]?(?:\d+\.?|\d*\.\d+)))?\s*$")
re_attention = re.compile(r"\\\(|\\\)|\\\[|\\]|\\\\|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|]|[^\\()\[\]:]+|:", re.X)
re_break = re.compile(r"\s*\bBREAK\b\s*", re.S)


class SdConditioning(list[str]):
    """Prompts, and what else the network is told of them."""

    def __init__(
        self,
        prompts: Sequence[str],
        is_negative_prompt: bool = False,
        width: int | None = None,
        height: int | None = None,
        copy_from: Any = None,
        distilled_cfg_scale: float | None = None,
    ) -> None:
        super().__init__(prompts)
        copy_from = prompts if copy_from is None else copy_from
        self.is_negative_prompt = is_negative_prompt or getattr(copy_from, "is_negative_prompt", False)
        self.width = width or getattr(copy_from, "width", None)
        self.height = height or getattr(copy_from, "height", None)


class ScheduledPromptConditioning(NamedTuple):
    """What a prompt says up to a step."""

    end_at_step: int
    cond: Any


class ComposableScheduledPromptConditioning:
    """One part of a prompt with AND, and its weight."""

    def __init__(self, schedules: list[ScheduledPromptConditioning], weight: float = 1.0) -> None:
        self.schedules, self.weight = schedules, weight


class MulticondLearnedConditioning:
    """The parts of each prompt of a batch."""

    def __init__(self, shape: tuple[int, ...], batch: list[list[ComposableScheduledPromptConditioning]]) -> None:
        self.shape, self.batch = shape, batch

    def remember(self) -> Callable[[], None]:
        """Gives what puts everything back as it is now."""
        before = [[(part.weight, kept(part.schedules)) for part in parts] for parts in self.batch]

        def put_back() -> None:
            self.batch = [[ComposableScheduledPromptConditioning(said, w) for w, said in parts] for parts in before]

        return put_back


class DictWithShape(dict[str, Any]):
    """SDXL's conditioning, which has a shape too."""

    def __init__(self, x: dict[str, Any], shape: Any = None) -> None:
        super().__init__(x)

    @property
    def shape(self) -> Any:
        """That of the tokens."""
        return self["crossattn"].shape


def get_learned_conditioning_prompt_schedules(
    prompts: Sequence[str], base_steps: int, hires_steps: int | None = None, use_old_scheduling: bool = False
) -> list[list[list[Any]]]:
    """[[[last step, text], ...], ...], one list a prompt."""
    steps, first = (base_steps, None) if hires_steps is None else (hires_steps, base_steps)
    timeline = Timeline(steps, first, old=use_old_scheduling)
    return [_joined([[each.last_step, each.text] for each in text_schedule(prompt, timeline)]) for prompt in prompts]


def _joined(schedule: list[list[Any]]) -> list[list[Any]]:
    """Up to step 0 there is nothing."""
    return [entry for entry in schedule if entry[0] > 0] or schedule[-1:]


def get_multicond_prompt_list(
    prompts: Sequence[str],
) -> tuple[list[list[tuple[int, float]]], SdConditioning, dict[str, int]]:
    """-> (for each prompt its parts as (index, weight), the different parts, {part: index})"""
    indexes: dict[str, int] = {}
    result: list[list[tuple[int, float]]] = []
    for prompt in prompts:
        parts = [(prompt[span.start : span.end], weight) for span, weight in part_spans(prompt)]
        result.append([(indexes.setdefault(text, len(indexes)), weight) for text, weight in parts])
    return result, SdConditioning(list(indexes), copy_from=prompts), indexes


def get_learned_conditioning(
    model: Any, prompts: Any, steps: int, hires_steps: int | None = None, use_old_scheduling: bool = False
) -> list[list[ScheduledPromptConditioning]]:
    """What each prompt says, step by step; `model` is `shared.sd_model` inside a job."""
    schedules = get_learned_conditioning_prompt_schedules(prompts, steps, hires_steps, use_old_scheduling)
    known: dict[str, list[ScheduledPromptConditioning]] = {}
    for prompt, schedule in zip(prompts, schedules, strict=True):
        if prompt not in known:
            texts = SdConditioning([text for _, text in schedule], copy_from=prompts)
            said = model.get_learned_conditioning(texts)
            known[prompt] = [ScheduledPromptConditioning(end, _of(said, i)) for i, (end, _) in enumerate(schedule)]
    return [known[prompt] for prompt in prompts]


def _of(said: Any, index: int) -> Any:
    return {key: value[index] for key, value in said.items()} if isinstance(said, dict) else said[index]


def get_multicond_learned_conditioning(
    model: Any, prompts: Any, steps: int, hires_steps: int | None = None, use_old_scheduling: bool = False
) -> MulticondLearnedConditioning:
    """The same of prompts with AND."""
    indexes, parts, _ = get_multicond_prompt_list(prompts)
    said = get_learned_conditioning(model, parts, steps, hires_steps, use_old_scheduling)
    batch = [[ComposableScheduledPromptConditioning(said[i], weight) for i, weight in each] for each in indexes]
    return MulticondLearnedConditioning((len(prompts),), batch)


def reconstruct_cond_batch(c: list[list[ScheduledPromptConditioning]], current_step: int) -> Any:
    """What the prompts of a batch say at a step."""
    found = [
        next((each.cond for each in schedule if current_step <= each.end_at_step), schedule[-1].cond) for schedule in c
    ]
    if isinstance(found[0], dict):
        return DictWithShape({key: torch.stack([each[key] for each in found]) for key in found[0]})
    return torch.stack(_padded(found))


def reconstruct_multicond_batch(
    c: MulticondLearnedConditioning, current_step: int
) -> tuple[list[list[tuple[int, float]]], Any]:
    """-> (for each picture its parts as (index, weight), what the parts say)"""
    places: list[list[tuple[int, float]]] = []
    schedules: list[list[ScheduledPromptConditioning]] = []
    for parts in c.batch:
        places.append([(len(schedules) + i, part.weight) for i, part in enumerate(parts)])
        schedules += [part.schedules for part in parts]
    return places, reconstruct_cond_batch(schedules, current_step)


def stack_conds(tensors: list[Tensor]) -> Tensor:
    """As one, the shorter ones lengthened by their last token."""
    return torch.stack(_padded(tensors))


def _padded(tensors: list[Tensor]) -> list[Tensor]:
    longest = max(each.shape[0] for each in tensors)
    return [torch.cat([each, each[-1:].repeat(longest - each.shape[0], 1)]) for each in tensors]


def parse_prompt_attention(text: str) -> list[list[Any]]:
    """[[text, weight], ...]; a BREAK is ["BREAK", -1]."""
    found = [["BREAK", -1] if part is BREAK else [part.text, part.weight] for part in weighted_segments(text)]
    return found or [["", 1.0]]
