"""One row per parameter of a request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.diffusion.latent_upscaling import LATENT_UPSCALERS
from modules.diffusion.samplers import SAMPLERS, find_sampler
from modules.diffusion.sigmas import SCHEDULES
from modules.studio.app import App
from modules.studio.request import RequestError
from modules.web.field import IMAGE, LARGEST_SIDE, OVERRIDES, PAINT, TEXT, WITH_PICTURE, Choices, Field


def _picture(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.get("id"):
        raise RequestError("Choose a picture first: drop one on the form, or send one there from the results.")
    return {"init_images": (value["id"],)}


def _painted(value: Any) -> dict[str, Any]:
    picture = _picture(value)
    if not value.get("mask"):
        raise RequestError("Paint over the part of the picture that should change first.")
    return {**picture, "mask": value["mask"]}


def _chosen(value: Any) -> dict[str, Any]:
    return {"sd_model_checkpoint": value} if value else {}


def _parsed(lines: Any) -> dict[str, Any]:
    """ "name: value" lines -> options; a value that is not JSON is taken as text."""
    options: dict[str, Any] = {}
    for line in lines or ():
        name, _, text = str(line).partition(": ")
        try:
            options[name] = json.loads(text)
        except ValueError:
            options[name] = text
    return options


def _written(options: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {json.dumps(value)}" for name, value in options.items()]


def _canonical(sampler: str | None) -> str | None:
    """A sampler's own name for one of its aliases; a name that nobody knows stays as it is."""
    try:
        return find_sampler(sampler).name if sampler else None
    except AquatintError:
        return sampler


def _seed(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {name: -1 if value is None else value}


def _both_ways(value: Any) -> dict[str, Any]:
    return {"mask_blur_x": value, "mask_blur_y": value}


def _labelled(*labels: str) -> Callable[[App], Choices]:
    """Choices that a request names by their number."""
    return lambda app: [(label, index) for index, label in enumerate(labels)]


def _named(names: Callable[[App], Sequence[str]]) -> Callable[[App], Choices]:
    return lambda app: [(name, name) for name in names(app)]


def _schedulers(app: App) -> Choices:
    return [(label, label) for label in ("Automatic", *(s for s in SCHEDULES if s != "Automatic"))]


def _checkpoints(app: App) -> Choices:
    return [(checkpoint.title, checkpoint.name) for checkpoint in app.store.checkpoints]


def _vaes(app: App) -> Choices:
    return [(name, name) for name in dict.fromkeys(("Automatic", "None", *app.store.vaes))]


def _other_checkpoints(app: App) -> Choices:
    return [("None", ""), *_checkpoints(app)]


def _own_or_same(choices: Callable[[App], Choices]) -> Callable[[App], Choices]:
    """For the second pass: the first choice is to have none."""
    return lambda app: [("As in the first pass", ""), *choices(app)]


def _hires_upscalers(app: App) -> Choices:
    return [(name, name) for name in (*LATENT_UPSCALERS, *app.upscalers.names())]


def _sd_upscalers(app: App) -> Choices:
    return [("Off", ""), *((name, name) for name in app.upscalers.names())]


def _or_none(name: str) -> Callable[[Any], dict[str, Any]]:
    """A widget that shows nothing as "" or 0."""
    return lambda value: {name: value or None}


def _if_said(name: str) -> Callable[[Any], dict[str, Any]]:
    """An option that a blank widget leaves as it is in the Settings."""
    return lambda value: {} if value is None else {name: value}


def _blank(name: str, nothing: object = "") -> Callable[[Mapping[str, Any]], Any]:
    """The way back of `_or_none`."""
    return lambda values: values[name] or nothing if name in values else None


QUICK = (
    Field(
        "sd_model_checkpoint",
        "Checkpoint",
        "dropdown",
        choices=_checkpoints,
        read=_chosen,
        option=True,
        free=True,
    ),
    Field("sd_vae", "VAE", "dropdown", default="Automatic", choices=_vaes, option=True, free=True),
    Field("CLIP_stop_at_last_layers", "Clip skip", "count", default=1, limits=(1, 12, 1), option=True),
)
"""What every tab shares, at the top of the page."""

FIELDS = (
    Field("init_images", "Picture", "picture", "image", tabs=(IMAGE,), read=_picture),
    Field("init_images", "Picture and mask", "canvas", "image", tabs=(PAINT,), read=_painted),
    Field("prompt", "Prompt", "prompt", default=""),
    Field("negative_prompt", "Negative prompt", "prompt", "neg_prompt", default=""),
    Field(
        "styles",
        "Styles",
        "many",
        default=[],
        choices=_named(lambda app: app.styles.names()),
        free=True,
    ),
    Field(
        "sampler_name",
        "Sampling method",
        "dropdown",
        "sampling",
        "DPM++ 2M",
        choices=_named(lambda app: [*SAMPLERS]),
        show=lambda values: _canonical(values.get("sampler_name")),
    ),
    Field("scheduler", "Schedule type", "dropdown", "scheduler", "Automatic", choices=_schedulers),
    Field("steps", "Steps", "slider", default=20, limits=(1, 150, 1)),
    Field(
        "resize_mode",
        "Resize mode",
        "radio",
        default=0,
        tabs=WITH_PICTURE,
        choices=_labelled("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent)"),
    ),
    Field(
        "mask_blur_x",
        "Mask blur",
        "slider",
        "mask_blur",
        default=4,
        tabs=(PAINT,),
        limits=(0, 64, 1),
        read=_both_ways,
    ),
    Field(
        "inpainting_mask_invert",
        "Mask mode",
        "radio",
        "mask_mode",
        default=0,
        tabs=(PAINT,),
        choices=_labelled("Inpaint masked", "Inpaint not masked"),
    ),
    Field(
        "inpainting_fill",
        "Masked content",
        "radio",
        default=1,
        tabs=(PAINT,),
        choices=_labelled("Fill", "Original", "Latent noise", "Latent nothing"),
    ),
    Field(
        "inpaint_full_res",
        "Inpaint area",
        "radio",
        default=0,
        tabs=(PAINT,),
        choices=_labelled("Whole picture", "Only masked"),
        read=lambda value: {"inpaint_full_res": bool(value)},
        show=lambda values: None if "inpaint_full_res" not in values else int(values["inpaint_full_res"]),
    ),
    Field(
        "inpaint_full_res_padding",
        "Only masked padding, pixels",
        "slider",
        default=32,
        tabs=(PAINT,),
        limits=(0, 256, 4),
    ),
    Field("soft_inpainting", "Soft inpainting", "switch", "soft_inpainting_enabled", False, (PAINT,)),
    Field("soft_schedule_bias", "Schedule bias", "slider", default=1.0, tabs=(PAINT,), limits=(0.0, 8.0, 0.1)),
    Field("soft_preservation", "Preservation", "slider", default=0.5, tabs=(PAINT,), limits=(0.0, 8.0, 0.05)),
    Field("soft_contrast_boost", "Contrast boost", "slider", default=4.0, tabs=(PAINT,), limits=(1.0, 32.0, 0.5)),
    Field("soft_mask_influence", "Mask influence", "slider", default=0.0, tabs=(PAINT,), limits=(0.0, 1.0, 0.05)),
    Field("soft_difference_threshold", "Threshold", "slider", default=0.5, tabs=(PAINT,), limits=(0.0, 8.0, 0.25)),
    Field("soft_difference_contrast", "Contrast", "slider", default=2.0, tabs=(PAINT,), limits=(0.0, 8.0, 0.25)),
    Field("width", "Width", "slider", default=512, limits=(64, LARGEST_SIDE, 8)),
    Field("height", "Height", "slider", default=512, limits=(64, LARGEST_SIDE, 8)),
    Field("n_iter", "Batch count", "slider", "batch_count", 1, limits=(1, 100, 1)),
    Field("batch_size", "Batch size", "slider", default=1, limits=(1, 8, 1)),
    Field("cfg_scale", "CFG scale", "slider", default=7.0, limits=(1, 30, 0.5)),
    Field("denoising_strength", "Denoising strength", "slider", default=0.75, tabs=WITH_PICTURE, limits=(0, 1, 0.01)),
    Field("enable_hr", "Hires fix", "switch", "hr", False, tabs=(TEXT,)),
    Field("hr_upscaler", "Upscaler", "dropdown", default="Latent", tabs=(TEXT,), choices=_hires_upscalers, free=True),
    Field("hr_second_pass_steps", "Hires steps", "slider", "hires_steps", 0, (TEXT,), (0, 150, 1)),
    Field("denoising_strength", "Denoising", "slider", default=0.7, tabs=(TEXT,), limits=(0, 1, 0.01)),
    Field("hr_scale", "Upscale by", "slider", default=2.0, tabs=(TEXT,), limits=(1.0, 4.0, 0.05)),
    Field("hr_resize_x", "Resize width", "slider", default=0, tabs=(TEXT,), limits=(0, 4096, 8)),
    Field("hr_resize_y", "Resize height", "slider", default=0, tabs=(TEXT,), limits=(0, 4096, 8)),
    Field(
        "hr_checkpoint_name",
        "Checkpoint",
        "dropdown",
        "hr_checkpoint",
        "",
        (TEXT,),
        choices=_own_or_same(_checkpoints),
        read=_or_none("hr_checkpoint_name"),
        show=_blank("hr_checkpoint_name"),
        free=True,
    ),
    Field(
        "hr_sampler_name",
        "Sampling method",
        "dropdown",
        "hr_sampler",
        "",
        (TEXT,),
        choices=_own_or_same(_named(lambda app: [*SAMPLERS])),
        read=_or_none("hr_sampler_name"),
        show=_blank("hr_sampler_name"),
    ),
    Field(
        "hr_scheduler",
        "Schedule type",
        "dropdown",
        default="",
        tabs=(TEXT,),
        choices=_own_or_same(_schedulers),
        read=_or_none("hr_scheduler"),
        show=_blank("hr_scheduler"),
    ),
    Field(
        "hr_cfg",
        "Hires CFG scale",
        "slider",
        default=0.0,
        tabs=(TEXT,),
        limits=(0.0, 30.0, 0.5),
        read=_or_none("hr_cfg"),
        show=_blank("hr_cfg", 0.0),
    ),
    Field("hr_prompt", "Hires prompt", "text", "hires_prompt", "", (TEXT,), help="Empty: as in the first pass."),
    Field(
        "hr_negative_prompt", "Hires negative prompt", "text", "hires_neg_prompt", "", (TEXT,), help="Empty: the same."
    ),
    Field(
        "refiner_checkpoint",
        "Refiner",
        "dropdown",
        "checkpoint",
        "",
        choices=_other_checkpoints,
        read=_or_none("refiner_checkpoint"),
        show=_blank("refiner_checkpoint"),
        free=True,
    ),
    Field("refiner_switch_at", "Switch at", "slider", "switch_at", 0.8, limits=(0.01, 1.0, 0.01)),
    Field("eta", "Eta", "optional", limits=(0.0, 10.0, 0.05)),
    Field(
        "eta_noise_seed_delta",
        "ENSD",
        "optional",
        "eta_noise_seed_delta",
        limits=(0, 2**32 - 1, 1),
        read=_if_said("eta_noise_seed_delta"),
        option=True,
    ),
    Field("s_noise", "Sigma noise", "optional", limits=(0.0, 10.0, 0.01)),
    Field("s_churn", "Sigma churn", "optional", limits=(0.0, 100.0, 0.5)),
    Field("s_tmin", "Sigma tmin", "optional", limits=(0.0, 1000.0, 0.1)),
    Field("s_tmax", "Sigma tmax", "optional", limits=(0.0, 1000.0, 0.1)),
    Field("tiling", "Tiling", "switch", default=False),
    Field("restore_faces", "Restore faces", "switch", default=False),
    Field("cfg_rescale", "CFG rescale", "slider", default=0.0, limits=(0.0, 1.0, 0.05)),
    Field("outpaint_left", "Left", "slider", default=0, tabs=(IMAGE,), limits=(0, 512, 8)),
    Field("outpaint_right", "Right", "slider", default=0, tabs=(IMAGE,), limits=(0, 512, 8)),
    Field("outpaint_up", "Up", "slider", default=0, tabs=(IMAGE,), limits=(0, 512, 8)),
    Field("outpaint_down", "Down", "slider", default=0, tabs=(IMAGE,), limits=(0, 512, 8)),
    Field("outpaint_blur", "Blur of the seam", "slider", default=8, tabs=(IMAGE,), limits=(0, 64, 1)),
    Field(
        "outpaint_fill",
        "Filled at first with",
        "radio",
        default="edges",
        tabs=(IMAGE,),
        choices=lambda app: [("Colours of the edges", "edges"), ("Noise like the picture", "noise")],
    ),
    Field("outpaint_falloff", "Fall-off exponent", "slider", default=1.0, tabs=(IMAGE,), limits=(0.0, 4.0, 0.01)),
    Field(
        "outpaint_color_variation", "Color variation", "slider", default=0.05, tabs=(IMAGE,), limits=(0.0, 1.0, 0.01)
    ),
    Field(
        "sd_upscale_upscaler",
        "Upscaler",
        "dropdown",
        default="",
        tabs=(IMAGE,),
        choices=_sd_upscalers,
        read=_or_none("sd_upscale_upscaler"),
        show=_blank("sd_upscale_upscaler"),
        free=True,
    ),
    Field("sd_upscale_scale", "Scale", "slider", default=2.0, tabs=(IMAGE,), limits=(1.0, 4.0, 0.05)),
    Field("sd_upscale_overlap", "Tile overlap", "slider", default=64, tabs=(IMAGE,), limits=(0, 256, 16)),
    Field("loops", "Loops", "slider", default=1, tabs=WITH_PICTURE, limits=(1, 32, 1)),
    Field(
        "final_denoising_strength",
        "Final denoising",
        "slider",
        default=0.5,
        tabs=WITH_PICTURE,
        limits=(0.0, 1.0, 0.01),
    ),
    Field(
        "denoising_curve",
        "Denoising curve",
        "dropdown",
        default="Linear",
        tabs=WITH_PICTURE,
        choices=_named(lambda app: ["Aggressive", "Linear", "Lazy"]),
    ),
    Field("seed", "Seed", "seed", default=-1, read=_seed("seed")),
    Field("subseed", "Variation seed", "seed", default=-1, read=_seed("subseed")),
    Field("subseed_strength", "Variation strength", "slider", default=0.0, limits=(0, 1, 0.01)),
    Field("seed_resize_from_w", "Resize seed from width", "slider", default=0, limits=(0, LARGEST_SIDE, 8)),
    Field("seed_resize_from_h", "Resize seed from height", "slider", default=0, limits=(0, LARGEST_SIDE, 8)),
    Field(
        OVERRIDES,
        "Settings for this form only",
        "overrides",
        default=[],
        read=lambda value: {OVERRIDES: _parsed(value)},
        show=lambda values: _written(values[OVERRIDES]) if OVERRIDES in values else None,
    ),
)
