"""Every sampler beside an implementation that is not ours: the same x, the same noise, the same model, in float64."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import diffusers
import torch
from torch import Generator, Tensor

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.denoiser import Guidance, PredictionType
from modules.diffusion.noise import ImageNoise, NoiseFn
from modules.diffusion.samplers import SAMPLERS
from modules.diffusion.sigmas import karras

SHAPE = (4, 8, 8)
SEEDS = (7, 8)
MEAN, SPREAD = 0.3, 0.7
"""Of the normally distributed data."""
Toy = Callable[..., Any]
Words = Callable[..., Conditioning]

K_DIFFUSION: dict[str, str] = {
    "DPM++ 2M": "sample_dpmpp_2m",
    "DPM++ SDE": "sample_dpmpp_sde",
    "DPM++ 2M SDE": "sample_dpmpp_2m_sde",
    "DPM++ 2M SDE Heun": "sample_dpmpp_2m_sde",
    "DPM++ 2S a": "sample_dpmpp_2s_ancestral",
    "DPM++ 3M SDE": "sample_dpmpp_3m_sde",
    "Euler a": "sample_euler_ancestral",
    "Euler": "sample_euler",
    "LMS": "sample_lms",
    "Heun": "sample_heun",
    "DPM2": "sample_dpm_2",
    "DPM2 a": "sample_dpm_2_ancestral",
    "DPM fast": "sample_dpm_fast",
    "DPM adaptive": "sample_dpm_adaptive",
}
BY_TIMESTEPS = {"DDIM": "DDIMScheduler", "PLMS": "PNDMScheduler", "LCM": "LCMScheduler", "DDPM": "DDPMScheduler"}
BY_SIGMAS = {"UniPC": "UniPCMultistepScheduler", "DEIS": "DEISMultistepScheduler", "IPNDM": "IPNDMScheduler"}


def wavy(x: Tensor, sigma: Tensor) -> Tensor:
    """Denoises nothing real, but remembers in its last digits by which way x came."""
    level = sigma.reshape(-1, 1, 1, 1)
    return (x + torch.sin(3 * x / (1 + level))) / (1 + level**2)


def gaussian(x: Tensor, sigma: Tensor, mean: float = MEAN, spread: float = SPREAD) -> Tensor:
    """The perfect denoiser of normally distributed data."""
    return (spread**2 * x + sigma**2 * mean) / (spread**2 + sigma**2)


def spread_of(name: str, sigmas: Tensor, **options: float) -> float:
    """The standard deviation of what the sampler makes of normally distributed data, exactly.

    Around `gaussian` a sampler is linear in its first x and in each noise that it draws. So each of them is given a
    cell of its own, and the squares of what becomes of them add up to the variance.
    """
    row, mean, drawn = SAMPLERS[name], torch.tensor([[[[MEAN]]]], dtype=torch.float64), list[Tensor]()

    def nothing(sigma: Tensor, sigma_next: Tensor) -> Tensor:
        drawn.append(sigma)
        return torch.zeros(())

    last(row.sample(gaussian, mean, sigmas, nothing, **options))
    cells = iter(torch.eye(len(drawn) + 1, dtype=torch.float64)[:, None, None, None])
    begin = mean + next(cells) * (SPREAD**2 + sigmas[0] ** 2).sqrt()
    end = last(row.sample(gaussian, begin, sigmas, lambda sigma, sigma_next: next(cells), **options))
    return float((end - MEAN).square().sum().sqrt())


def last(steps: Iterator[Tensor]) -> Tensor:
    return [*steps][-1]


def first_noise() -> Tensor:
    return ImageNoise(SEEDS, SHAPE, dtype=torch.float64).initial()


def noise_for(name: str, sigmas: Tensor, seeds: tuple[int, ...] = SEEDS) -> NoiseFn:
    return ImageNoise(seeds, SHAPE, dtype=torch.float64).while_sampling(SAMPLERS[name].noise, sigmas)


def short_of_zero(sigmas: Tensor) -> Tensor:
    """The sigmas with an end that has a logarithm, which the formulas of others need."""
    return torch.cat([sigmas[:-1], sigmas[-2:-1] / 2])


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference of any number in the final latents."""
    return float((ours - theirs).abs().max())


def difference_from_k_diffusion(sampling: Any, name: str, sigmas: Tensor, **options: float) -> float:
    """The sampler beside k-diffusion's."""
    row, function = SAMPLERS[name], getattr(sampling, K_DIFFUSION[name])
    options = {key: value for key, value in row.options.items() if key == "eta"} | options
    x = first_noise() * sigmas[0]
    ours = last(row.sample(wavy, x, sigmas, noise_for(name, sigmas), **options))
    theirs_noise, parameters = noise_for(name, sigmas), inspect.signature(function).parameters
    more: dict[str, Any] = {"disable": True, **options}
    if "noise_sampler" in parameters:
        more["noise_sampler"] = theirs_noise
    if name == "DPM++ 2M SDE Heun":
        more["solver_type"] = "heun"
    if "n" in parameters:
        more["n"] = len(sigmas) - 1
    ends = {"sigma_min": sigmas[-2], "sigma_max": sigmas[0]} if "sigma_min" in parameters else {"sigmas": sigmas}
    drawn: Callable[[Tensor], Tensor] = lambda x: theirs_noise(sigmas[0], sigmas[0])  # noqa: E731
    linspace = partial(torch.linspace, dtype=torch.float64)  # DPM fast's own sigmas are float32 otherwise
    with patch.object(torch, "randn_like", drawn), patch.object(torch, "linspace", linspace):
        return difference(ours, function(wavy, x, **ends, **more))


def difference_from_heun_between_restarts(sampling: Any, sigmas: Tensor) -> float:
    """Restart beside k-diffusion's Heun from bottom to bottom, noise added in between."""
    steps, x = len(sigmas) - 1, first_noise() * sigmas[0]
    ours = last(SAMPLERS["Restart"].sample(wavy, x, sigmas, noise_for("Restart", sigmas)))
    if steps < 20:
        return difference(ours, sampling.sample_heun(wavy, x, sigmas, disable=True))
    times, spent = (2, steps // 4) if steps >= 36 else (1, 9)
    main = karras(torch.stack([sigmas[-2], sigmas[0]]), steps - times * spent)
    bottom, top = int((main - 0.1).abs().argmin()), int((main - 2).abs().argmin())
    again = karras(main[[bottom, top]], spent + 1)[:-1]
    noise = noise_for("Restart", sigmas)
    theirs = sampling.sample_heun(wavy, x, main[: bottom + 1], disable=True)
    for _ in range(times):
        theirs = theirs + noise(main[bottom], main[top]) * (main[top] ** 2 - main[bottom] ** 2).sqrt()
        theirs = sampling.sample_heun(wavy, theirs, again, disable=True)
    return difference(ours, sampling.sample_heun(wavy, theirs, main[bottom:], disable=True))


def difference_from_lms(sampling: Any, sigmas: Tensor) -> float:
    """IPNDM_V beside k-diffusion's LMS, which is the same method but for the step to 0."""
    sigmas, x = short_of_zero(sigmas), first_noise() * sigmas[0]
    ours = last(SAMPLERS["IPNDM_V"].sample(wavy, x, sigmas, noise_for("IPNDM_V", sigmas)))
    return difference(ours, sampling.sample_lms(wavy, x, sigmas, disable=True))


def difference_from_algorithm(sigmas: Tensor) -> float:
    """DDIM CFG++ beside Algorithm 2 of Chung et al. (2024) in its own terms, x being scaled to variance 1."""
    guided, asked = wavy, list[Tensor]()

    def unguided(x: Tensor, sigma: Tensor) -> Tensor:
        return 0.5 * wavy(x, sigma) + 0.1

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        asked[:] = [unguided(x, sigma)]
        return guided(x, sigma)

    row, start = SAMPLERS["DDIM CFG++"], first_noise() * sigmas[0]
    ours = last(row.sample(denoise, start, sigmas, noise_for(row.name, sigmas), lambda: asked[0]))
    alphas = 1 / (1 + sigmas**2)
    x = start * alphas[0].sqrt()
    for (alpha, alpha_next), sigma in zip(pairwise(alphas), sigmas, strict=False):
        noisy = x / alpha.sqrt()
        epsilon = (x - alpha.sqrt() * unguided(noisy, sigma)) / (1 - alpha).sqrt()
        x = alpha_next.sqrt() * guided(noisy, sigma) + (1 - alpha_next).sqrt() * epsilon
    return difference(ours, x)


def difference_by_timesteps(toy: Toy, words: Words, name: str, steps: int, kind: PredictionType, eta: float) -> float:
    """The sampler beside diffusers' scheduler on its own timesteps, around the same network."""
    settings: dict[str, dict[str, Any]] = {
        "DDIM": {"clip_sample": False, "steps_offset": 1, "set_alpha_to_one": True},
        "PLMS": {"skip_prk_steps": True, "steps_offset": 1, "set_alpha_to_one": True},
        "LCM": {"clip_sample": False, "set_alpha_to_one": True},
        "DDPM": {"clip_sample": False, "steps_offset": 1},
    }
    scheduler = getattr(diffusers, BY_TIMESTEPS[name])(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type=kind, **settings[name]
    )
    network, prompt = toy(prediction_type=kind), words(0.1)
    scheduler.alphas_cumprod = 1 / (1 + network.training_sigmas**2)  # in float64
    scheduler.set_timesteps(steps)
    visited = sorted(set(scheduler.timesteps.tolist()), reverse=True)
    sigmas = torch.cat([network.training_sigmas[visited], torch.zeros(1, dtype=torch.float64)])
    first, stream = first_noise(), Generator().manual_seed(1)
    theirs = first.clone()
    for t in scheduler.timesteps:
        extra: dict[str, Any] = {"eta": eta} if name == "DDIM" else {}
        extra |= {} if name == "PLMS" else {"generator": stream}
        output = network.predict(theirs, t.expand(2), [prompt] * 2)
        theirs = scheduler.step(output, t, theirs, **extra).prev_sample
    stream = Generator().manual_seed(1)
    noise: NoiseFn = lambda sigma, sigma_next: torch.randn(first.shape, generator=stream, dtype=torch.float64)  # noqa: E731
    denoise = Guidance(network, [prompt] * 2, [], cfg_scale=1)
    x = first * (sigmas[0] ** 2 + 1).sqrt()
    return difference(last(SAMPLERS[name].sample(denoise, x, sigmas, noise, eta=eta)), theirs)


def difference_by_sigmas(name: str, sigmas: Tensor, **options: Any) -> float:
    """The sampler beside diffusers' scheduler, which is given our sigmas in float64. `options` are UniPC's."""
    sigmas, start = short_of_zero(sigmas), first_noise() * sigmas[0]
    settings: dict[str, dict[str, Any]] = {
        "UniPC": {
            "solver_order": options.get("order", 3),
            "solver_type": options.get("variant", "bh1"),
            "lower_order_final": options.get("lower_order_final", True),
        },
        "DEIS": {"solver_order": 3, "lower_order_final": False},
        "IPNDM": {},
    }
    scheduler = getattr(diffusers, BY_SIGMAS[name])(**settings[name])
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.timesteps = torch.arange(len(sigmas) - 1, 0, -1)
    alphas = 1 / (1 + sigmas**2).sqrt()
    scheduler.sigmas, scheduler.betas, scheduler.alphas = sigmas, sigmas * alphas, alphas
    x = start * alphas[0]
    for t, sigma, alpha in zip(scheduler.timesteps, sigmas, alphas, strict=False):
        output = (x / alpha - wavy(x / alpha, sigma)) / sigma
        if name == "IPNDM":  # whose network is asked for v
            output = (output - sigma * alpha * x) / alpha
        x = scheduler.step(output, t, x).prev_sample
    ours = last(SAMPLERS[name].sample(wavy, start, sigmas, noise_for(name, sigmas), **options))
    return difference(ours, x / alphas[-1])
