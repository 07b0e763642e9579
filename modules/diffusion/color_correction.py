"""Color correction: what img2img has painted gets the colours of the picture that it began with, as in A1111.

Histograms are matched channel by channel in 8-bit CIELAB, as scikit-image's `exposure.match_histograms` does; then the
result takes the luminosity of what was painted (the W3C's non-separable blend mode "luminosity",
https://www.w3.org/TR/compositing-1/#blendingluminosity).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

# sRGB of IEC 61966-2-1 to XYZ under D65, with the white point's rows divided out as OpenCV has it.
TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.950456, 1.0, 1.088754)
LUMINOSITY = (0.299, 0.587, 0.114)
EPSILON, KAPPA = 216 / 24389, 24389 / 27


def color_corrected(picture: Image.Image, like: Image.Image) -> Image.Image:
    """An RGB picture with the colours of another of any size, and its own luminosity."""
    painted = np.asarray(picture)
    matched = matched_histograms(to_lab(painted), to_lab(np.asarray(like)))
    return Image.fromarray(with_luminosity_of(painted, to_rgb(matched)))


def to_lab(rgb: Bytes) -> Bytes:
    """(H, W, 3) sRGB -> 8-bit L*a*b* as OpenCV has it: L* of 255, a* and b* from 128 on."""
    values = rgb.astype(np.float64) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.transpose(TO_XYZ) / WHITE
    f = np.where(xyz > EPSILON, np.cbrt(xyz), (KAPPA * xyz + 16) / 116)
    x, y, z = (f[..., channel] for channel in range(3))
    lab = np.stack([(116 * y - 16) * 2.55, 500 * (x - y) + 128, 200 * (y - z) + 128], axis=-1)
    return _bytes(lab)


def to_rgb(lab: Bytes) -> Bytes:
    """The way back."""
    lightness, a, b = (lab[..., channel].astype(np.float64) for channel in range(3))
    y = (lightness / 2.55 + 16) / 116
    f = np.stack([y + (a - 128) / 500, y, y - (b - 128) / 200], axis=-1)
    xyz = np.where(f**3 > EPSILON, f**3, (116 * f - 16) / KAPPA) * WHITE
    linear = (xyz @ np.linalg.inv(np.transpose(TO_XYZ))).clip(0, 1)
    values = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return _bytes(values * 255)


def matched_histograms(values: Bytes, like: Bytes) -> Bytes:
    """(H, W, C) -> the same with each channel's values distributed as those of `like` are."""
    channels = [_matched(values[..., channel], like[..., channel]) for channel in range(values.shape[-1])]
    return np.stack(channels, axis=-1)


def _matched(values: Bytes, like: Bytes) -> Bytes:
    """(H, W): a value becomes the one of `like` with as many below it."""
    counts, wanted = np.bincount(values.ravel(), minlength=256), np.bincount(like.ravel(), minlength=256)
    there = np.flatnonzero(wanted)
    below = np.cumsum(counts) / values.size
    table = np.interp(below, np.cumsum(wanted[there]) / like.size, there)
    return table.astype(np.uint8)[values]


def with_luminosity_of(picture: Bytes, colors: Bytes) -> Bytes:
    """(H, W, 3): the hue and saturation of `colors` with the luminosity of `picture`."""
    base, wanted = colors.astype(np.float64) / 255, (picture / 255.0) @ LUMINOSITY
    moved = base + (wanted - base @ LUMINOSITY)[..., None]
    luminosity = (moved @ LUMINOSITY)[..., None]
    lowest, highest = moved.min(axis=-1, keepdims=True), moved.max(axis=-1, keepdims=True)
    away = moved - luminosity
    low, high = lowest < 0, highest > 1
    moved = np.where(low, luminosity + away * luminosity / np.where(low, luminosity - lowest, 1), moved)
    away = moved - luminosity
    moved = np.where(high, luminosity + away * (1 - luminosity) / np.where(high, highest - luminosity, 1), moved)
    return _bytes(moved * 255)


def _bytes(values: Floats) -> Bytes:
    return np.rint(values).clip(0, 255).astype(np.uint8)
