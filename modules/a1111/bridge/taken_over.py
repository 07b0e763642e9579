"""What extensions put in the place of A1111's functions: how prompts are read, how the answers to them are joined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from modules.studio.passes import Pass

from .. import prompt_parser
from ..extra_networks import parse_prompts
from .batch_words import extension_of
from .containment import containment
from .denoising import told
from .replaced import is_written_in
from .sampler_face import Denoiser

if TYPE_CHECKING:
    from modules.diffusion.denoiser import Guidance

    from .spoken import Spoken

READERS = (
    "get_learned_conditioning",
    "get_learned_conditioning_prompt_schedules",
    "get_multicond_learned_conditioning",
    "get_multicond_prompt_list",
)
"""Functions of `prompt_parser`."""
PARSER = Path(prompt_parser.__file__)


def _reader(name: str) -> Any:
    return getattr(prompt_parser, name)


def read_by_theirs(p: Any, spoken: Spoken, run: Pass) -> None:
    """Where an extension has put a function of its own in the place of one of `prompt_parser`, it reads the prompts."""
    theirs = next((each for each in map(_reader, READERS) if not is_written_in(each, PARSER)), None)
    if theirs is None or spoken.is_asked_for or not containment.conduct(extension_of(theirs)).runs:
        return
    steps, before = spoken.steps, run.steps_before
    timed = (steps, None) if before is None else (before, steps)
    old = p.job.options.use_old_scheduling
    with containment.guard(extension_of(theirs), "prompt_parser"), torch.inference_mode():
        positive, negative = (
            prompt_parser.SdConditioning(parse_prompts(list(texts))[0], is_negative, run.width, run.height)
            for texts, is_negative in ((run.prompts, False), (run.negative_prompts, True))
        )
        c = _reader("get_multicond_learned_conditioning")(p.sd_model, positive, *timed, old)
        uc = _reader("get_learned_conditioning")(p.sd_model, negative, *timed, old)
        spoken.c, spoken.uc = c, uc
        problem = spoken.settle(steps)
        if problem:
            p.job.comment(f"What {extension_of(theirs)} has read in the prompts is left out: {problem}.")


def combined_by_theirs(p: Any, guidance: Guidance) -> Callable[[Tensor, list[Any], float], Tensor] | None:
    """What an extension has put in the place of the denoiser's `combine_denoised`; None where nobody has."""
    denoiser = getattr(p.sampler, "model_wrap_cfg", None)
    theirs = getattr(denoiser, "combine_denoised", None)
    if theirs is None or getattr(theirs, "__func__", None) is Denoiser.combine_denoised:
        return None
    owner = extension_of(theirs)
    if not containment.conduct(owner).runs:
        return None

    def combined(rows: Tensor, places: list[Any], scale: float) -> Tensor:
        made = None
        with containment.guard(owner, "combine_denoised"):
            made = theirs(rows.clone(), places, told(list(guidance.negative)), scale)
        if isinstance(made, Tensor) and made.shape == rows[: len(places)].shape:
            return made.to(rows)
        vars(denoiser).pop("combine_denoised", None)  # or each further step would be one more fault
        joined: Tensor = Denoiser(p.sampler).combine_denoised(rows, places, guidance.negative, scale)
        return joined

    return combined
