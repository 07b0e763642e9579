"""The device and number formats a model runs in, each proved by a tiny call, and how much memory is free."""

from __future__ import annotations

import ctypes
import gc
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
import torch

from modules.diffusion.errors import AquatintError

Offload = Literal["none", "medvram", "lowvram"]


@dataclass(frozen=True)
class Hardware:
    """Where models run and in which number formats."""

    device: torch.device
    dtype: torch.dtype
    """Of the UNet and the text encoders."""
    vae_dtype: torch.dtype
    reason: str
    """Why these formats, for the log and the doctor."""
    offload: Offload = "none"
    name: str = ""
    """What a person calls the device: "AMD EPYC, 2 cores"."""

    @property
    def is_cpu(self) -> bool:
        return self.device.type == "cpu"


class Memory(NamedTuple):
    """Bytes."""

    free: int
    total: int


def probe(device: str = "auto", *, no_half: bool = False, offload: Offload = "none") -> Hardware:
    """Pick device and number formats.

    `device` is "auto" (CUDA, then MPS, then the CPU) or torch's name for one. `no_half` keeps everything in float32.
    `offload` only has a meaning beside a GPU; on the CPU everything is where it runs already.
    Raises AquatintError when the device asked for does not answer.
    """
    place = _device(device)
    if place.type == "cpu":
        offload = "none"
    if no_half:
        return Hardware(place, torch.float32, torch.float32, "float32, as asked for", offload, _name(place))
    dtype, reason = _half(place)
    return Hardware(place, dtype, _vae_dtype(place, dtype), reason, offload, _name(place))


def computes(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a convolution, a matrix product and an attention run on the device and give numbers."""
    try:
        with torch.inference_mode():
            x = torch.ones(1, 8, 8, 8, device=device, dtype=dtype)
            y = torch.nn.functional.conv2d(x, torch.full((8, 8, 3, 3), 0.01, device=device, dtype=dtype), padding=1)
            z = y.flatten(2) @ y.flatten(2).transpose(1, 2)
            z = torch.nn.functional.scaled_dot_product_attention(z, z, z)
            return bool(torch.isfinite(z).all())
    except (RuntimeError, NotImplementedError, TypeError, AssertionError):
        return False


def free_memory(device: torch.device) -> Memory:
    """Free and total memory of a GPU, or of the machine for the CPU and for GPUs that share its memory."""
    if device.type == "cuda":
        return Memory(*torch.cuda.mem_get_info(device))
    machine = psutil.virtual_memory()
    return Memory(machine.available, machine.total)


def resident_memory() -> int:
    """Bytes of RAM that this process holds."""
    return int(psutil.Process().memory_info().rss)


def release_memory(device: torch.device) -> None:
    """Give what was freed back to the system and to the device.

    glibc keeps freed blocks below its (growing) mmap threshold; without the trim a switch of models never shows.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _device(asked: str) -> torch.device:
    if asked == "auto":
        present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        gpus = (torch.device(kind) for kind, is_there in present.items() if is_there)
        return next((gpu for gpu in gpus if computes(gpu, torch.float32)), torch.device("cpu"))
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise AquatintError(f"There is no device called '{asked}'. Use auto, cpu, cuda, cuda:0, ... or mps.") from None
    if not computes(device, torch.float32):
        raise AquatintError(f"The device '{asked}' does not answer here. Use --device auto or cpu.")
    return device


def _half(device: torch.device) -> tuple[torch.dtype, str]:
    if device.type == "cpu":
        unit = _cpu_bfloat16_unit()
        if unit and computes(device, torch.bfloat16):
            return torch.bfloat16, f"bfloat16: the CPU has {unit}"
        return torch.float32, "float32: the CPU has neither AMX nor AVX512-BF16"
    for dtype in (torch.float16, torch.bfloat16):
        if computes(device, dtype):
            return dtype, f"{_plain(dtype)}: a trial on {device} gave numbers"
    return torch.float32, f"float32: no half precision gave numbers on {device}"


def _vae_dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """float16 overflows in SDXL's VAE; bfloat16 has float32's range. On MPS bfloat16 is slow or missing."""
    if dtype != torch.float16:
        return dtype
    native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native and computes(device, torch.bfloat16) else torch.float32


def _cpu_bfloat16_unit() -> str:
    """The unit that makes bfloat16 faster than float32; without one torch emulates it, slower."""
    capabilities = torch.cpu.get_capabilities()
    if capabilities.get("amx_bf16") or capabilities.get("amx_tile"):
        return "AMX"
    return "AVX512-BF16" if capabilities.get("avx512_bf16") else ""


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return f"{_cpu_model()}, {psutil.cpu_count(logical=False) or 1} cores"


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
