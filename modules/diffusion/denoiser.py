"""Classifier-free guidance around a network: what a sampler calls, and the x that it begins with."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.errors import NotANumberError
from modules.diffusion.samplers import SamplerRow, sampling_sigmas
from modules.diffusion.sigmas import Schedule, sigma_to_t

PredictionType = Literal["epsilon", "v_prediction"]


class Predictor(Protocol):
    """The network of a diffusion model."""

    @property
    def training_sigmas(self) -> Tensor:
        """(1000,) ascending: the noise level of each trained timestep."""

    @property
    def prediction_type(self) -> PredictionType:
        """What the network's output means."""

    @property
    def exact_batches(self) -> bool:
        """Whether it is called for one image at a time, so that a batch equals single pictures bit for bit."""

    def predict(self, x: Tensor, timesteps: Tensor, conditioning: Sequence[Conditioning]) -> Tensor:
        """The raw output (n, 4, h, w) in float32 for x (n, C_in, h, w), timesteps (n,) and n prompts."""


class PromptPart(NamedTuple):
    """One of the prompts that AND joins, and its weight."""

    conditioning: Conditioning
    weight: float


Composed: TypeAlias = Conditioning | Sequence[PromptPart]
"""What one image shall be like: one prompt, or several at once."""


class Guidance:
    """Answers a sampler's question: what is x (B, 4, h, w) at noise level sigma without its noise?

    The network is preconditioned as in k-diffusion, which is Karras et al. (2022) with sigma_data = 1, and guided
    away from the negative prompts as in Ho and Salimans (2021), towards several prompts at once as in Liu et al.
    (2022), Composable Diffusion. The prompts may be replaced between two calls.
    """

    def __init__(
        self,
        model: Predictor,
        positive: Sequence[Composed],
        negative: Sequence[Conditioning],
        cfg_scale: float,
        inpaint: Tensor | None = None,
        *,
        always_negative: bool = False,
        rescale: float = 0.0,
    ) -> None:
        """`positive` and `negative` (B,). Where `cfg_scale` times all weights is 1 the negative prompts have no say and
        cost nothing, nor does a part of weight 0; with `always_negative` they are asked all the same.

        `rescale` (0 to 1) is how far what is guided gets back the contrast of what is not: `rescaled`.

        `inpaint` (B, 5, h, w), mask and masked latents, is what models of nine input channels see beside x.
        """
        self.model = model
        self.positive = positive
        self.negative = negative
        self.cfg_scale = cfg_scale
        self.inpaint = inpaint
        self.always_negative = always_negative
        self.rescale = rescale
        self.without_negative = False
        """Whether the next calls save themselves the negative prompts: an image's first prompt stands in for them."""
        self.further: Sequence[tuple[int, Conditioning]] = ()
        """(image, prompt): asked as well, between the positive and the negative ones, and told to `answered` alone."""
        self.unconditional: Tensor | None = None
        """What x (B, 4, h, w) of the last call was for the negative prompts alone, where they were asked."""
        self.answered: Callable[[Tensor], Tensor] | None = None
        """Asked after each call with the denoised x (n, 4, h, w) for each prompt, the negative ones last; gives what
        shall be joined."""
        self.combined: Callable[[Tensor, list[list[tuple[int, float]]], float], Tensor] | None = None
        """Joins the denoised x in our stead: given (n, 4, h, w), the negative ones last, for each image its prompts as
        (row, weight), and the scale; gives (B, 4, h, w)."""
        self.levels: Tensor | None = None
        """(n,), the noise level that the network believes in, for each prompt that is asked, the negative ones last;
        None is that of the call."""
        self._call: tuple[Tensor, Tensor] | None = None
        self._training_sigmas = model.training_sigmas.cpu()  # each call would wait for the device otherwise

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The denoised x, of its shape; `sigma` () is on the CPU."""
        self._call = x, sigma
        seen = self._seen(x, sigma, self.inpaint)
        output, negative = self._guided(seen, sigma_to_t(self._training_sigmas, sigma.cpu()).to(x.device))
        self.unconditional = None if negative is None else self._denoised(x, sigma, negative)
        return self._denoised(x, sigma, output)

    def _seen(self, x: Tensor, sigma: Tensor, inpaint: Tensor | None) -> Tensor:
        scaled = x / (sigma**2 + 1).sqrt()
        return scaled if inpaint is None else torch.cat([scaled, inpaint.to(scaled)], dim=1)

    def _denoised(self, x: Tensor, sigma: Tensor, output: Tensor) -> Tensor:
        if self.model.prediction_type == "v_prediction":
            return (x / (sigma**2 + 1).sqrt() - sigma * output) / (sigma**2 + 1).sqrt()
        return x - sigma * output

    def _output(self, x: Tensor, sigma: Tensor, denoised: Tensor) -> Tensor:
        """What the network would have said: the inverse of `_denoised`."""
        if self.model.prediction_type == "v_prediction":
            return (x / (sigma**2 + 1).sqrt() - denoised * (sigma**2 + 1).sqrt()) / sigma
        return (x - denoised) / sigma

    def _guided(self, seen: Tensor, timestep: Tensor) -> tuple[Tensor, Tensor | None]:
        """The network's output (B, 4, h, w), negative + sum of cfg_scale * weight * (part - negative), and negative."""
        composed = [_parts(prompt) for prompt in self.positive]
        asked = [(image, part.conditioning) for image, parts in enumerate(composed) for part in parts]
        if self.combined is not None:
            return self._combined(composed, [*asked, *self.further, *enumerate(self.negative)], seen, timestep)
        scales = [self.cfg_scale * sum(part.weight for part in parts) for parts in composed]
        if not self.always_negative and all(scale == 1 for scale in scales):
            outputs = iter(self._predicted(seen, timestep, [*asked, *self.further]))
            alone = [_sum([part.weight * self.cfg_scale * next(outputs) for part in parts]) for parts in composed]
            return torch.stack(alone), None
        in_place = self.without_negative and not self.always_negative and all(composed)
        away = () if in_place else enumerate(self.negative)
        outputs = iter(self._predicted(seen, timestep, [*asked, *self.further, *away]))
        positive = [[(part.weight, next(outputs)) for part in parts] for parts in composed]
        negative = [parts[0][1] for parts in positive] if in_place else list(outputs)[len(self.further) :]
        guided = torch.stack(
            [_composed(parts, away, self.cfg_scale) for parts, away in zip(positive, negative, strict=True)]
        )
        if self.rescale:
            plain = torch.stack([_composed(parts, away, 1.0) for parts, away in zip(positive, negative, strict=True)])
            guided = rescaled(guided, plain, self.rescale)
        return guided, None if in_place else torch.stack(negative)

    def _combined(
        self,
        composed: Sequence[Sequence[PromptPart]],
        asked: Sequence[tuple[int, Conditioning]],
        seen: Tensor,
        timestep: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """As `combined` joins them."""
        assert self._call is not None
        assert self.combined is not None
        x, sigma = self._call
        outputs = self._predicted(seen, timestep, asked)
        denoised = self._denoised(x[[image for image, _ in asked]], sigma, torch.stack(outputs))
        rows = itertools.count()
        places = [[(next(rows), part.weight) for part in parts] for parts in composed]
        wanted = self.combined(denoised, places, self.cfg_scale)
        return self._output(x, sigma, wanted), torch.stack(outputs[-len(self.negative) :])

    def _predicted(self, seen: Tensor, timestep: Tensor, asked: Sequence[tuple[int, Conditioning]]) -> list[Tensor]:
        """The outputs (4, h, w) for images and prompts: one call a group of prompts that fit in one tensor."""
        groups: dict[Hashable, list[int]] = {}
        for row, (image, prompt) in enumerate(asked):
            groups.setdefault((image if self.model.exact_batches else None, prompt.embeds.shape), []).append(row)
        outputs = [seen] * len(asked)
        for rows in groups.values():
            images = [asked[row][0] for row in rows]
            inputs, times = seen[images], timestep.expand(len(rows))
            if self.levels is not None:
                inputs, times = self._seen_at(self.levels[rows], images)
            predicted = self.model.predict(inputs, times, [asked[row][1] for row in rows])
            for row, output in zip(rows, predicted, strict=True):
                outputs[row] = output
        if self.answered is None and self.levels is None:
            return outputs
        return self._altered(outputs, [image for image, _ in asked])

    def _seen_at(self, levels: Tensor, images: Sequence[int]) -> tuple[Tensor, Tensor]:
        """What the network sees of these images at noise levels (n,) of their own, and the timesteps (n,)."""
        assert self._call is not None
        inpaint = None if self.inpaint is None else self.inpaint[list(images)]
        seen = self._seen(self._call[0][list(images)], levels[:, None, None, None], inpaint)
        return seen, sigma_to_t(self._training_sigmas, levels.cpu()).to(seen.device)

    def _altered(self, outputs: list[Tensor], images: Sequence[int]) -> list[Tensor]:
        """The outputs as `answered` wants them, and as they would be at the noise level of the call."""
        assert self._call is not None
        x, sigma = self._call
        rows, stacked = x[list(images)], torch.stack(outputs)
        own = sigma if self.levels is None else self.levels[: len(rows), None, None, None]
        denoised = self._denoised(rows, own, stacked)
        wanted = denoised if self.answered is None else self.answered(denoised.clone())
        if self.levels is None and torch.equal(wanted, denoised):
            return outputs
        return list(self._output(rows, sigma, wanted))


def _composed(parts: Sequence[tuple[float, Tensor]], away: Tensor, scale: float) -> Tensor:
    """(C, h, w): from `away` towards each part, by its weight."""
    return _sum([away, *(weight * scale * (output - away) for weight, output in parts)])


def rescaled(guided: Tensor, plain: Tensor, share: float) -> Tensor:
    """`guided` (B, C, h, w) with its standard deviation moved by `share` (0 to 1) to that of `plain`, the unguided
    prediction: Lin et al. (2023), "Common Diffusion Noise Schedules and Sample Steps are Flawed", equations 15, 16."""
    dims = tuple(range(1, guided.ndim))
    factor = plain.std(dims, keepdim=True) / guided.std(dims, keepdim=True)
    return guided * (share * factor + (1 - share))


def _parts(prompt: Composed) -> list[PromptPart]:
    """Those that have a say."""
    parts = [PromptPart(prompt, 1.0)] if isinstance(prompt, Conditioning) else prompt
    return [part for part in parts if part.weight != 0]


def _sum(tensors: Sequence[Tensor]) -> Tensor:
    """Added from the first to the last; at least one."""
    return functools.reduce(torch.add, tensors)


def check_finite(latents: Tensor) -> None:
    """Raises: NotANumberError if any of `latents` is NaN or infinite. Waits for the device, so not for every step."""
    if not torch.isfinite(latents).all():
        raise NotANumberError(
            "The model gave NaN instead of a picture. Its numbers are too large for half precision, or the checkpoint "
            "is damaged: try --no-half, or another checkpoint."
        )


def img2img_steps(steps: int, denoising_strength: float, *, fix_steps: bool = False) -> tuple[int, int]:
    """(steps of the whole schedule, how many of its last ones are taken), as A1111 counts them.

    Ordinarily that share of `steps` is taken which `denoising_strength` (0 to 1) names, and one more. With
    `fix_steps` (A1111's `img2img_fix_steps`, and always in its hires pass) the schedule is made so much longer that
    `steps` are taken.
    """
    strength = min(denoising_strength, 0.999)
    if fix_steps and strength > 0:
        return int(steps / strength), steps
    return steps, int(strength * steps) + 1


def img2img_sigmas(
    sampler: SamplerRow,
    schedule: Schedule,
    training_sigmas: Tensor,
    steps: int,
    denoising_strength: float,
    *,
    fix_steps: bool = False,
    discard_penultimate: bool = False,
) -> Tensor:
    """The part of the schedule (n + 1,) that img2img goes through: it begins at the noise that the picture is given."""
    whole, last = img2img_steps(steps, denoising_strength, fix_steps=fix_steps)
    return sampling_sigmas(sampler, schedule, training_sigmas, whole, last, discard_penultimate=discard_penultimate)


def start_from_noise(sampler: SamplerRow, noise: Tensor, sigmas: Tensor, *, as_trained: bool = False) -> Tensor:
    """The x (B, C, h, w) that txt2img begins with, from noise of unit variance and the run's sigmas.

    `as_trained`: with the variance that a training picture has under so much noise, as Stability's generative-models
    begin; the samplers that A1111 runs on whole timesteps always do.
    """
    return noise * ((sigmas[0] ** 2 + 1).sqrt() if sampler.on_timesteps or as_trained else sigmas[0])


def start_from_latents(latents: Tensor, noise: Tensor, sigmas: Tensor) -> Tensor:
    """The x (B, C, h, w) that img2img begins with: the picture's latents under noise of the run's first sigma."""
    return latents + noise * sigmas[0]
