"""What A1111's processing does with pictures besides making them: colours, overlays, latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms
from torch import Tensor

from modules.diffusion.errors import AquatintError
from modules.diffusion.masks import mask_tensor
from modules.studio.canvas import inpaint_channels

from .host import host


def setup_color_correction(image: Image.Image) -> NDArray[np.uint8]:
    """What `apply_color_correction` brings other pictures near to: L*a*b* (H, W, 3)."""
    return np.asarray(_transformed(image.convert("RGB"), to_lab=True))


def picture_of_correction(correction: NDArray[np.uint8]) -> Image.Image:
    """A picture of the colours that `setup_color_correction` has found in one. Raises: AquatintError."""
    if not isinstance(correction, np.ndarray) or correction.ndim != 3 or correction.shape[-1] != 3:
        raise AquatintError("p.color_corrections must be a list of what setup_color_correction(picture) gives.")
    return _transformed(Image.fromarray(correction.astype(np.uint8), "LAB"), to_lab=False)


def apply_color_correction(correction: NDArray[np.uint8], original_image: Image.Image) -> Image.Image:
    """The picture with the colours of `correction`, by matching histograms, and its own lightness."""
    lab = np.asarray(_transformed(original_image.convert("RGB"), to_lab=True)).copy()
    for channel in (1, 2):
        lab[..., channel] = _matched(lab[..., channel], correction[..., channel])
    return _transformed(Image.fromarray(lab, "LAB"), to_lab=False)


def _transformed(image: Image.Image, *, to_lab: bool) -> Image.Image:
    rgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    profiles, modes = ((rgb, lab), ("RGB", "LAB")) if to_lab else ((lab, rgb), ("LAB", "RGB"))
    changed = ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, *modes))
    assert changed is not None
    return changed


def _matched(values: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each value moved to the one of equal rank. In Pillow's LAB a* and b* are signed: 128 becomes the middle."""
    source, other = (np.bincount((part ^ 128).ravel(), minlength=256).cumsum() for part in (values, wanted))
    table = np.interp(source / source[-1], other / other[-1], np.arange(256)).round().astype(np.uint8)
    matched: NDArray[np.uint8] = table[values ^ 128] ^ 128
    return matched


def uncrop(image: Image.Image, dest_size: tuple[int, int], paste_loc: tuple[int, int, int, int]) -> Image.Image:
    """The picture put into its place (x, y, width, height) of a transparent one."""
    x, y, width, height = paste_loc
    base = Image.new("RGBA", dest_size)
    base.paste(image.resize((width, height), Image.Resampling.LANCZOS), (x, y))
    return base


def apply_overlay(image: Image.Image, paste_loc: Any, overlay: Image.Image | None) -> tuple[Image.Image, Image.Image]:
    """The picture under an overlay, and without it."""
    if overlay is None:
        return image, image.copy()
    if paste_loc is not None:
        image = uncrop(image, overlay.size, paste_loc)
    without = image.copy()
    below = image.convert("RGBA")
    below.alpha_composite(overlay.convert("RGBA"))
    return below.convert("RGB"), without


def create_binary_mask(image: Image.Image, round: bool = True) -> Image.Image:
    """The mask in a picture: its opacity where that varies, else its grey; with `round` nothing between."""
    if image.mode == "RGBA" and image.getextrema()[-1] != (255, 255):
        alpha = image.getchannel("A")
        return alpha.point(lambda value: 255 if value > 128 else 0) if round else alpha
    return image.convert("L")


def old_hires_fix_first_pass_dimensions(width: int, height: int) -> tuple[int, int]:
    """The size of the first pass before hires fix had fields for it."""
    scale = (512 * 512 / max(1, width * height)) ** 0.5
    return int(-(-width * scale // 64)) * 64, int(-(-height * scale // 64)) * 64


def decode_first_stage(model: Any, x: Tensor) -> Tensor:
    """Latents (B, C, h, w) as pixels (B, 3, H, W) in [-1, 1], by the model at work. Raises: AquatintError."""
    if host.model is None:
        raise AquatintError("There is no model at work: latents can be decoded inside of a job only.")
    return host.model.decode(x)


class DecodedSamples(list[Tensor]):
    """Pictures (3, H, W) in [-1, 1] where latents would stand."""

    already_decoded = True


def decode_latent_batch(
    model: Any, batch: Tensor, target_device: Any = None, check_for_nans: bool = False
) -> DecodedSamples:
    """As `decode_first_stage`, a tensor for each picture."""
    decoded = decode_first_stage(model, batch)
    return DecodedSamples(decoded if target_device is None else decoded.to(target_device))


def txt2img_image_conditioning(sd_model: Any, x: Tensor, width: int, height: int) -> Tensor:
    """What A1111 hands to models that see no picture."""
    return torch.zeros(len(x), 5, 1, 1, dtype=x.dtype, device=x.device)


def img2img_image_conditioning(
    pixels: Tensor, latents: Tensor, mask: Any = None, rounded: bool = True, weight: float = 1.0
) -> Tensor:
    """What models of nine channels see beside the latents: the mask and the rest of the picture, (B, 3, H, W) in
    [-1, 1]; for the others as for txt2img. Without a mask all of it is hidden."""
    model = host.model
    where = mask if not isinstance(mask, Image.Image) else mask_tensor(mask.convert("L"), rounded=rounded)
    where = None if where is None else torch.as_tensor(where).float().cpu().reshape(where.shape[-2:])
    seen = None if model is None else inpaint_channels(model, pixels.float().cpu(), where, weight)
    return txt2img_image_conditioning(None, latents, 0, 0) if seen is None else seen.to(latents)
