"""p.sample and p.sampler.sample: what extensions put in their place is called, and what they call samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.studio.canvas import Canvas, without_picture
from modules.studio.hooks import Chain
from modules.studio.job import Stopped
from modules.studio.passes import Pass, first_pass
from modules.studio.sampling import canvas_of, noise_of, sample

from .batch_rows import take_given
from .batch_words import BatchWords, NoiseOfRng, extension_of, spoken_of
from .containment import containment
from .host import host
from .missing import refuse
from .moments import take_conditioning
from .replaced import is_ours
from .second_pass import decoded, taken_from
from .spoken import Spoken

if TYPE_CHECKING:
    from modules.diffusion.model import Model
    from modules.studio.job import Batch


def through_sample(p: Any, make: Callable[[], Tensor]) -> Tensor:
    """The batch's latents, by p.sample where an extension has put its own in its place. Raises: Stopped."""
    words: BatchWords = p._words
    words.make, words.made, words.enlarged = make, None, None
    words.spoken.clear()  # where the batch is sampled once more, in float32
    take_given(p)
    take_conditioning(p)
    method = p.sample
    name = extension_of(method)
    if is_ours(p, "sample") or not containment.conduct(name).runs:
        return make()
    undo, made = p.remember(), None
    with containment.guard(name, "sample", tells=(AquatintError, Stopped)):
        made = method(
            conditioning=p.c,
            unconditional_conditioning=p.uc,
            seeds=p.seeds,
            subseeds=p.subseeds,
            subseed_strength=p.subseed_strength,
            prompts=p.prompts,
        )
    if made is None and words.made is None and words.enlarged is None:
        undo()
    taken = taken_from(p, made, name)
    found = words.enlarged if words.enlarged is not None else words.made
    if found is None and taken is not None and host.model is not None:
        return torch.zeros(len(p._batch.seeds), *host.model.latent_shape(p.width, p.height))  # it is decoded already
    return make() if found is None else found


def sampled_by_default(p: Any, conditioning: Any, unconditional_conditioning: Any) -> Any:
    """What p.sample does: all passes of the batch, with these prompts. Gives latents, or after hires fix pictures.

    Raises: NotHereError outside of a batch."""
    words: BatchWords | None = p._words
    if words is None or words.make is None:
        refuse("p.sample outside of a batch", "process_images(p) makes pictures")
    spoken = spoken_of(p, "first")
    if spoken is not None:
        _say(spoken, conditioning, unconditional_conditioning)
    with containment.out(), torch.inference_mode():
        words.made = words.make()
        return decoded(p, words.made) if p._batch.enlarge is not None else words.made


def _say(spoken: Any, conditioning: Any, unconditional: Any) -> None:
    if conditioning is not None and conditioning is not spoken.c:
        spoken.c = conditioning
    if unconditional is not None and unconditional is not spoken.uc:
        spoken.uc = unconditional


def sampled_by_hand(
    p: Any,
    sampler_name: str,
    noise: Tensor,
    latents: Tensor | None,
    conditioning: Any,
    unconditional_conditioning: Any,
    steps: int | None,
    image_conditioning: Any,
) -> Tensor:
    """One pass that an extension asks a sampler for: from noise (B, C, h, w), or over latents of that shape.

    Raises: NotHereError outside of a batch, Stopped."""
    face = p if getattr(p, "_job", None) is not None else host.p  # a copy of p, with another strength or scale
    words: BatchWords | None = getattr(face, "_words", None)
    job, batch, model = getattr(face, "_job", None), getattr(face, "_batch", None), host.model
    if words is None or job is None or batch is None or model is None:
        refuse("Sampler.sample outside of a batch", "process_images(p) with p.sampler_name runs a sampler")
    run = _pass_of(face, sampler_name, noise, p.denoising_strength if latents is not None else None, steps, model)
    run = run if face is p else replace(run, cfg_scale=float(p.cfg_scale), scheduler=p.scheduler or run.scheduler)
    canvas = without_picture(model, len(batch.seeds), run.width, run.height)
    if isinstance(image_conditioning, Tensor) and canvas.inpaint is not None:
        fits = image_conditioning.shape == canvas.inpaint.shape
        canvas = replace(canvas, inpaint=image_conditioning.to(canvas.inpaint)) if fits else canvas
    before, by_hand, spoken = batch.canvas, words.by_hand, dict(words.spoken)
    batch.canvas, words.by_hand = _with_latents(canvas, before, latents), True
    words.spoken[run.name] = Spoken.of(conditioning, unconditional_conditioning)
    plain = noise_of(job, batch, run, model)
    try:
        with containment.out(), torch.inference_mode():
            chain = Chain(host.app.engine.hooks)
            return sample(job, batch, run, model, chain, NoiseInHand(words, plain, job, noise))
    finally:
        batch.canvas, words.by_hand, words.spoken = before, by_hand, spoken


def _with_latents(canvas: Canvas, before: Canvas | None, latents: Tensor | None) -> Canvas:
    """Over these latents; with the batch's mask, where it is of their size."""
    if latents is None:
        return canvas
    mask = before.mask if before is not None else None
    fits = mask is not None and mask.shape[-2:] == latents.shape[-2:]
    return replace(canvas, latents=latents, mask=mask if fits else None)


def _pass_of(p: Any, sampler_name: str, noise: Tensor, strength: float | None, steps: int | None, model: Model) -> Pass:
    """`strength` is None where there is no picture to be painted over."""
    job, batch = p.job, p._batch
    run: Pass = p._pass or first_pass(job, batch)
    _, height, width = model.latent_shape(run.width, run.height)
    size = run.width // width * noise.shape[-1], run.height // height * noise.shape[-2]
    share = 1.0 if strength is None else strength
    named = replace(run, sampler_name=sampler_name, width=size[0], height=size[1], denoising_strength=share)
    return named if steps is None else replace(named, steps=steps, fix_steps=strength is not None)


class NoiseInHand(NoiseOfRng):
    """It begins with the noise that the extension has."""

    def __init__(self, words: BatchWords, plain: Any, job: Any, noise: Tensor) -> None:
        super().__init__(words, plain, job)
        self._begin = noise


def begin_pass(p: Any, run: Pass) -> None:
    """p.sampler is that of the pass."""
    words: BatchWords | None = p._words
    if words is None:
        return
    from .. import sd_samplers

    words.sampler = sd_samplers.create_sampler(run.sampler_name, p.sd_model)
    words.sampler.initialize(p)


def before_sampling(p: Any, batch: Batch, x: Tensor, sigmas: Tensor) -> Tensor:
    """Calls the scripts' process_before_every_sampling as A1111 does, and gives the x (B, C, h, w) that its changes
    make: of the noise, of the picture's latents, and of what the prompts say."""
    words: BatchWords = p._words
    spoken, canvas = words.spoken[p._pass.name], canvas_of(batch)
    unit = x / sigmas[0] if canvas.latents is None else (x - canvas.latents) / sigmas[0]
    noise = unit.clone()
    seen = noise if canvas.latents is None else canvas.latents.clone()
    before = seen.clone()
    c, uc = spoken.c, spoken.uc
    p.scripts.process_before_every_sampling(p, x=seen, noise=noise, c=c, uc=uc)
    problem = spoken.settle(words.steps)
    if problem:
        p.job.comment(f"What an extension has made of the prompts is left out: {problem}.")
    if not torch.equal(seen, before) and canvas.latents is not None:
        batch.canvas = replace(canvas_of(batch), latents=seen)
    latents = canvas_of(batch).latents
    if latents is not None and canvas.latents is not None and latents is not canvas.latents:
        x = x + (latents - canvas.latents)
    return x if torch.equal(noise, unit) else x + (noise - unit) * sigmas[0]
