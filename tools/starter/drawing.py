"""Pictures from a model folder, by diffusers' own classes: many prompts at once, without the program around them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPTextModel

from tools.starter.latents import tokenize
from tools.starter.training import autocast, fast_type

STEPS = 20
GUIDANCE = 4.0
AT_ONCE = 32


class Drawer:
    """A finished model, in bfloat16 where the processor is fast at it."""

    def __init__(self, folder: Path) -> None:

        def part(kind: Any, name: str) -> Any:
            return kind.from_pretrained(folder / name, local_files_only=True).to(torch.float32).eval()

        self.type = fast_type()
        self.unet = part(UNet2DConditionModel, "unet").to(self.type, memory_format=torch.channels_last)
        self.text = part(CLIPTextModel, "text_encoder").to(self.type)
        self.vae = part(AutoencoderKL, "vae").to(memory_format=torch.channels_last)
        self.scheduler: Any = DDIMScheduler.from_pretrained(folder / "scheduler", local_files_only=True)

    def draw(self, prompts: Sequence[str], seed: int = 1, steps: int = STEPS) -> NDArray[np.uint8]:
        """(prompts, 128, 128, 3): DDIM with classifier-free guidance against the empty prompt."""
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(prompts), 4, 16, 16, generator=generator)
        parts = range(0, len(prompts), AT_ONCE)
        drawn = [self._draw(prompts[at : at + AT_ONCE], noise[at : at + AT_ONCE], steps) for at in parts]
        return np.concatenate(drawn)

    @torch.inference_mode()
    def _draw(self, prompts: Sequence[str], x: Tensor, steps: int) -> NDArray[np.uint8]:
        words = self.text(tokenize([""] * len(prompts) + list(prompts))).last_hidden_state
        self.scheduler.set_timesteps(steps)
        for t in self.scheduler.timesteps:
            twice = torch.cat([x, x]).to(self.type, memory_format=torch.channels_last)
            without, v = self.unet(twice, t, words).sample.float().chunk(2)
            x = self.scheduler.step(without + GUIDANCE * (v - without), t, x).prev_sample
        with autocast():
            y = self.vae.decode(x / self.vae.config.scaling_factor).sample
        pixels: NDArray[np.uint8] = ((y.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        return pixels
