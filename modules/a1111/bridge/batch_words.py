"""What A1111's p has while a batch is at work: its noise, its prompts, its sampler, what lies over its pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.noise import ImageNoise, NoiseFn
from modules.diffusion.prompt_conditioning import PromptsInTime, StepPrompts
from modules.diffusion.sigmas import Schedule
from modules.studio.job import Batch, Job
from modules.studio.passes import Pass, first_pass
from modules.studio.prompting import step_prompts
from modules.studio.sampling import noise_of, sigmas_of

from .containment import containment
from .host import host
from .loaded import loaded
from .spoken import Spoken


@dataclass
class BatchWords:
    """Beside the batch itself, which is the core's."""

    rng: Any = None
    """What was asked for or assigned; None while nobody has, and noise comes as it does without extensions."""
    sampler: Any = None
    spoken: dict[str, Spoken] = field(default_factory=dict)
    """By the name of the pass."""
    noises: dict[str, NoiseOfRng] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    """What was assigned of the canvas before there was one."""
    overlays: list[Any] | None = None
    mask_for_overlay: Any = None
    colours: list[Any] | None = None
    make: Callable[[], Tensor] | None = None
    made: Tensor | None = None
    """What `make` has given."""
    enlarged: Tensor | None = None
    """What the second pass of hires fix has given to p.sample_hr_pass."""
    models: list[Any] = field(default_factory=list)
    """Those that the passes at work have taken the place of."""
    by_hand: bool = False
    """An extension calls a sampler itself: what A1111 does around it is not done."""
    step: int = 0
    steps: int = 0

    def copy(self) -> BatchWords:
        """To be put back."""
        listed = {name: list(getattr(self, name)) for name in ("overlays", "colours") if getattr(self, name)}
        dicts = {name: dict(getattr(self, name)) for name in ("spoken", "noises", "given")}
        return replace(self, **listed, **dicts)  # type: ignore[arg-type]  # of these very types


class NoiseOfRng(ImageNoise):
    """The noise of a pass, from p's rng once there is one; Brownian noise has nothing to do with it, as in A1111."""

    def __init__(self, words: BatchWords, plain: ImageNoise, job: Job) -> None:
        self.words, self._plain, self._job = words, plain, job
        self.rng = words.rng
        self._begin: Tensor | None = None

    def initial(self) -> Tensor:
        if self._begin is None:
            self._begin = self._next(self._plain.initial)
        return self._begin.clone()

    def gaussian(self, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        return self._next(lambda: self._plain.gaussian(sigma, sigma_next))

    def brownian(self, sigma_min: Tensor | float, sigma_max: Tensor | float) -> NoiseFn:
        return self._plain.brownian(sigma_min, sigma_max)

    def _next(self, plain: Callable[[], Tensor]) -> Tensor:
        rng = self.words.rng
        if rng is None:
            return plain()
        made = containment.call(extension_of(rng), "rng", rng.next)
        like = self._plain.initial()
        if isinstance(made, Tensor) and made.shape == like.shape:
            return made.to(like)
        self._job.comment("The noise that an extension has put in place has another shape, and is left out.")
        return plain()


def noise_for(p: Any, job: Job, batch: Batch, run: Pass, plain: ImageNoise) -> ImageNoise:
    """The noise that a pass gets; the same once more where it is run again for more precision."""
    words: BatchWords | None = p._words
    if words is None or batch is not p._batch:
        return plain
    known = words.noises.get(run.name)
    if known is None or known.rng is not words.rng or words.rng is None:
        known = words.noises[run.name] = NoiseOfRng(words, plain, job)
    return known


def rng_of(p: Any) -> Any:
    """p.rng: A1111's ImageRNG over the very noise that the running pass would have."""
    words: BatchWords = p._words
    if words.rng is None and host.model is not None:
        from ..rng import ImageRNG

        job, batch, model = p.job, p._batch, host.model
        run = _sampled_pass(p)
        request, shape = job.request, model.latent_shape(run.width, run.height)
        words.rng = ImageRNG(
            shape,
            list(batch.seeds),
            subseeds=list(batch.subseeds),
            subseed_strength=request.subseed_strength,
            seed_resize_from_h=request.seed_resize_from_h,
            seed_resize_from_w=request.seed_resize_from_w,
            noise=noise_of(job, batch, run, model),
        )
    return words.rng


def _sampled_pass(p: Any) -> Pass:
    """The one at work, or the first one while none is."""
    run: Pass | None = p._pass
    return run if run is not None else first_pass(p.job, p._batch)


def spoken_of(p: Any, name: str) -> Spoken | None:
    """The prompts of a pass, as soon as they can be read: its model is at work."""
    words: BatchWords | None = p._words
    if words is None:
        return None
    found = words.spoken.get(name)
    run: Pass | None = p._pass
    if found is None and run is not None and run.name == name and p._batch.canvas is not None:
        model = host.model
        assert model is not None
        steps = len(sigmas_of(p.job.options, run, model, p._batch.canvas, schedule_of(p))) - 1
        with torch.inference_mode():
            found = words.spoken[name] = Spoken(step_prompts(p.job, run, model, steps))
    return found


def spoken_for(p: Any, batch: Batch, name: str, read: PromptsInTime) -> PromptsInTime:
    """What the network is asked in a pass, told by what the core has read."""
    words: BatchWords | None = p._words
    if words is None or not isinstance(read, StepPrompts):
        return read
    known = words.spoken.get(name) if batch is p._batch else None
    found = words.spoken[name] = known or Spoken()
    found.renew(read)
    return found


def schedule_of(p: Any) -> Schedule | None:
    """p.sampler_noise_scheduler_override, a function that gives noise levels for a number of steps."""
    override: Callable[[int], Any] | None = getattr(p, "sampler_noise_scheduler_override", None)
    if override is None:
        return None
    who = extension_of(override)

    def levels(_: Tensor, steps: int) -> Tensor:
        given = containment.call(who, "sampler_noise_scheduler_override", override, steps)
        sigmas = torch.as_tensor(given if given is not None else [], dtype=torch.float32).detach().cpu()
        if sigmas.ndim != 1 or len(sigmas) < 2 or not bool((sigmas.diff() <= 0).all()) or float(sigmas[-1]) != 0:
            raise AquatintError(f"The noise levels of {who} do not fall to 0 in steps.")
        return sigmas

    return Schedule("given", "given", levels)


def extension_of(thing: Any) -> str:
    """Whose code a function or an object of some class is."""
    thing = thing.func if isinstance(thing, partial) else thing
    code = getattr(getattr(thing, "__func__", thing), "__code__", None)
    if code is not None:
        return loaded.extension_of(code.co_filename)
    kind = thing if isinstance(thing, type) else type(thing)
    return loaded.extension_of(getattr(sys.modules.get(kind.__module__), "__file__", None) or "")
