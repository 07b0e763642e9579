"""A1111's `modules.postprocessing`: what its Extras tab runs."""

from __future__ import annotations

from typing import Any

from PIL import Image

from modules.studio.extras import enlargement, restorers
from modules.studio.request import Extras
from modules.studio.upscaling import tiles_of

from .bridge.host import host
from .bridge.missing import refuse
from .bridge.opts import present, read_option
from .images import save_image


def run_postprocessing(*_: Any, **__: Any) -> Any:
    """Raises: NotHereError."""
    refuse("run_postprocessing", "use postprocessing.run_extras, or the Extras tab")


def run_postprocessing_webui(*_: Any, **__: Any) -> Any:
    """Raises: NotHereError."""
    refuse("run_postprocessing_webui", "use postprocessing.run_extras, or the Extras tab")


def enlarged(image: Image.Image, request: Extras) -> tuple[Image.Image, dict[str, str]]:
    """The picture as large as the request says, and the entries of the infotext about it.

    Raises: AquatintError naming an upscaler that is not here.
    """

    def enlarge(picture: Image.Image, upscaler: Any, size: tuple[int, int]) -> Image.Image:
        return host.app.upscalers.upscale(picture, upscaler.name, *size, tiles_of(present()))

    return enlargement(request, host.app.upscalers).apply(image, enlarge)


def run_extras(
    extras_mode: int,
    resize_mode: int,
    image: Image.Image,
    image_folder: Any,
    input_dir: str,
    output_dir: str,
    show_extras_results: bool,
    gfpgan_visibility: float,
    codeformer_visibility: float,
    codeformer_weight: float,
    upscaling_resize: float,
    upscaling_resize_w: int,
    upscaling_resize_h: int,
    upscaling_crop: bool,
    extras_upscaler_1: str,
    extras_upscaler_2: str,
    extras_upscaler_2_visibility: float,
    upscale_first: bool,
    save_output: bool = True,
    **_: Any,
) -> tuple[list[Image.Image], str, str]:
    """One picture made larger, and its faces restored. -> (pictures, what was done, "")"""
    request = Extras.model_validate(
        {
            "resize_mode": resize_mode,
            "upscaling_resize": upscaling_resize,
            "upscaling_resize_w": upscaling_resize_w,
            "upscaling_resize_h": upscaling_resize_h,
            "upscaling_crop": upscaling_crop,
            "upscaler_1": extras_upscaler_1 or "None",
            "upscaler_2": extras_upscaler_2 or "None",
            "extras_upscaler_2_visibility": extras_upscaler_2_visibility,
            "gfpgan_visibility": gfpgan_visibility,
            "codeformer_visibility": codeformer_visibility,
            "codeformer_weight": codeformer_weight,
        }
    )
    made = image
    for name, share in restorers(request):
        made, _found = host.app.faces.restore(made, name, share, codeformer_weight)
    made, facts = enlarged(made, request)
    words = ", ".join(f"{key}: {value}" for key, value in facts.items())
    if save_output:
        folder = output_dir or read_option("outdir_extras_samples")
        save_image(made, folder, "", extension=read_option("samples_format"), info=image.info.get("parameters"))
    return [made], words, ""
