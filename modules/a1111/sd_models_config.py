"""A1111's `modules.sd_models_config`: the configuration of a checkpoint. Here it is read from the file itself."""

from __future__ import annotations

from typing import Any

from modules.diffusion.loading import CONFIGS

from .bridge.host import host

sd_configs_path = str(CONFIGS)
config_default = str(CONFIGS / "sd1")
config_sd2 = str(CONFIGS / "sd2")
config_sd2v = config_sd2
"""What a checkpoint predicts is told by the checkpoint itself."""
config_inpainting = config_default
config_sd2_inpainting = config_sd2
config_sdxl = str(CONFIGS / "sdxl")
config_sdxl_refiner = str(CONFIGS / "sdxl_refiner")
config_sdxl_inpainting = config_sdxl
config_depth_model, config_unclip, config_unopenclip, config_instruct_pix2pix, config_alt_diffusion = (
    str(CONFIGS / name) for name in ("sd2_depth", "unclip", "unopenclip", "instruct_pix2pix", "alt_diffusion")
)
"""Of families that are not known here: nothing lies there."""
config_alt_diffusion_m18 = config_alt_diffusion


def find_checkpoint_config(state_dict: Any, info: Any) -> str:
    """The folder with the configuration of the checkpoint's family."""
    return str(CONFIGS / host.app.store.find(info.name).family.config)


def find_checkpoint_config_near_filename(info: Any) -> None:
    """A file beside the checkpoint tells what it predicts, and is read by the store."""
