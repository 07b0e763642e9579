"""The autoencoder: 128 x 128 pixels as 16 x 16 x 4 numbers and back."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional as F

from tools.starter.compositions import SIDE, Composer
from tools.starter.training import Average, Moment, Run, autocast
from tools.starter.workspace import Workspace, load, save

CONFIG: dict[str, Any] = {
    "block_out_channels": (32, 64, 128, 128),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 16,
    "sample_size": SIDE,
}
CROP = 64
BATCH = 32
PEAK = 4e-4
DECAY = 0.998
KL = 1e-6
HELD_OUT = 1_000_003
"""The seed of the compositions that `psnr` measures; training draws from other seeds."""


def train_vae(
    workspace: Workspace, composer: Composer, minutes: float, start: Path | None = None, decoder: bool = False
) -> None:
    """Trains for `minutes`, from the last state, from the model folder `start`, or from noise.

    With `decoder` the encoder stays as it is, and so do all latents that were made with it.
    """
    vae, seen = open_vae(workspace, start)
    trained = [*vae.post_quant_conv.parameters(), *vae.decoder.parameters()] if decoder else [*vae.parameters()]
    vae.encoder.requires_grad_(not decoder)
    vae.quant_conv.requires_grad_(not decoder)
    run, rng, average = Run(minutes, cooling=0.4), random.Random(seen), Average(trained, DECAY)
    optimizer = torch.optim.AdamW(trained, PEAK, betas=(0.9, 0.99), weight_decay=0, fused=True)
    for moment in run.moments():
        loss = _train_on(_crops(composer, rng), moment, run, optimizer, vae)
        average.update()
        seen += BATCH
        run.tell(BATCH, loss, seen=seen)
        if run.time_to_save():
            average.swap()
            keep_vae(vae, seen, workspace)
            average.swap()
    average.swap()
    if not decoder:
        vae.register_to_config(scaling_factor=_scale(vae, composer))
    keep_vae(vae, seen, workspace)
    print(
        "PSNR of held-out compositions: {:.2f} dB, of all their pixels together {:.2f} dB".format(*psnr(vae, composer))
    )


def open_vae(workspace: Workspace, start: Path | None = None) -> tuple[Any, int]:
    """The autoencoder and how many crops it has seen."""
    if start is not None and not workspace.vae.exists():
        return AutoencoderKL.from_pretrained(start / "vae", local_files_only=True).float().to(
            memory_format=torch.channels_last
        ), 0
    vae = AutoencoderKL(**CONFIG).to(memory_format=torch.channels_last)
    if not workspace.vae.exists():
        return vae, 0
    state = load(workspace.vae, "vae")
    vae.load_state_dict(state["weights"])
    vae.register_to_config(scaling_factor=state["scale"])
    return vae, state["seen"]


def pictures(arrays: Sequence[np.ndarray]) -> Tensor:
    """(B, 3, H, W) in -1..1, channels last."""
    stacked = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)
    return (stacked.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def psnr(vae: Any, composer: Composer, count: int = 256) -> tuple[float, float]:
    """Peak signal to noise of held-out compositions in dB, after rounding to 8 bits as a file does.

    First the mean over pictures, as papers give it; then that of all pixels together, which the worst pictures decide.
    """
    rng = random.Random(HELD_OUT)
    x = pictures([composer.compose(rng.randrange(len(composer.concepts)), rng).picture for _ in range(count)])
    errors = []
    for part in torch.split(x, 32):
        y = vae.decode(vae.encode(part).latent_dist.mean).sample.clamp(-1, 1)
        y, wanted = ((y + 1) * 127.5).round(), ((part + 1) * 127.5).round()
        errors.append((y - wanted).pow(2).mean((1, 2, 3)))
    found = torch.cat(errors)
    return float(10 * (255**2 / found).log10().mean()), float(10 * (255**2 / found.mean()).log10())


def _train_on(x: Tensor, moment: Moment, run: Run, optimizer: torch.optim.Optimizer, vae: Any) -> float:
    for group in optimizer.param_groups:
        group["lr"] = run.rate(moment, PEAK)
    loss: Any = _loss(vae, x)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()
    return float(loss.detach())


def _loss(vae: Any, x: Tensor) -> Tensor:
    """Errors of pixels, of their differences (edges) and of 4 x 4 means (colours), and a little KL."""
    with autocast():
        latents = vae.encode(x).latent_dist
        y = vae.decode(latents.sample()).sample
    error: Tensor = y.float() - x
    edges = (error[..., 1:, :] - error[..., :-1, :]).abs().mean() + (error[..., 1:] - error[..., :-1]).abs().mean()
    colours = F.avg_pool2d(error, 4).abs().mean()
    kl: Tensor = latents.kl().mean() / latents.mean[0].numel()
    return error.abs().mean() + 2 * error.pow(2).mean() + 0.5 * edges + 0.5 * colours + KL * kl


def _crops(composer: Composer, rng: random.Random) -> Tensor:
    """The livelier of two crops of each composition: a plain ground teaches little."""
    crops = []
    for _ in range(BATCH):
        picture = composer.compose(rng.randrange(len(composer.concepts)), rng).picture
        corners = [(rng.randrange(SIDE - CROP + 1), rng.randrange(SIDE - CROP + 1)) for _ in range(2)]
        crop = max((picture[top : top + CROP, left : left + CROP] for top, left in corners), key=np.std)
        crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return pictures(crops)


@torch.inference_mode()
def _scale(vae: Any, composer: Composer) -> float:
    """What latents are multiplied with to have a standard deviation of one (Rombach et al. 2022, D.1)."""
    rng = random.Random(0)
    x = pictures([composer.compose(rng.randrange(len(composer.concepts)), rng).picture for _ in range(256)])
    return 1 / float(torch.cat([vae.encode(part).latent_dist.mean for part in torch.split(x, 32)]).std())


def keep_vae(vae: Any, seen: int, workspace: Workspace) -> None:
    """Writes the autoencoder, its scale, and how many crops it has seen."""
    save({"weights": vae.state_dict(), "scale": vae.config.scaling_factor, "seen": seen}, workspace.vae)
