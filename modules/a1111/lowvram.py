"""A1111's `modules.lowvram`: parts of the model moved to the device when they work. The store does it here."""

from __future__ import annotations

from typing import Any

from .bridge.host import host


def __getattr__(name: str) -> Any:
    if name in ("cpu", "module_in_gpu"):
        import torch

        return torch.device("cpu") if name == "cpu" else None
    raise AttributeError(f"modules.lowvram has no {name}")


def send_everything_to_cpu() -> None:
    """Between jobs the models that nobody uses give their memory on the device back; inside one the job's stays."""
    if host.is_bound and host.job is None:
        host.app.upscalers.free()
        host.app.faces.free()


def setup_for_low_vram(sd_model: Any, use_medvram: bool) -> None:
    """It was set up at the start."""


def apply(sd_model: Any) -> None:
    """It was set up at the start."""


def is_needed(sd_model: Any) -> bool:
    """Whether parts are moved."""
    return host.app.hardware.offload != "none"


def is_enabled(sd_model: Any) -> bool:
    """The same."""
    return is_needed(sd_model)
