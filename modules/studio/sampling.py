"""One batch from its first noise to its finished latents: the only loop there is."""

from __future__ import annotations

import time
from collections.abc import Callable

from PIL import Image
from torch import Tensor

from modules.diffusion.denoiser import Guidance, check_finite, img2img_sigmas, start_from_latents, start_from_noise
from modules.diffusion.model import Model
from modules.diffusion.noise import ImageNoise
from modules.diffusion.samplers import SamplerRow, find_sampler, sampling_sigmas, schedule_for
from modules.studio.canvas import Canvas, prepare
from modules.studio.hooks import Hooks
from modules.studio.job import Batch, Job, Stopped
from modules.studio.prompting import step_prompts
from modules.studio.request import SAMPLER_FIELDS, Img2Img


def sample(
    job: Job, batch: Batch, model: Model, hooks: Hooks, open_picture: Callable[[str], Image.Image]
) -> tuple[Canvas, Tensor]:
    """What the batch was painted on, and its finished latents (B, C, h, w).

    Stopped half way it gives the model's newest guess at the finished latents, which looks like a picture.
    Raises: Stopped if there is no guess yet, NotANumberError, AquatintError for an empty mask.
    """
    request, sampler = job.request, find_sampler(job.request.sampler_name or "")
    noise = ImageNoise(
        batch.seeds,
        model.latent_shape(request.width, request.height),
        subseeds=batch.subseeds,
        subseed_strength=request.subseed_strength,
        seed_delta=job.options.eta_noise_seed_delta,
        device=model.device,
    )
    schedule = schedule_for(sampler, request.scheduler, sdxl=model.family.time_ids > 0)
    first = noise.initial()
    canvas = prepare(request, len(batch.seeds), first, model, open_picture)
    if canvas.latents is None:
        sigmas = sampling_sigmas(sampler, schedule, model.training_sigmas, request.steps)
        x = start_from_noise(sampler, first, sigmas)
    else:
        sigmas = img2img_sigmas(
            sampler,
            schedule,
            model.training_sigmas,
            request.steps,
            request.denoising_strength if isinstance(request, Img2Img) else 1.0,
            fix_steps=job.options.img2img_fix_steps,
        )
        x = start_from_latents(canvas.latents, first * _noise_multiplier(job), sigmas)
    denoise = _Denoise(job, batch, model, hooks, canvas, len(sigmas) - 1, sampler)
    x = hooks.sampling_begins(job, batch, model, x, sigmas)
    job.report(stage="sampling", step=0, steps=len(sigmas) - 1, started=job.progress.started or time.monotonic())
    steps = sampler.sample(
        denoise,
        x,
        sigmas,
        noise.while_sampling(sampler.noise, sigmas),
        denoise.unconditional,
        **{name: getattr(request, name) for name in SAMPLER_FIELDS},
    )
    try:
        for denoise.step, x in enumerate(steps, start=1):
            job.report(step=denoise.step)
            hooks.step_ends(job, batch, denoise.step, x)
    except Stopped:
        if batch.denoised is None:
            raise
        x = batch.denoised
    check_finite(x)
    return canvas, _blended(x, canvas)


class _Denoise:
    """The guided model as the sampler calls it, with the hooks around and the unmasked part kept."""

    def __init__(
        self, job: Job, batch: Batch, model: Model, hooks: Hooks, canvas: Canvas, steps: int, sampler: SamplerRow
    ) -> None:
        self.prompts = step_prompts(job, batch, model, steps)
        self.guidance = Guidance(
            model,
            *self.prompts.at(1),
            job.request.cfg_scale / sampler.cfg_divisor,
            canvas.inpaint,
            always_negative=sampler.sees_unconditional,
        )
        self.job, self.batch, self.hooks, self.canvas = job, batch, hooks, canvas
        self.step = 0
        """Steps that have ended."""

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        job, batch = self.job, self.batch
        if job.interrupted or job.skipped:
            raise Stopped
        x = self.hooks.step_begins(job, batch, self.step, x, sigma)
        self.guidance.positive, self.guidance.negative = self.prompts.at(self.step + 1)
        denoised = _blended(self.guidance(x, sigma), self.canvas)
        batch.denoised = self.hooks.denoised(job, batch, self.step, denoised, sigma)
        return batch.denoised

    def unconditional(self) -> Tensor:
        """What the last call would have given for the negative prompts alone."""
        assert self.guidance.unconditional is not None
        return self.guidance.unconditional


def _blended(latents: Tensor, canvas: Canvas) -> Tensor:
    """Outside of the mask the picture's own latents."""
    if canvas.mask is None or canvas.latents is None:
        return latents
    return canvas.latents * (1 - canvas.mask) + latents * canvas.mask


def _noise_multiplier(job: Job) -> float:
    asked = job.request.initial_noise_multiplier if isinstance(job.request, Img2Img) else None
    return job.options.initial_noise_multiplier if asked is None else asked
