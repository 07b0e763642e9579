"""A1111's `modules.devices`: the device, its number formats and its memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from modules.diffusion.errors import NotANumberError
from modules.diffusion.hardware import release_memory
from modules.diffusion.philox import PhiloxNormals

from .bridge.host import host
from .bridge.opts import present

cpu = torch.device("cpu")
fp8 = False
force_fp16 = False
unet_needs_upcast = False

FOUND: dict[str, Callable[[], Any]] = {
    "device": lambda: host.app.hardware.device if host.is_bound else cpu,
    "dtype": lambda: host.app.hardware.dtype if host.is_bound else torch.float32,
    "dtype_vae": lambda: host.app.hardware.vae_dtype if host.is_bound else torch.float32,
    "dtype_unet": lambda: host.app.hardware.dtype if host.is_bound else torch.float32,
    "dtype_inference": lambda: host.app.hardware.dtype if host.is_bound else torch.float32,
    **dict.fromkeys(
        ("device_interrogate", "device_gfpgan", "device_esrgan", "device_codeformer"),
        lambda: host.app.hardware.device if host.is_bound else cpu,
    ),
}
"""What the studio has chosen."""


def __getattr__(name: str) -> Any:
    if name in FOUND:
        return FOUND[name]()
    raise AttributeError(f"modules.devices has no {name}")


class NansException(NotANumberError):
    """The model gave NaN."""


def has_xpu() -> bool:
    """Intel's GPUs are not used."""
    return False


def has_mps() -> bool:
    """Whether the device is Apple's."""
    return bool(FOUND["device"]().type == "mps")


def cuda_no_autocast(device_id: int | None = None) -> bool:
    """Formats are proved by trial, so none is forbidden."""
    return False


def get_cuda_device_id() -> int:
    """The number of the GPU."""
    return int(FOUND["device"]().index or 0)


def get_cuda_device_string() -> str:
    """The GPU as torch names it."""
    return str(FOUND["device"]())


def get_optimal_device_name() -> str:
    """What computes, as torch names it."""
    return str(FOUND["device"]())


def get_optimal_device() -> torch.device:
    """What computes."""
    device: torch.device = FOUND["device"]()
    return device


def get_device_for(task: str) -> torch.device:
    """The same for every task."""
    return get_optimal_device()


def torch_gc() -> None:
    """Gives freed memory back to the system."""
    release_memory(get_optimal_device())


def torch_npu_set_device() -> None:
    """Huawei's NPUs are not used."""


def enable_tf32() -> None:
    """Left as it is: pictures shall not depend on it."""


def first_time_calculation() -> None:
    """Nothing to warm up."""


def cond_cast_unet(input: Tensor) -> Tensor:
    """As it is: the model takes float32 and casts by itself."""
    return input


def cond_cast_float(input: Tensor) -> Tensor:
    """In float32."""
    return input.float()


@contextlib.contextmanager
def autocast(disable: bool = False) -> Iterator[None]:
    """Nothing is cast behind one's back here: models know their formats."""
    yield


@contextlib.contextmanager
def without_autocast(disable: bool = False) -> Iterator[None]:
    """With torch's autocast off, in case somebody turned it on."""
    with torch.autocast(get_optimal_device().type, enabled=False):
        yield


def manual_cast(target_dtype: torch.dtype) -> contextlib.AbstractContextManager[None]:
    """Models know their formats."""
    return contextlib.nullcontext()


def test_for_nans(x: Tensor, where: str) -> None:
    """Raises: NansException when nothing in `x` is a number."""
    if torch.isnan(x).all():
        raise NansException(f"All that came out of the {where} is not a number (NaN).")


def randn(seed: int, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
    """Noise of that seed, made as the options say, on the device."""
    if present().randn_source == "NV":
        return PhiloxNormals(int(seed)).draw(tuple(shape)).to(get_optimal_device())
    noise = torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(int(seed)))
    return noise.to(get_optimal_device())


def randn_local(seed: int, shape: tuple[int, ...]) -> Tensor:
    """The same."""
    return randn(seed, shape)


def randn_like(x: Tensor) -> Tensor:
    """Noise without a seed."""
    return torch.randn_like(x, device="cpu").to(x)


def randn_without_seed(shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
    """Noise without a seed of its own."""
    return torch.randn(tuple(shape), generator=generator).to(get_optimal_device())
