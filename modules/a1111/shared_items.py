"""A1111's `modules.shared_items`: lists of what there is to choose from."""

from __future__ import annotations

from typing import Any

from modules.diffusion.samplers import SAMPLERS
from modules.diffusion.sigmas import AUTOMATIC, SCHEDULES

from .bridge.host import host


def realesrgan_models_names() -> list[str]:
    """The Real-ESRGAN upscalers that there are files for."""
    return [name for name in host.app.upscalers.names() if name.startswith("R-ESRGAN")]


def dat_models_names() -> list[str]:
    """The DAT upscalers that there are files for."""
    return [name for name in host.app.upscalers.names() if name.startswith("DAT")]


def postprocessing_scripts() -> list[Any]:
    """The scripts of the Extras tab."""
    from . import scripts_postprocessing

    runner = getattr(scripts_postprocessing, "scripts_postproc", None)
    return list(runner.scripts_in_preferred_order()) if runner is not None else []


def sd_vae_items() -> list[str]:
    """The VAEs to choose from."""
    return [AUTOMATIC, "None", *host.app.store.vaes]


def refresh_vae_list() -> None:
    """Looks for new files."""
    host.app.store.refresh()


def cross_attention_optimizations() -> list[str]:
    """One that works was chosen at the start."""
    return ["Automatic"]


def sd_unet_items() -> list[str]:
    """UNets are those of the checkpoints."""
    return ["Automatic", "None"]


def refresh_unet_list() -> None:
    """Nothing to look for."""


def list_checkpoint_tiles(use_short: bool = False) -> list[str]:
    """The titles of the checkpoints; `use_short`: their names."""
    return [each.stem if use_short else each.title for each in host.app.store.checkpoints]


def refresh_checkpoints() -> None:
    """Looks for new files."""
    host.app.store.refresh()


def list_samplers() -> list[Any]:
    """The samplers."""
    from .sd_samplers import all_samplers

    return all_samplers


def reload_hypernetworks() -> dict[str, str]:
    """{name: path}"""
    from modules.diffusion.hypernetworks import find_hypernetworks

    found = find_hypernetworks(host.app.folders.hypernetworks)
    return {name: str(path) for name, path in found.items()}


def get_infotext_names() -> list[str]:
    """Labels that an infotext may have."""
    from modules.studio.infotext_rows import ROWS

    return [row.label for row in ROWS]


def sampler_names() -> list[str]:
    """Their names."""
    return list(SAMPLERS)


def scheduler_names() -> list[str]:
    """Their labels."""
    return [AUTOMATIC, *SCHEDULES]


ui_reorder_categories_builtin_items = [
    "prompt",
    "image",
    "inpaint",
    "sampler",
    "accordions",
    "checkboxes",
    "dimensions",
    "cfg",
    "denoising",
    "seed",
    "batch",
    "override_settings",
]


def ui_reorder_categories() -> list[str]:
    """The parts of A1111's form, by its names."""
    return [*ui_reorder_categories_builtin_items, "scripts"]
