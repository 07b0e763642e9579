"""A1111's `scripts.postprocessing_upscale`: its script that makes a picture larger, which some extensions run."""

from __future__ import annotations

from typing import Any

from modules.studio.request import Extras

from .. import postprocessing, scripts_postprocessing

TO = 1
"""The mode in which width and height are given."""

__all__ = ["ScriptPostprocessingUpscale", "scripts_postprocessing"]


class ScriptPostprocessingUpscale(scripts_postprocessing.ScriptPostprocessing):
    """Run by its `process` alone: on the Extras tab Aquatint's own controls stand for it."""

    name = "Upscale"
    order = 1000

    def process(
        self,
        pp: Any,
        upscale_enabled: bool = True,
        upscale_mode: int = TO,
        upscale_by: float = 2.0,
        max_side_length: int = 0,
        upscale_to_width: int | None = None,
        upscale_to_height: int | None = None,
        upscale_crop: bool = False,
        upscaler_1_name: str | None = None,
        upscaler_2_name: str | None = None,
        upscaler_2_visibility: float = 0.0,
        **_: Any,
    ) -> None:
        """Makes `pp.image` larger: to a width and height where the mode is 1, else by a factor.

        `max_side_length`: what a factor makes is no larger than that many pixels; 0 is no limit. Without a first
        upscaler nothing is done. Raises: AquatintError naming an upscaler that is not here.
        """
        if not upscale_enabled or upscaler_1_name in (None, "", "None"):
            return
        if max_side_length and upscale_mode != TO:
            upscale_by = min(upscale_by, max_side_length / max(pp.image.size))
        request = {
            "resize_mode": int(upscale_mode == TO),
            "upscaling_resize": upscale_by,
            "upscaling_resize_w": upscale_to_width or pp.image.width,
            "upscaling_resize_h": upscale_to_height or pp.image.height,
            "upscaling_crop": upscale_crop,
            "upscaler_1": upscaler_1_name,
            "upscaler_2": upscaler_2_name or "None",
            "extras_upscaler_2_visibility": upscaler_2_visibility,
        }
        pp.image, facts = postprocessing.enlarged(pp.image, Extras.model_validate(request))
        pp.info |= facts
