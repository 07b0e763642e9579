"""A1111's `modules.sd_models_config`: the configuration of a checkpoint. Here it is read from the file itself."""

from __future__ import annotations

from typing import Any

from modules.diffusion.loading import CONFIGS

from .bridge.host import host

sd_configs_path = str(CONFIGS)
config_default = str(CONFIGS / "sd1")
config_sd2 = str(CONFIGS / "sd2")
config_sdxl = str(CONFIGS / "sdxl")


def find_checkpoint_config(state_dict: Any, info: Any) -> str:
    """The folder with the configuration of the checkpoint's family."""
    return str(CONFIGS / host.app.store.find(info.name).family.config)


def find_checkpoint_config_near_filename(info: Any) -> None:
    """A file beside the checkpoint tells what it predicts, and is read by the store."""
