"""One pass of one batch from its first noise to its finished latents: the only loop there is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NamedTuple

from torch import Tensor

from modules.diffusion.denoiser import Guidance, check_finite, img2img_sigmas, start_from_latents, start_from_noise
from modules.diffusion.model import Model
from modules.diffusion.noise import ImageNoise
from modules.diffusion.samplers import SamplerRow, find_sampler, sampling_sigmas, schedule_for
from modules.diffusion.sigmas import Schedule, sigma_to_t
from modules.studio.canvas import Canvas
from modules.studio.hooks import Hooks
from modules.studio.job import Batch, Job, Stopped
from modules.studio.passes import Pass
from modules.studio.prompting import step_prompts
from modules.studio.request import SAMPLER_FIELDS, Img2Img
from modules.studio.settings import Options


class Refiner(NamedTuple):
    """Another model that finishes a pass."""

    run: Pass
    switch_at: float
    """The share of the way, 0 to 1, after which it takes over."""
    by_steps: bool
    """The way is counted in steps, not by the noise level that the model was trained on."""
    open: Callable[[Pass], AbstractContextManager[Model]]

    def is_due(self, step: int, steps: int, sigma: Tensor, training_sigmas: Tensor) -> bool:
        """Whether it takes over at a call of the model; `step` of `steps` have ended."""
        if self.by_steps:
            return step / steps >= self.switch_at
        timestep = float(sigma_to_t(training_sigmas.cpu(), sigma.cpu()).round())
        last = len(training_sigmas) - 1
        return (last - timestep) / (last + 1) >= self.switch_at


def noise_of(job: Job, batch: Batch, run: Pass, model: Model) -> ImageNoise:
    """The noise of a pass: each image's from its own seed."""
    request = job.request
    resized = None
    if request.seed_resize_from_w and request.seed_resize_from_h:
        resized = model.latent_shape(request.seed_resize_from_w, request.seed_resize_from_h)[1:]
    return ImageNoise(
        batch.seeds,
        model.latent_shape(run.width, run.height),
        subseeds=batch.subseeds,
        subseed_strength=request.subseed_strength,
        seed_delta=job.options.eta_noise_seed_delta,
        resized_from=resized,
        source=job.options.randn_source,
        device=model.device,
    )


def sample(
    job: Job,
    batch: Batch,
    run: Pass,
    model: Model,
    hooks: Hooks,
    noise: ImageNoise,
    refiner: Refiner | None = None,
) -> Tensor:
    """The finished latents (B, C, h, w) of a pass over what is on the batch's canvas.

    Stopped half way it gives the model's newest guess at the finished latents, which looks like a picture.
    Raises: Stopped if there is no guess yet, NotANumberError.
    """
    sampler, given = find_sampler(run.sampler_name), hooks.schedule(job, batch, run, model)
    sigmas = sigmas_of(job.options, run, model, canvas_of(batch), given)
    x, count = _start(job, batch, sampler, sigmas, noise, hooks), len(sigmas) - 1
    before = job.progress.step
    with ExitStack() as stack:
        denoise = _Denoise(job, batch, run, model, hooks, count, refiner, stack)
        x = hooks.sampling_begins(job, batch, model, x, sigmas)
        job.report(
            stage="sampling, second pass" if run.is_second else "sampling",
            steps=before + count + run.steps_after,
            started=job.progress.started or time.monotonic(),
        )
        steps = sampler.sample(
            denoise,
            x,
            sigmas,
            noise.while_sampling(sampler.noise, sigmas),
            denoise.unconditional,
            **_sampler_options(job),
        )
        try:
            for denoise.step, x in enumerate(steps, start=1):
                job.report(step=before + denoise.step)
                hooks.step_ends(job, batch, denoise.step, x)
        except Stopped:
            if batch.denoised is None:
                raise
            x = batch.denoised
    check_finite(x)
    return canvas_of(batch).ended(x)


def canvas_of(batch: Batch) -> Canvas:
    """The canvas of a batch that is prepared."""
    assert batch.canvas is not None
    return batch.canvas


def sigmas_of(options: Options, run: Pass, model: Model, canvas: Canvas, given: Schedule | None = None) -> Tensor:
    """(n + 1,) descending to 0: the whole schedule, or the part of it that a picture on the canvas leaves. One that is
    `given` is in the place of the pass's own, but for samplers on whole timesteps."""
    sampler = find_sampler(run.sampler_name)
    schedule = (
        given
        if given is not None and not sampler.on_timesteps
        else schedule_for(
            sampler,
            run.scheduler,
            sdxl=model.family.time_ids > 0,
            skip_type=options.uni_pc_skip_type,
            sigma_min=options.sigma_min,
            sigma_max=options.sigma_max,
            rho=options.rho,
            alpha=options.beta_dist_alpha,
            beta=options.beta_dist_beta,
        )
    )
    facts = sampler, schedule, model.training_sigmas, run.steps
    discards = options.always_discard_next_to_last_sigma
    if canvas.latents is None:
        return sampling_sigmas(*facts, discard_penultimate=discards)
    strength = run.denoising_strength
    return img2img_sigmas(*facts, strength, fix_steps=run.fix_steps, discard_penultimate=discards)


def _sampler_options(job: Job) -> dict[str, Any]:
    """By the names that the samplers know them by."""
    options = job.options
    return {name: getattr(job.request, name) for name in SAMPLER_FIELDS} | {
        "variant": options.uni_pc_variant,
        "order": options.uni_pc_order,
        "lower_order_final": options.uni_pc_lower_order_final,
    }


def _start(job: Job, batch: Batch, sampler: SamplerRow, sigmas: Tensor, noise: ImageNoise, hooks: Hooks) -> Tensor:
    """The x (B, C, h, w) that the pass begins with."""
    first, request, canvas = noise.initial(), job.request, canvas_of(batch)
    if canvas.latents is None:
        return start_from_noise(sampler, first, sigmas, as_trained=job.options.sgm_noise_multiplier)
    multiplier = job.options.initial_noise_multiplier if isinstance(request, Img2Img) else 1.0
    if isinstance(request, Img2Img) and request.initial_noise_multiplier is not None:
        multiplier = request.initial_noise_multiplier
    x = start_from_latents(canvas.latents, first * multiplier, sigmas)
    if not job.options.img2img_extra_noise:
        return x
    return x + hooks.extra_noise(job, batch, first, canvas.latents, x) * job.options.img2img_extra_noise


class _Denoise:
    """The guided model as the sampler calls it, with the hooks around and the unmasked part kept."""

    def __init__(
        self,
        job: Job,
        batch: Batch,
        run: Pass,
        model: Model,
        hooks: Hooks,
        steps: int,
        refiner: Refiner | None,
        stack: ExitStack,
    ) -> None:
        """What the refiner is opened with is left in `stack`."""
        self.job, self.batch, self.hooks = job, batch, hooks
        self.steps, self.refiner, self.stack = steps, refiner, stack
        self.step = 0
        """Steps that have ended."""
        self.calls = 0
        batch.denoised = None
        self._take(model, run)

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        job, batch, canvas = self.job, self.batch, canvas_of(self.batch)
        job.check()
        if self.refiner and self.refiner.is_due(self.step, self.steps, sigma, self.guidance.model.training_sigmas):
            refiner, self.refiner = self.refiner, None
            self._take(self.stack.enter_context(refiner.open(refiner.run)), refiner.run)
        x = self.hooks.step_begins(job, batch, self.step, x, sigma)
        self.guidance.positive, self.guidance.negative = self.prompts.at(self.step + 1)
        self.guidance.without_negative = self._saves_negative(float(sigma))
        self.guidance.inpaint = canvas.inpaint if self.guidance.inpaint is not None else None
        self.calls += 1
        x = self.hooks.guided(job, batch, self.step, self.guidance, x, sigma)
        guided = self.guidance(x, sigma)
        denoised = canvas.blended(guided, float(sigma))
        if canvas.mask is not None:
            denoised = self.hooks.blended(job, batch, self.step, guided, denoised, canvas, sigma)
        batch.denoised = self.hooks.denoised(job, batch, self.step, denoised, sigma)
        return batch.denoised

    def unconditional(self) -> Tensor:
        """What the last call would have given for the negative prompts alone."""
        assert self.guidance.unconditional is not None
        return self.guidance.unconditional

    def _take(self, model: Model, run: Pass) -> None:
        """From now on this model is asked."""
        sampler = find_sampler(run.sampler_name)
        said = step_prompts(self.job, run, model, self.steps)
        self.prompts = self.hooks.prompts(self.job, self.batch, run, said)
        self.guidance = Guidance(
            model,
            *self.prompts.at(self.step + 1),
            run.cfg_scale / sampler.cfg_divisor,
            canvas_of(self.batch).inpaint if model.has_inpaint_channels else None,
            always_negative=sampler.sees_unconditional,
            rescale=self.job.request.cfg_rescale,
        )

    def _saves_negative(self, sigma: float) -> bool:
        """A1111's "skip early CFG" and "negative guidance minimum sigma"."""
        options, limit = self.job.options, self.job.request.s_min_uncond or 0
        if options.skip_early_cond and self.step / self.steps <= options.skip_early_cond:
            return True
        return sigma < limit and (options.s_min_uncond_all or self.calls % 2 == 1)
