"""A1111's `modules.img2img`: what its Generate button calls, and many pictures from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.image_files import open_picture
from modules.studio.picture_files import pictures_directly_in

from .images import save_image
from .infotext_utils import create_override_settings_dict
from .shared_options import opts

FIELDS = (
    *(
        "mode",
        "prompt",
        "negative_prompt",
        "styles",
        "init_img",
        "sketch",
        "init_img_with_mask",
        "inpaint_color_sketch",
    ),
    *("inpaint_color_sketch_orig", "init_img_inpaint", "init_mask_inpaint", "mask_blur", "mask_alpha"),
    *("inpainting_fill", "n_iter", "batch_size", "cfg_scale", "image_cfg_scale", "denoising_strength"),
    *("selected_scale_tab", "height", "width", "scale_by", "resize_mode", "inpaint_full_res"),
    *("inpaint_full_res_padding", "inpainting_mask_invert", "img2img_batch_input_dir", "img2img_batch_output_dir"),
    *("img2img_batch_inpaint_mask_dir", "override_settings_texts", "img2img_batch_use_png_info"),
    *("img2img_batch_png_info_props", "img2img_batch_png_info_dir", "img2img_batch_source_type"),
    "img2img_batch_upload",
)
"""A1111's arguments, in its order."""
OF_A_JOB = (
    *("prompt", "negative_prompt", "styles", "n_iter", "batch_size", "cfg_scale", "denoising_strength", "height"),
    *("width", "resize_mode", "mask_blur", "inpainting_fill", "inpaint_full_res", "inpaint_full_res_padding"),
    "inpainting_mask_invert",
)


def img2img(id_task: str, request: Any, *args: Any) -> tuple[Any, str, str, str]:
    """-> (pictures, the infotexts as JSON, the first one as HTML, remarks as HTML)"""
    from . import processing, scripts
    from .txt2img import finished

    values = dict(zip(FIELDS, args, strict=False))
    picture, mask = _picture_and_mask(values)
    if values.get("selected_scale_tab") == 1 and picture is not None:
        by = float(values.get("scale_by") or 1)
        values |= {"width": int(picture.width * by), "height": int(picture.height * by)}
    given = {name: values[name] for name in OF_A_JOB if name in values}
    overrides = create_override_settings_dict(values.get("override_settings_texts") or ())
    p = processing.StableDiffusionProcessingImg2Img(
        init_images=[picture], mask=mask, override_settings=overrides, **given
    )
    p.scripts, p.script_args = scripts.scripts_img2img, args[len(FIELDS) :]
    if values.get("mode") == 5:
        folders = ("img2img_batch_input_dir", "img2img_batch_output_dir", "img2img_batch_inpaint_mask_dir")
        source, into, masks = (values[name] for name in folders)
        process_batch(p, source, into, masks, p.script_args)
        return [], "{}", "", ""
    return finished(p)


def _picture_and_mask(values: dict[str, Any]) -> tuple[Image.Image | None, Image.Image | None]:
    mode = values.get("mode") or 0
    if mode == 2 and values.get("init_img_with_mask"):
        both = values["init_img_with_mask"]
        return both["image"].convert("RGB"), both["mask"].convert("L")
    if mode == 4:
        return values["init_img_inpaint"], values["init_mask_inpaint"]
    picture = values.get({1: "sketch", 3: "inpaint_color_sketch"}.get(mode, "init_img"))
    return (picture.convert("RGB") if picture is not None else None), None


def process_batch(
    p: Any,
    input: Any,
    output_dir: str,
    inpaint_mask_dir: str = "",
    args: Any = (),
    to_scale: bool = False,
    scale_by: float = 1.0,
    use_png_info: bool = False,
    png_info_props: Any = None,
    png_info_dir: str | None = None,
) -> Any:
    """The job once for each picture of a folder (or list of files), saved into `output_dir` under the same name.

    A picture that cannot be read is left out, and said.
    """
    from . import errors, processing, shared

    files = [Path(each) for each in input] if isinstance(input, list) else pictures_directly_in(Path(input))
    masks = pictures_directly_in(Path(inpaint_mask_dir)) if inpaint_mask_dir else []
    shared.state.job_count = len(files) * p.n_iter
    processed = None
    for file in files:
        if shared.state.interrupted or shared.state.stopping_generation:
            break
        try:
            picture = open_picture(file.read_bytes())
        except (AquatintError, OSError) as error:
            errors.display(error, f"reading {file.name}")
            continue
        if to_scale:
            p.width, p.height = int(picture.width * scale_by), int(picture.height * scale_by)
        p.init_images = [picture] * p.batch_size
        mask = next((each for each in masks if each.stem == file.stem), masks[0] if masks else None)
        if mask is not None:
            p.image_mask = open_picture(mask.read_bytes()).convert("L")
        processed = (p.scripts.run(p, *args) if p.scripts is not None else None) or processing.process_images(p)
        for number, made in enumerate(processed.images if output_dir else ()):
            name = file.stem if number == 0 else f"{file.stem}-{number}"
            save_image(made, output_dir, "", extension=opts.samples_format, info=processed.info, forced_filename=name)
    return processed
