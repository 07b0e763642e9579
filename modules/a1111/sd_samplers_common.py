"""A1111's `modules.sd_samplers_common`: what its samplers share, as far as it is said in latents and pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from modules.studio.job import Stopped

from .bridge.missing import refuse
from .bridge.model_face import sd_model

InterruptedException = Stopped
"""What ends a job between two calls of the model."""

opt_f = 8
approximation_indexes = {"Full": 0, "Approx NN": 1, "Approx cheap": 2, "TAESD": 3}


class SamplerData(NamedTuple):
    """A sampler: its name, what makes it, its other names, and what A1111 says of it."""

    name: str
    constructor: Callable[..., Any]
    aliases: list[str]
    options: dict[str, Any]

    def total_steps(self, steps: int) -> int:
        """How often it calls the model."""
        return steps * 2 if self.options.get("second_order") else steps


def setup_img2img_steps(p: Any, steps: int | None = None) -> tuple[int, int]:
    """(steps of the schedule, the last of them that are taken)"""
    from .bridge.opts import present

    strength = p.denoising_strength
    if present().img2img_fix_steps or steps is not None:
        wanted = steps or p.steps
        whole = int(wanted / min(strength, 0.999)) if strength > 0 else 0
        return whole, wanted - 1
    return p.steps, int(min(strength, 0.999) * p.steps)


def samples_to_images_tensor(sample: Tensor, approximation: int | None = None, model: Any = None) -> Tensor:
    """Latents (B, C, h, w) -> pixels (B, 3, H, W) from -1 to 1."""
    decoded: Tensor = (model or sd_model).decode_first_stage(sample)
    return decoded


def decode_first_stage(model: Any, x: Tensor) -> Tensor:
    """The same."""
    return samples_to_images_tensor(x, model=model)


def images_tensor_to_samples(image: Tensor, approximation: int | None = None, model: Any = None) -> Tensor:
    """Pixels from 0 to 1 -> latents."""
    encoded: Tensor = (model or sd_model).encode_first_stage(image.to(torch.float32) * 2 - 1)
    return encoded


def single_sample_to_image(sample: Tensor, approximation: int | None = None) -> Image.Image:
    """Latents (C, h, w) -> a picture."""
    pixels = samples_to_images_tensor(sample[None], approximation)[0]
    values = ((pixels.float() + 1) / 2).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    return Image.fromarray((values * 255).round().astype(np.uint8))


def sample_to_image(samples: Tensor, index: int = 0, approximation: int | None = None) -> Image.Image:
    """One of a batch of latents -> a picture."""
    return single_sample_to_image(samples[index], approximation)


def samples_to_image_grid(samples: Tensor, approximation: int | None = None) -> Image.Image:
    """All of them on a sheet."""
    from .images import image_grid

    return image_grid([single_sample_to_image(sample, approximation) for sample in samples])


def store_latent(decoded: Tensor) -> None:
    """Previews are made as the options say."""


def is_sampler_using_eta_noise_seed_delta(p: Any) -> bool:
    """Whether the eta noise seed delta is named in its infotext."""
    from modules.diffusion.samplers import find_sampler

    return find_sampler(p.sampler_name).uses_ensd


def replace_torchsde_browinan() -> None:
    """Noise is Aquatint's own."""


def apply_refiner(*_: Any) -> bool:
    """The refiner is built in."""
    return False


class TorchHijack:
    """A1111 puts a job's noise under `torch.randn_like` with it."""

    def __init__(self, p: Any) -> None:
        refuse("TorchHijack", "noise is given to samplers as an argument here")


class Sampler:
    """A1111's base of samplers."""

    def __init__(self, funcname: Any = None) -> None:
        refuse("sd_samplers_common.Sampler", "samplers are built in: sampler_name of a job")
