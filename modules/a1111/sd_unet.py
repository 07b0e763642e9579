"""A1111's `modules.sd_unet`: UNets that replace the checkpoint's. There are none here; what is registered is kept."""

from __future__ import annotations

from typing import Any

unet_options: list[Any] = []
current_unet_option = None
current_unet = None


class SdUnetOption:
    """A UNet to choose; extensions subclass it."""

    model_name: str | None = None
    label: str | None = None

    def create_unet(self) -> Any:
        """Makes it."""
        raise NotImplementedError


class SdUnet:
    """A UNet; extensions subclass it."""

    def forward(self, x: Any, timesteps: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        """One call."""
        raise NotImplementedError

    def activate(self) -> None:
        """Before its first call."""

    def deactivate(self) -> None:
        """After its last."""


def list_unets() -> None:
    """Asks those who listen to on_list_unets."""
    from .script_callbacks import list_unets_callback

    unet_options[:] = list_unets_callback()


def get_unet_option(option: str | None = None) -> None:
    """None: the checkpoint's own is used."""


def apply_unet(option: str | None = None) -> None:
    """The checkpoint's own is used."""
