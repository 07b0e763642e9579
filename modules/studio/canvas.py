"""What sampling starts from: nothing, a picture, or a picture with a mask; and how the result is put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageColor
from torch import Tensor

from modules.diffusion import masks
from modules.diffusion.color_correction import color_corrected
from modules.diffusion.masks import Box, ResizeMode
from modules.diffusion.matched_noise import with_matched_noise
from modules.diffusion.model import Model
from modules.diffusion.soft_inpainting import SoftInpainting
from modules.studio.request import Img2Img, Inpaint
from modules.studio.settings import Options


class Masks(NamedTuple):
    """The masks of an inpainting."""

    mask: Image.Image
    latent: Image.Image | None = None
    """What changes in latent space, and is filled, where that is not the same as what shows."""


@dataclass(frozen=True)
class Overlay:
    """Where an inpainted picture goes."""

    original: Image.Image
    mask: Image.Image
    """L, of the original's size: how much of the new picture shows."""
    box: Box | None
    """The part of the original that was inpainted; None is all of it."""

    def showing(self, cells: Image.Image) -> Overlay:
        """With a mask that is given in latent cells."""
        box = self.box or Box(0, 0, *self.original.size)
        mask = Image.new("L", self.original.size)
        mask.paste(masks.resize(cells, box.size, ResizeMode.CROP, Image.Resampling.BICUBIC), box)
        return replace(self, mask=mask)


@dataclass(frozen=True)
class Surface:
    """One picture made ready to be painted on, at the size of processing."""

    picture: Image.Image
    mask: Image.Image | None = None
    """L, of the picture's size, white where it changes."""
    latent_mask: Image.Image | None = None
    """The same, for latents."""
    overlay: Overlay | None = None


@dataclass(frozen=True)
class Canvas:
    """What a batch starts from."""

    latents: Tensor | None = None
    """(B, C, h, w) of the pictures; None for words alone."""
    mask: Tensor | None = None
    """(h, w), 1 where the latents change; None is everywhere."""
    inpaint: Tensor | None = None
    """(B, 5, h, w), the further channels of an inpainting model."""
    overlays: Sequence[Overlay | None] = ()
    colours: Sequence[Image.Image] = ()
    """Pictures whose colours what is painted gets; none is to leave them."""
    soft: SoftInpainting | None = None
    """The mask is a matter of degree."""

    def blended(self, latents: Tensor, sigma: float) -> Tensor:
        """(B, C, h, w) denoised at a noise level: outside of the mask the picture's own."""
        if self.mask is None or self.latents is None:
            return latents
        if self.soft is not None:
            return self.soft.blended(self.latents, latents, self.mask, sigma)
        return self.latents * (1 - self.mask) + latents * self.mask

    def ended(self, latents: Tensor) -> Tensor:
        """The finished latents; soft inpainting leaves them, and decides what shows among pixels."""
        return latents if self.soft is not None else self.blended(latents, 0.0)

    def shows(self, latents: Tensor) -> Canvas:
        """The canvas whose overlays show what has changed, for soft inpainting; otherwise itself."""
        if self.soft is None or self.mask is None or self.latents is None:
            return self
        masks_of_cells = self.soft.shown(self.latents, latents, self.mask)
        pairs = zip(self.overlays, masks_of_cells, strict=True)
        return replace(self, overlays=[overlay and overlay.showing(cells) for overlay, cells in pairs])

    def coloured_as(self, surfaces: Sequence[Surface]) -> Canvas:
        """The canvas that gives what is painted the colours of these pictures."""
        return replace(self, colours=[surface.picture for surface in surfaces])

    def uncoloured(self) -> Canvas:
        """The canvas that leaves colours as they are painted."""
        return replace(self, colours=())

    def overlay_of(self, index: int) -> Overlay | None:
        """Where an image goes, if it is a part of an original."""
        return self.overlays[index] if index < len(self.overlays) else None

    def finish(self, index: int, image: Image.Image, overlay: Overlay | None) -> Image.Image:
        """The decoded image put back into its original, if there is one: outside the mask nothing changes."""
        image = color_corrected(image, self.colours[index]) if index < len(self.colours) else image
        return image if overlay is None else masks.paste_back(overlay.original, image, overlay.mask, overlay.box)


def enlarged(model: Model, latents: Tensor, width: int, height: int) -> Canvas:
    """The canvas of a second pass of so many pixels, on latents (B, C, h, w) that are already made."""
    blank = torch.zeros(len(latents), 3, height, width)
    return Canvas(latents, inpaint=inpaint_channels(model, blank, None))


def without_picture(model: Model, count: int, width: int, height: int) -> Canvas:
    """The canvas of `count` images of so many pixels that begin with words alone."""
    return Canvas(inpaint=inpaint_channels(model, torch.zeros(count, 3, height, width), None))


def tile_canvas(model: Model, tile: Image.Image, width: int, height: int) -> Canvas:
    """The canvas of one picture that is painted over in so many pixels."""
    latents = model.encode(pixels_of(masks.resize(tile, (width, height), ResizeMode.JUST_RESIZE))[None])
    return Canvas(latents, inpaint=inpaint_channels(model, torch.zeros(1, 3, height, width), None))


def prepare(
    request: Img2Img, options: Options, surfaces: Sequence[Surface], first_noise: Tensor, model: Model
) -> Canvas:
    """The canvas of a batch, with a surface for each image; `first_noise` (B, C, h, w) is what masked content "latent
    noise" shows."""
    pixels = [pixels_of(surface.picture) for surface in surfaces]
    size = request.painted_size
    _, height, width = model.latent_shape(*size)
    latents = torch.cat([masks.resize_latent(model.encode(one[None]), height, width) for one in pixels])
    cells = None
    painted = surfaces[0].mask
    soft = _soft(request)
    rounded = soft is None and (not isinstance(request, Inpaint) or request.mask_round)
    latent_mask = surfaces[0].latent_mask
    if latent_mask is not None:
        cells = torch.from_numpy(masks.latent_mask(latent_mask, height, width, rounded=rounded)).to(latents)
        fill = request.inpainting_fill if isinstance(request, Inpaint) else 0
        if fill == 2:
            latents = latents * (1 - cells) + first_noise.to(latents) * cells
        elif fill == 3:
            latents = latents * (1 - cells)
    weight = options.inpainting_mask_weight
    hidden = painted is None and weight == 1
    kept = torch.zeros(len(pixels), 3, size[1], size[0]) if hidden else torch.stack(pixels)
    where = None if painted is None else masks.mask_tensor(painted, rounded=rounded)
    inpaint = inpaint_channels(model, kept, where, weight)
    return Canvas(latents, cells, inpaint, [surface.overlay for surface in surfaces], soft=soft)


def _soft(request: Img2Img) -> SoftInpainting | None:
    if not isinstance(request, Inpaint) or not request.soft_inpainting:
        return None
    return SoftInpainting(
        request.soft_schedule_bias,
        request.soft_preservation,
        request.soft_contrast_boost,
        request.soft_mask_influence,
        request.soft_difference_threshold,
        request.soft_difference_contrast,
    )


def flattened(picture: Image.Image, options: Options) -> Image.Image:
    """RGB: the clear parts of a picture filled with the colour that the options name."""
    red, green, blue = ImageColor.getrgb(options.img2img_background_color)[:3]
    return masks.as_rgb(picture, (red, green, blue))


def surface_of(request: Img2Img, options: Options, picture: Image.Image, given: Masks | None, seed: int) -> Surface:
    """A picture made ready for the request. Raises: AquatintError if a mask is empty."""
    picture, size = flattened(picture, options), (request.width, request.height)
    if request.outpaints:
        return _outpainted(request, masks.resize(picture, size, request.resize_mode), seed)
    if not isinstance(request, Inpaint) or given is None:
        whole = request.resize_mode == ResizeMode.LATENT
        return Surface(_cut_to_eight(picture) if whole else masks.resize(picture, size, request.resize_mode))
    rounded = request.mask_round and not request.soft_inpainting
    painted = masks.inpaint_mask(
        given.mask,
        picture.size,
        invert=bool(request.inpainting_mask_invert),
        blur_x=request.mask_blur_x,
        blur_y=request.mask_blur_y,
        round_alpha=rounded,
    )
    latent = painted if given.latent is None else masks.inpaint_mask(given.latent, picture.size, round_alpha=rounded)
    if request.inpaint_full_res:
        region = masks.crop_region(painted, request.inpaint_full_res_padding)
        box = masks.expand_region(region, size, picture.size)
        overlay = Overlay(picture, painted, box)
        picture = masks.resize(picture.crop(box), size, ResizeMode.FILL)
        painted, latent = (
            masks.resize(each.crop(box), size, ResizeMode.FILL, Image.Resampling.BILINEAR) for each in (painted, latent)
        )
    else:
        picture = masks.resize(picture, size, request.resize_mode)
        painted, latent = (
            masks.resize(each, size, request.resize_mode, Image.Resampling.BILINEAR) for each in (painted, latent)
        )
        overlay = Overlay(picture, masks.overlay_mask(painted), None)
    if request.inpainting_fill != 1:
        picture = masks.filled(picture, latent)
    return Surface(picture, painted, latent, overlay)


def _outpainted(request: Img2Img, picture: Image.Image, seed: int) -> Surface:
    """The picture with room around it: the room, and a seam in the picture, are masked and filled."""
    sides = request.outpaint_left, request.outpaint_up, request.outpaint_right, request.outpaint_down
    size, blur = request.painted_size, request.outpaint_blur
    larger, mask = Image.new("RGB", size), Image.new("L", size, 255)
    larger.paste(picture, sides[:2])
    left, up, right, down = (blur if side else 0 for side in sides)
    kept = max(0, picture.width - left - right), max(0, picture.height - up - down)
    mask.paste(0, (sides[0] + left, sides[1] + up, sides[0] + left + kept[0], sides[1] + up + kept[1]))
    painted = masks.inpaint_mask(mask, size, blur_x=blur, blur_y=blur)
    overlay = Overlay(larger, masks.overlay_mask(painted), None)
    if request.outpaint_fill == "edges":
        return Surface(masks.filled(larger, painted), painted, painted, overlay)
    how = request.outpaint_falloff, request.outpaint_color_variation
    return Surface(with_matched_noise(larger, painted, seed, *how), painted, painted, overlay)


def _cut_to_eight(picture: Image.Image) -> Image.Image:
    """Resized by less than eight pixels, so that it fills whole latent cells."""
    return picture.resize((max(8, picture.width - picture.width % 8), max(8, picture.height - picture.height % 8)))


def inpaint_channels(model: Model, pixels: Tensor, mask: Tensor | None, weight: float = 1.0) -> Tensor | None:
    """The mask (H, W) and the rest of the picture for a 9-channel model; None for the others. With a `weight` below 1
    the model sees something of what is masked."""
    if not model.has_inpaint_channels:
        return None
    where = torch.ones(pixels.shape[-2:]) if mask is None else mask
    return masks.inpaint_latents(where, model.encode(masks.masked_pixels(pixels, where * weight)))


def pixels_of(picture: Image.Image) -> Tensor:
    """RGB -> (3, H, W) in [-1, 1]."""
    values = np.asarray(picture, dtype=np.float32) / 127.5 - 1
    return torch.from_numpy(values).movedim(-1, 0)


def picture_of(pixels: Tensor) -> Image.Image:
    """(3, H, W) in [-1, 1] -> RGB."""
    values = ((pixels + 1) * 127.5).round().clamp(0, 255).to("cpu", torch.uint8)
    return Image.fromarray(values.movedim(0, -1).numpy())
