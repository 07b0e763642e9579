"""A1111's `modules.txt2img`: what its Generate button calls."""

from __future__ import annotations

from typing import Any

from .infotext_utils import create_override_settings_dict
from .ui_common import plaintext_to_html

FIELDS = (
    *("prompt", "negative_prompt", "styles", "n_iter", "batch_size", "cfg_scale", "height", "width", "enable_hr"),
    *("denoising_strength", "hr_scale", "hr_upscaler", "hr_second_pass_steps", "hr_resize_x", "hr_resize_y"),
    *("hr_checkpoint_name", "hr_sampler_name", "hr_scheduler", "hr_prompt", "hr_negative_prompt"),
)
"""Fields of a job, in the order of A1111's arguments."""


def txt2img_create_processing(id_task: str, request: Any, *args: Any, force_enable_hr: bool = False) -> Any:
    """A job of A1111's arguments: `FIELDS`, the overrides as texts, those of the scripts."""
    from . import processing, scripts

    values = dict(zip(FIELDS, args, strict=False))
    overrides, script_args = args[len(FIELDS)] if len(args) > len(FIELDS) else (), args[len(FIELDS) + 1 :]
    values["enable_hr"] = bool(values.get("enable_hr")) or force_enable_hr
    p = processing.StableDiffusionProcessingTxt2Img(
        override_settings=create_override_settings_dict(overrides or ()), **values
    )
    p.scripts, p.script_args = scripts.scripts_txt2img, script_args
    p.user = getattr(request, "username", None)
    return p


def txt2img(id_task: str, request: Any, *args: Any) -> tuple[Any, str, str, str]:
    """-> (pictures, the infotexts as JSON, the first one as HTML, remarks as HTML)"""
    return finished(txt2img_create_processing(id_task, request, *args))


def finished(p: Any) -> tuple[Any, str, str, str]:
    """Runs a job, through the script that was chosen if there is one."""
    from . import processing

    runner = p.scripts
    processed = runner.run(p, *p.script_args) if runner is not None else None
    processed = processed or processing.process_images(p)
    p.close()
    comments = getattr(processed, "comments", "") or ""
    return list(processed.images), processed.js(), plaintext_to_html(processed.info), plaintext_to_html(comments)
