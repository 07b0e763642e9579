"""A1111's `modules.images`: pictures resized, put on sheets, named, saved and read."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from modules.diffusion.errors import AquatintError
from modules.diffusion.masks import resize
from modules.studio.fonts import font_for
from modules.studio.image_files import PictureError, encode, format_for, read_parameters
from modules.studio.upscaling import tiles_of

from .bridge.file_names import (
    NOTHING_AND_SKIP_PREVIOUS_TEXT,
    FilenameGenerator,
    get_next_sequence_number,
    sanitize_filename_part,
)
from .bridge.grids import (
    Grid,
    GridAnnotation,
    combine_grid,
    draw_grid_annotations,
    draw_prompt_matrix,
    image_grid,
    split_grid,
)
from .bridge.host import host
from .bridge.opts import present
from .bridge.saving import save_picture, write_picture

__all__ = [
    "NOTHING_AND_SKIP_PREVIOUS_TEXT",
    "FilenameGenerator",
    "Grid",
    "GridAnnotation",
    "combine_grid",
    "draw_grid_annotations",
    "draw_prompt_matrix",
    "get_next_sequence_number",
    "image_grid",
    "sanitize_filename_part",
    "split_grid",
]

LANCZOS = Image.Resampling.LANCZOS
NEAREST = Image.Resampling.NEAREST
IGNORED_INFO_KEYS = {
    *("jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "exif", "loop", "background", "timestamp"),
    *("duration", "progressive", "progression", "icc_profile", "chromaticity", "photoshop"),
}
invalid_filename_chars = '#<>:"/\\|?*\n\r\t'
max_filename_part_length = 128
re_nonletters = re.compile(r"[\s!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]+")


def get_font(fontsize: int) -> Any:
    """A font of that size."""
    return font_for("", fontsize)


def resize_image(
    resize_mode: int,
    im: Image.Image,
    width: int,
    height: int,
    upscaler_name: str | None = None,
    force_RGBA: bool = False,
) -> Image.Image:
    """0: stretched, 1: cropped, 2: filled at the edges; by the named upscaler, or Lanczos."""
    if force_RGBA:
        im = im.convert("RGBA")
    wanted = upscaler_name or present().model_dump().get("upscaler_for_img2img")
    if wanted and wanted != "None" and (im.width < width or im.height < height):
        factor = max(width / im.width, height / im.height)
        try:
            size = (max(1, round(im.width * factor)), max(1, round(im.height * factor)))
            im = host.app.upscalers.upscale(im, wanted, *size, tiles_of(present()))
        except AquatintError as error:
            from . import errors

            errors.display(error, f"upscaling with {wanted}")
    return resize(im, (width, height), resize_mode)


def flatten(img: Image.Image, bgcolor: str) -> Image.Image:
    """RGB, what is transparent over that color."""
    if img.mode != "RGBA":
        return img.convert("RGB")
    ground = Image.new("RGBA", img.size, bgcolor)
    return Image.alpha_composite(ground, img).convert("RGB")


def read(fp: Any, **kwargs: Any) -> Image.Image:
    """A picture from a file, upright."""
    image = Image.open(fp, **kwargs)
    return fix_image(image) or image


def fix_image(image: Image.Image | None) -> Image.Image | None:
    """Upright, and RGB or RGBA if it is a palette's."""
    if image is None:
        return None
    turned = ImageOps.exif_transpose(image)
    return fix_png_transparency(turned)


def fix_png_transparency(image: Image.Image) -> Image.Image:
    """A palette with a transparent color as RGBA."""
    return image.convert("RGBA") if image.mode == "P" and "transparency" in image.info else image


def apply_filename_pattern(x: str, p: Any, seed: Any, prompt: str) -> str:
    """The pattern filled in."""
    return FilenameGenerator(p, seed, prompt, None).apply(x)


def save_image_with_geninfo(
    image: Image.Image,
    geninfo: str | None,
    filename: str,
    extension: str | None = None,
    existing_pnginfo: dict[str, Any] | None = None,
    pnginfo_section_name: str = "parameters",
) -> None:
    """Writes a file with the infotext in it, whole or not at all."""
    ending = (extension or Path(filename).suffix).lower().removeprefix(".")
    texts = {key: str(value) for key, value in (existing_pnginfo or {}).items()}
    if geninfo and pnginfo_section_name != "parameters":
        texts[pnginfo_section_name] = geninfo
        geninfo = texts.get("parameters", "")
    write_picture(Path(filename), image, geninfo or "", ending, texts)


def save_image(
    image: Image.Image,
    path: str,
    basename: str,
    seed: Any = None,
    prompt: str | None = None,
    extension: str = "png",
    info: str | None = None,
    short_filename: bool = False,
    no_prompt: bool = False,
    grid: bool = False,
    pnginfo_section_name: str = "parameters",
    p: Any = None,
    existing_info: dict[str, Any] | None = None,
    forced_filename: str | None = None,
    suffix: str = "",
    save_to_dirs: bool | None = None,
) -> tuple[str, str | None]:
    """Saves a picture as A1111 names it, after `before_image_saved` and before `image_saved`; what lies below the
    data folder is in the gallery then. -> (its path, the path of the text beside it or None)
    """
    options = present()
    names = FilenameGenerator(p, seed, prompt, image)
    in_folders = save_to_dirs if save_to_dirs is not None else options.save_to_dirs and not no_prompt
    parts = names.apply(options.directories_filename_pattern or "").split("/") if in_folders else []
    folder = Path(host.app.folders.data, path, *(part for raw in parts if (part := sanitize_filename_part(raw, False))))
    pattern = options.samples_filename_pattern or "[seed]"
    plain = short_filename or seed is None or prompt is None
    decoration = "" if plain else sanitize_filename_part(names.apply(pattern), False) or ""
    stem = forced_filename
    if stem is None:
        number = get_next_sequence_number(str(folder), basename)
        counted = f"{basename}-{number:04}" if basename else f"{number:05}"
        stem = "-".join(filter(None, [counted, decoration])) + suffix
    texts = {key: str(value) for key, value in (existing_info or {}).items()}
    if info is not None and pnginfo_section_name:
        texts[pnginfo_section_name] = info
    return save_picture(image, p, folder / f"{stem}.{extension}", texts, forced_filename is None)


def read_info_from_image(image: Image.Image) -> tuple[str | None, dict[str, Any]]:
    """-> (the infotext, in A1111's grammar whichever program wrote it; other texts of the file)"""
    items = {key: value for key, value in (image.info or {}).items() if key not in IGNORED_INFO_KEYS}
    items.pop("parameters", None)
    named: dict[str, Any] = {str(key): value for key, value in items.items()}
    written = image.info.get("parameters")
    try:
        data = _file_of(image)
        return (read_parameters(data) or None) if data else None, named
    except PictureError:
        return str(written) if written else None, named


def _file_of(image: Image.Image) -> bytes:
    """The bytes that a picture was opened from, or a PNG with its texts again."""
    name = getattr(image, "filename", "")
    if name and os.path.isfile(name):
        return Path(name).read_bytes()
    texts = {key: str(value) for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    exif = image.getexif().get_ifd(0x8769).get(0x9286)
    if not texts and exif is None:
        return b""
    file = io.BytesIO()
    if texts:
        return encode(image, format_for(image, "png"), texts.pop("parameters", ""), present(), texts)
    image.convert("RGB").save(file, "JPEG", exif=image.getexif())
    return file.getvalue()


def image_data(data: bytes) -> tuple[str, None]:
    """The infotext in a file's bytes, or a small text file itself; "" for anything else."""
    try:
        return read_parameters(data), None
    except PictureError:
        pass
    try:
        return (data.decode("utf-8") if len(data) < 1 << 20 else ""), None
    except UnicodeDecodeError:
        return "", None
