"""Pictures and masks made fit for the model, and what it made put back: the rest stays as it was, bit for bit."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps
from PIL.Image import Resampling
from torch import Tensor

from modules.diffusion.errors import AquatintError

Size: TypeAlias = "tuple[int, int]"
"""Width, height in pixels."""

FILL_RADII = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))
"""Of `filled`: radius of a blur, and how often it is laid over what the wider ones made."""


class ResizeMode(IntEnum):
    """How a picture takes another shape; the numbers are A1111's."""

    JUST_RESIZE = 0
    CROP = 1
    FILL = 2
    """The whole picture, its edges stretched over what is left."""
    LATENT = 3
    """Resized as latents, by `resize_latent`; pixels that must change size all the same are just resized."""


class Box(NamedTuple):
    """A region of a picture in pixels; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


def as_rgb(picture: Image.Image, background: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """Any mode -> RGB, 8 bits, upright (EXIF orientation applied), transparency over `background`."""
    picture = _upright(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    canvas = Image.new("RGBA", picture.size, (*background, 255))
    canvas.alpha_composite(picture.convert("RGBA"))
    return canvas.convert("RGB")


def _upright(picture: Image.Image) -> Image.Image:
    """EXIF orientation applied, and 16 bits made 8: Pillow's own conversion would clip them."""
    picture = ImageOps.exif_transpose(picture)
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture).astype(np.float32) / 257
    return Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8))


def resize(picture: Image.Image, size: Size, mode: int, resample: Resampling = Resampling.LANCZOS) -> Image.Image:
    """Gives an RGB picture another size by a `ResizeMode`; a mask too, with BILINEAR, for Lanczos rings at its edge."""
    if mode == ResizeMode.CROP:
        return _resized_to_cover(picture, size, resample)
    if mode == ResizeMode.FILL:
        return _resized_to_fit(picture, size, resample)
    return picture.resize(size, resample)


def _resized_to_cover(picture: Image.Image, size: Size, resample: Resampling) -> Image.Image:
    width, height = size
    covering = (
        max(width, picture.width * height // picture.height),
        max(height, picture.height * width // picture.width),
    )
    left, top = covering[0] // 2 - width // 2, covering[1] // 2 - height // 2
    return picture.resize(covering, resample).crop((left, top, left + width, top + height))


def _resized_to_fit(picture: Image.Image, size: Size, resample: Resampling) -> Image.Image:
    width, height = size
    fitting = (
        max(1, min(width, picture.width * height // picture.height)),
        max(1, min(height, picture.height * width // picture.width)),
    )
    left, top = width // 2 - fitting[0] // 2, height // 2 - fitting[1] // 2
    margins = ((top, height - fitting[1] - top), (left, width - fitting[0] - left))
    pixels = np.asarray(picture.resize(fitting, resample))
    return Image.fromarray(np.pad(pixels, (*margins, *((0, 0),) * (pixels.ndim - 2)), mode="edge"))


def resize_latent(latents: Tensor, height: int, width: int) -> Tensor:
    """(B, C, h, w) -> (B, C, height, width), all in latent cells: resize mode 3."""
    return F.interpolate(latents, size=(height, width), mode="bilinear", align_corners=False)


def read_mask(mask: Image.Image, size: Size, *, round_alpha: bool = True) -> Image.Image:
    """Any picture -> L of `size` (the picture's own), white where it shall change.

    As in A1111 the mask is the alpha channel if anything in it is transparent, and then made black and white
    (`round_alpha`); else the luminance, whose greys are kept: they blend.
    """
    mask = _upright(mask)
    alpha = mask.convert("RGBA").getchannel("A") if mask.has_transparency_data else None
    if alpha is None or alpha.getextrema() == (255, 255):
        return _resized_mask(mask.convert("RGB").convert("L"), size)
    alpha = _resized_mask(alpha, size)
    return alpha.point([255 if value > 128 else 0 for value in range(256)]) if round_alpha else alpha


def _resized_mask(mask: Image.Image, size: Size) -> Image.Image:
    return mask if mask.size == size else mask.resize(size, Resampling.BILINEAR)


def inpaint_mask(
    mask: Image.Image,
    size: Size,
    *,
    invert: bool = False,
    blur_x: float = 0,
    blur_y: float = 0,
    round_alpha: bool = True,
) -> Image.Image:
    """What A1111 makes of an uploaded mask: `read_mask`, then inverted, then blurred.

    Raises: AquatintError if nothing is masked. (A1111 then repaints the whole picture or none of it; whoever masks
    wants neither.)
    """
    clean = read_mask(mask, size, round_alpha=round_alpha)
    if invert:
        clean = ImageOps.invert(clean)
    _require_paint(clean)
    return blurred(clean, blur_x, blur_y)


def _require_paint(mask: Image.Image) -> Box:
    bounds = mask.getbbox()
    if bounds is None:
        raise AquatintError(
            "The mask is empty: paint over the part of the picture that shall change, or invert the mask."
        )
    return Box(*bounds)


def blurred(mask: Image.Image, sigma_x: float, sigma_y: float) -> Image.Image:
    """Gaussian blur of an L mask, sigma in pixels for each axis.

    As OpenCV's with A1111's kernel of 2 int(2.5 sigma + 0.5) + 1 pixels, the borders mirrored.
    """
    values = np.asarray(mask)
    for axis, sigma in ((1, sigma_x), (0, sigma_y)):
        if sigma > 0:
            values = _blurred_along(values, axis, sigma)
    return Image.fromarray(values)


def _blurred_along(values: NDArray[np.uint8], axis: int, sigma: float) -> NDArray[np.uint8]:
    """By Fourier transform, so that the widest blur takes as long as the narrowest."""
    reach = int(2.5 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    margins = [(reach, reach) if along == axis else (0, 0) for along in range(2)]
    padded = np.moveaxis(np.pad(values.astype(np.float32), margins, mode="reflect"), axis, -1)
    length = padded.shape[-1]
    convolved = np.fft.irfft(np.fft.rfft(padded) * np.fft.rfft(kernel, length), length)
    valid = np.moveaxis(convolved[..., 2 * reach :], -1, axis)
    return np.rint(valid).clip(0, 255).astype(np.uint8)


def overlay_mask(mask: Image.Image) -> Image.Image:
    """The mask to paste back with when the whole picture was inpainted: doubled, as in A1111.

    Where the latents were repainted (0.5 and more) the new picture then shows alone; the blur fades outside of that.
    """
    return mask.point([min(255, 2 * value) for value in range(256)])


def crop_region(mask: Image.Image, padding: int = 0) -> Box:
    """The masked part of a picture with `padding` pixels around it, for "only masked".

    Raises: AquatintError if nothing is masked.
    """
    left, top, right, bottom = _require_paint(mask)
    return Box(
        max(0, left - padding),
        max(0, top - padding),
        min(mask.width, right + padding),
        min(mask.height, bottom + padding),
    )


def expand_region(box: Box, processing: Size, picture: Size) -> Box:
    """Grows `box` to the aspect ratio of `processing`, as far as the picture allows; always contains `box`."""
    ratio = processing[0] / processing[1]
    width, height = box.size
    wider = min(picture[0], max(width, int(height * ratio)))
    higher = min(picture[1], max(height, int(width / ratio)))
    left = max(0, min(box.left - (wider - width) // 2, picture[0] - wider))
    top = max(0, min(box.top - (higher - height) // 2, picture[1] - higher))
    return Box(left, top, left + wider, top + higher)


def filled(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """Masked content "fill": the masked part of an RGB picture takes the colours around it, blurred.

    Narrow blurs of what is not masked lie over wide ones, so that colours come from nearby where there are any. Beyond
    the reach of the widest blur is the mean colour of what is not masked; grey if everything is.
    """
    kept = picture.convert("RGBA")
    kept.putalpha(ImageOps.invert(mask))
    kept = kept.convert("RGBa")
    premultiplied = np.asarray(kept, dtype=np.float32)  # (H, W, 4)
    coverage = premultiplied[..., 3].mean() / 255
    mean = premultiplied[..., :3].mean((0, 1)) / coverage if coverage > 0 else np.float32(128)
    colours = np.zeros((*premultiplied.shape[:2], 3), dtype=np.float32) + mean
    for radius, repeats in FILL_RADII:
        layer = np.asarray(kept.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32)
        for _ in range(repeats):
            colours = layer[..., :3] + colours * (1 - layer[..., 3:] / 255)
    return Image.fromarray(np.rint(colours).clip(0, 255).astype(np.uint8))


def latent_mask(mask: Image.Image, height: int, width: int, *, rounded: bool = True) -> NDArray[np.float32]:
    """L mask of pixels -> (height, width) of latent cells in [0, 1], 1 where latents change; 0 and 1 only if `rounded`.

    Where rounding would leave nothing of a thin mask, every cell that it touches is 1.
    """
    cells = _fractions(mask.resize((width, height), Resampling.BICUBIC), rounded)
    if not rounded or cells.any():
        return cells
    touched = np.asarray(mask.convert("F").resize((width, height), Resampling.BOX)) > 0
    return touched.astype(np.float32)


def mask_tensor(mask: Image.Image, *, rounded: bool = True) -> Tensor:
    """L mask -> (H, W) of pixels in [0, 1], for `masked_pixels` and `inpaint_latents`; 0 and 1 only if `rounded`."""
    return torch.from_numpy(_fractions(mask, rounded))


def _fractions(mask: Image.Image, rounded: bool) -> NDArray[np.float32]:
    values = np.asarray(mask).astype(np.float32) / np.float32(255)
    return np.around(values) if rounded else values


def paste_back(original: Image.Image, inpainted: Image.Image, mask: Image.Image, box: Box | None = None) -> Image.Image:
    """The original with `inpainted` (of any size) put into `box`, or over all of it, as much as `mask` says.
    Where the box has not the aspect ratio of `inpainted`, the middle is taken: the crop was made by ResizeMode.FILL.

    `mask` is L of the original's size. Where it is 0, and outside of the box, the result equals `as_rgb(original)` bit
    for bit; where it is 255, the inpainted picture.
    """
    base = as_rgb(original)
    region = box or Box(0, 0, *base.size)
    pasted = base.copy()
    pasted.paste(resize(as_rgb(inpainted), region.size, ResizeMode.CROP), region)
    return Image.composite(pasted, base, mask)


def masked_pixels(pixels: Tensor, mask: Tensor) -> Tensor:
    """(B, 3, H, W) in [-1, 1], (H, W) -> the pixels with the masked ones grey (0); encoded, for `inpaint_latents`."""
    return pixels * (1 - mask)


def inpaint_latents(mask: Tensor, masked_latents: Tensor) -> Tensor:
    """The five further channels of a 9-channel model: mask, then the latents of `masked_pixels`.

    (H, W) mask of pixels in [0, 1], 1 where the picture changes; (B, 4, h, w) -> (B, 5, h, w).
    """
    cells = F.interpolate(mask[None, None].to(masked_latents), size=masked_latents.shape[-2:], mode="nearest")
    return torch.cat([cells.expand(masked_latents.shape[0], -1, -1, -1), masked_latents], dim=1)
