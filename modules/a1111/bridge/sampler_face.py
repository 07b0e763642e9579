"""A1111's samplers as objects: what extensions read of the one at work, and a pass that they ask for themselves."""

from __future__ import annotations

from typing import Any

from modules.diffusion.samplers import SamplerRow, sampling_sigmas, schedule_for
from modules.studio.request import SAMPLER_FIELDS

from .face_sampling import sampled_by_hand
from .host import host

ON_TIMESTEPS = ("DDIM", "DDIM CFG++", "PLMS", "UniPC")
"""Samplers that are not k-diffusion's in A1111."""


def callback_state(sampler: Any, d: dict[str, Any]) -> None:
    """Called in each step; extensions put functions of their own in its place, which call it in turn."""


class OurSampler:
    """A face of one: it says what it is, a job runs it, and inside a batch it can be asked for a pass."""

    def __init__(self, row: SamplerRow, config: Any, model: Any = None) -> None:
        self.row, self.config, self.model, self.funcname = row, config, model, row.function.__name__
        self.name = row.name
        self.p: Any = None
        self.conditioning_key = "crossattn"
        self.extra_noise_params: dict[str, Any] = {}
        self.sampler_extra_args: dict[str, Any] = {}
        self.options: dict[str, Any] = config.options
        self.model_wrap_cfg = Denoiser(self)
        self.model_wrap = self.model_wrap_cfg.inner_model

    def initialize(self, p: Any) -> dict[str, Any]:
        """It is that of p. Gives what A1111 hands to the function of a sampler, by name."""
        self.p = p
        given = {name: getattr(p, name, None) for name in SAMPLER_FIELDS}
        self.extra_noise_params = {name: value for name, value in given.items() if value is not None}
        for name, value in given.items():
            setattr(self, name, value)
        return dict(self.extra_noise_params)

    @property
    def step(self) -> int:
        """The running step."""
        return int(self.model_wrap_cfg.step)

    @property
    def last_latent(self) -> Any:
        """(B, C, h, w): the newest guess at the finished latents; None before there is one."""
        batch = getattr(self.p, "_batch", None)
        return batch.denoised if batch is not None else None

    @property
    def stop_at(self) -> None:
        """A1111's way to end early; `shared.state.interrupt` is that here."""
        return None

    def get_sigmas(self, p: Any, steps: int) -> Any:
        """The noise levels that it goes through."""
        schedule = schedule_for(self.row, getattr(p, "scheduler", None))
        return sampling_sigmas(self.row, schedule, self.model.training_sigmas, steps)

    def sample(
        self,
        p: Any = None,
        x: Any = None,
        conditioning: Any = None,
        unconditional_conditioning: Any = None,
        steps: int | None = None,
        image_conditioning: Any = None,
    ) -> Any:
        """(B, C, h, w) latents from noise x of that shape. Raises: NotHereError outside of a batch."""
        self.initialize(p)
        return sampled_by_hand(
            p, self.row.name, x, None, conditioning, unconditional_conditioning, steps, image_conditioning
        )

    def sample_img2img(
        self,
        p: Any = None,
        x: Any = None,
        noise: Any = None,
        conditioning: Any = None,
        unconditional_conditioning: Any = None,
        steps: int | None = None,
        image_conditioning: Any = None,
    ) -> Any:
        """(B, C, h, w): latents x with noise painted over, as far as p.denoising_strength says. Raises: as `sample`."""
        self.initialize(p)
        return sampled_by_hand(
            p, self.row.name, noise, x, conditioning, unconditional_conditioning, steps, image_conditioning
        )

    def launch_sampling(self, steps: int, func: Any) -> Any:
        """What `func` gives."""
        return func()

    callback_state = callback_state


class KDiffusionSampler(OurSampler):
    """One that is k-diffusion's in A1111."""


class CompVisSampler(OurSampler):
    """One on whole timesteps."""


def class_of(row: SamplerRow) -> type[OurSampler]:
    """What A1111 makes a sampler of."""
    return CompVisSampler if row.name in ON_TIMESTEPS else KDiffusionSampler


class Denoiser:
    """A1111's `model_wrap_cfg`, which guides the model: the facts that extensions read from it."""

    image_cfg_scale = None
    padded_cond_uncond = False
    need_last_noise_uncond = False

    def __init__(self, sampler: OurSampler) -> None:
        self.sampler = sampler

    def combine_denoised(self, x_out: Any, conds_list: Any, uncond: Any, cond_scale: float) -> Any:
        """(B, C, h, w) from what the network says to each prompt, x_out (n, C, h, w), the negative ones last;
        `conds_list` has for each picture its prompts as (row, weight). Extensions put their own in its place."""
        away = x_out[-len(uncond) :]
        guided = away.clone()
        for image, parts in enumerate(conds_list):
            for row, weight in parts:
                guided[image] += (x_out[row] - away[image]) * (weight * cond_scale)
        return guided

    def __getattr__(self, name: str) -> Any:
        read = FACTS.get(name)
        if read is None:
            raise AttributeError(f"model_wrap_cfg has no {name}")
        return read(self.sampler.p)


def _of_words(p: Any, name: str) -> Any:
    return getattr(getattr(p, "_words", None), name, 0)


FACTS: dict[str, Any] = {
    "p": lambda p: p,
    "step": lambda p: _of_words(p, "step"),
    "total_steps": lambda p: _of_words(p, "steps"),
    "steps": lambda p: _of_words(p, "steps"),
    "cond_scale": lambda p: getattr(p, "cfg_scale", None),
    "mask": lambda p: getattr(p, "mask", None),
    "nmask": lambda p: getattr(p, "nmask", None),
    "init_latent": lambda p: getattr(p, "init_latent", None),
    "inner_model": lambda p: host.model,
    "model_wrap": lambda p: host.model,
}
"""Read when they are asked for."""
