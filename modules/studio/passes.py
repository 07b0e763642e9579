"""Passes: the runs of a sampler that a batch goes through, each with its own size, steps, prompts and model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from modules.studio.job import Batch, Job
from modules.studio.request import Img2Img, Txt2Img

PassName = Literal["first", "hires", "refiner"]


@dataclass(frozen=True)
class Pass:
    """One run of a sampler; of the refiner, the rest of one."""

    name: PassName
    width: int
    height: int
    """Pixels, whole latent cells."""
    sampler_name: str
    scheduler: str
    steps: int
    """As they were asked for; a denoising strength may leave some out."""
    cfg_scale: float
    prompts: tuple[str, ...]
    """One for each image of the batch."""
    negative_prompts: tuple[str, ...]
    denoising_strength: float = 1.0
    fix_steps: bool = False
    """So many steps are done whatever the denoising strength is."""
    checkpoint: str | None = None
    """Where it is not the job's own."""
    steps_before: int | None = None
    """Of the first pass, in the second."""
    steps_after: int = 0
    """Of the passes that follow, for the progress."""

    @property
    def is_second(self) -> bool:
        return self.steps_before is not None


def first_pass(job: Job, batch: Batch) -> Pass:
    """The only one of most jobs."""
    request = job.request
    return Pass(
        "first",
        *request.painted_size,
        request.sampler_name or "",
        request.scheduler or "",
        request.steps,
        request.cfg_scale,
        tuple(batch.prompts),
        tuple(batch.negative_prompts),
        request.strength_of(batch.index) if isinstance(request, Img2Img) else 1.0,
        fix_steps=job.options.img2img_fix_steps,
        steps_after=request.hr_second_pass_steps if isinstance(request, Txt2Img) and request.enable_hr else 0,
    )


def hires_pass(job: Job, batch: Batch) -> Pass | None:
    """The second one, if there is to be one."""
    request = job.request
    if not isinstance(request, Txt2Img) or not request.enable_hr:
        return None
    width, height = request.hires_size.final
    return Pass(
        "hires",
        width,
        height,
        request.hr_sampler_name or "",
        request.hr_scheduler or "",
        request.hr_second_pass_steps,
        request.cfg_scale if request.hr_cfg is None else request.hr_cfg,
        _or_as_before(batch.hr_prompts, batch.prompts),
        _or_as_before(batch.hr_negative_prompts, batch.negative_prompts),
        request.denoising_strength,
        fix_steps=True,
        checkpoint=request.hr_checkpoint_name,
        steps_before=0 if request.firstpass_image else request.steps,
    )


def changed_second(run: Pass, job: Job, batch: Batch) -> Pass:
    """The second pass with what was changed of it after its picture was enlarged and its prompts were read."""
    changed = hires_pass(job, batch)
    if changed is None:
        return run
    names = "steps", "cfg_scale", "denoising_strength"
    return replace(run, **{name: getattr(changed, name) for name in names})


def refiner_pass(job: Job, run: Pass) -> Pass | None:
    """What the refiner takes over from `run`, if it is to."""
    request, where = job.request, job.options.hires_fix_refiner_pass
    if not request.refiner_checkpoint or request.refiner_switch_at is None or request.refiner_switch_at >= 1:
        return None
    has_two = isinstance(request, Txt2Img) and request.enable_hr
    if has_two and where != "both passes" and run.is_second != (where == "second pass"):
        return None
    return replace(run, name="refiner", checkpoint=request.refiner_checkpoint)


def _or_as_before(texts: list[str], before: list[str]) -> tuple[str, ...]:
    return tuple(text or other for text, other in zip(texts or [""] * len(before), before, strict=True))
