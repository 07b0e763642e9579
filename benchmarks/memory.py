"""Bytes a forecast says that SD 1.5 needs, beside what the process then takes: random weights in its exact shapes.

python -m benchmarks.memory [side in pixels] ...: on the CPU, in the number format that it is fast at. Linux only: the
kernel's own high-water mark is what counts.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from modules.diffusion.assembly import empty_unet, empty_vae
from modules.diffusion.diffusers_folder import read_json
from modules.diffusion.forecast import decoder_peak, unet_peak
from modules.diffusion.hardware import Hardware, probe, release_memory, resident_memory
from modules.diffusion.loading import CONFIGS

ROWS = 2
"""With guidance."""


class Networks(NamedTuple):
    """The two that need most."""

    unet: Any
    vae: Any


def main(sides: list[int]) -> None:
    hardware = probe("cpu")
    print(f"{hardware.name}, {hardware.reason}")
    blank, before = networks(hardware), resident_memory()
    real = Networks(*(with_memory(network) for network in networks(hardware)))
    took = resident_memory() - before
    weights = sum(weight.nbytes for network in blank for weight in network.parameters())
    print(f"weights: forecast {weights / 1e6:.0f} MB, taken {took / 1e6:.0f} MB")
    for side in sides:
        latent = side // 8
        forecast = [unet_peak(blank.unet, ROWS, latent, latent, channels_last=True)]
        forecast.append(decoder_peak(blank.vae, latent, latent, channels_last=True))
        taken = [high_water(call) for call in calls(real, latent)]
        for name, said, measured in zip(("UNet", "decoder"), forecast, taken, strict=True):
            print(f"{side} px, {name}: forecast {said / 1e6:.0f} MB, taken {measured / 1e6:.0f} MB")
        ratio = (weights + max(forecast)) / (took + max(taken))
        print(f"{side} px, peak with the weights: forecast / taken {ratio:.2f}")


def networks(hardware: Hardware) -> Networks:
    """SD 1.5's shapes on the meta device."""
    found = []
    for build, part, dtype in ((empty_unet, "unet", hardware.dtype), (empty_vae, "vae", hardware.vae_dtype)):
        network = build(read_json(CONFIGS / "sd1" / f"{part}.json", CONFIGS))
        found.append(nn.Module.to(network, dtype))
    return Networks(*found)


def with_memory(network: nn.Module) -> nn.Module:
    real = network.to_empty(device="cpu").to(memory_format=torch.channels_last)
    for weight in real.parameters():
        weight.data.normal_(0, 0.02)
    return real


def calls(real: Networks, latent: int) -> list[Callable[[], object]]:
    dtype = real.unet.conv_in.weight.dtype
    x = torch.randn(ROWS, 4, latent, latent).to(dtype).contiguous(memory_format=torch.channels_last)
    embeds = torch.randn(ROWS, 77, real.unet.config.cross_attention_dim).to(dtype)
    z = x[:1].to(real.vae.decoder.conv_in.weight.dtype)
    return [
        lambda: real.unet(x, torch.full((ROWS,), 500.0), encoder_hidden_states=embeds, return_dict=False),
        lambda: real.vae.decode(z, return_dict=False),
    ]


def high_water(call: Callable[[], object]) -> int:
    """Bytes that the process takes at most while it runs, beyond what it had; the second of two runs."""
    with torch.inference_mode():
        call()
        gc.collect()
        release_memory(torch.device("cpu"))
        Path("/proc/self/clear_refs").write_text("5")  # the mark falls to what is resident now
        before = resident_memory()
        call()
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 - before


if __name__ == "__main__":
    main([int(side) for side in sys.argv[1:]] or [512])
