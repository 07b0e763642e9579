"""Noise for the room around a picture that has the picture's own spectrum and colours, as "Outpainting mk2" has it.

The method is that of `get_matched_noise` in g_diffuser_bot (https://github.com/parlance-zz/g-diffuser-bot), which
AUTOMATIC1111's script `outpainting_mk_2` uses: noise gets the Fourier magnitudes and phases of the picture, and then
the histogram of what is known of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def with_matched_noise(
    picture: Image.Image, mask: Image.Image, seed: int, falloff: float = 1.0, color_variation: float = 0.05
) -> Image.Image:
    """An RGB picture whose masked part (L, white) is noise like the rest of it; the same for the same seed.

    A higher `falloff` makes the noise coarser; `color_variation` goes from grey noise, 0, to colours of any kind, 1.
    """
    pixels = np.asarray(picture).astype(np.float64) / 255
    masked = np.asarray(mask).astype(np.float64)[..., None] / 255
    unknown, known = masked[..., 0] > 1e-6, masked[..., 0] < 1e-3
    if not (known.any() and unknown.any()):
        return picture
    white = np.random.default_rng(seed).random(pixels.shape)
    noise = shaped_noise(pixels, masked, white, falloff, color_variation)
    made = noise.copy()
    for channel in range(3):
        made[unknown, channel] = like(noise[unknown, channel], pixels[known, channel])
    mixed = pixels * (1 - masked) + made * masked
    return Image.fromarray(np.rint(mixed * 255).clip(0, 255).astype(np.uint8))


def shaped_noise(pixels: Floats, masked: Floats, white: Floats, falloff: float, color_variation: float) -> Floats:
    """(H, W, 3) pixels, (H, W, 1) how far they are unknown, (H, W, 3) white noise, all in [0, 1] -> (H, W, 3), shaped.

    What is unknown counts as the mean colour: black would be an edge in the spectrum.
    """
    windowed = pixels * (1 - masked)
    windowed = windowed / max(windowed.max(), 1e-9) + pixels.mean() * masked
    spectrum = _transformed(windowed)
    magnitudes = np.maximum(np.abs(spectrum), 1e-12)
    coloured = white * color_variation + white.mean(axis=-1, keepdims=True) * (1 - color_variation)
    soft = _transformed(coloured) * _window(*pixels.shape[:2])[..., None]
    soft = _transformed(np.real(_back(soft)))
    shaped = np.real(_back(np.abs(soft) ** 2 * magnitudes**falloff * (spectrum / magnitudes)))
    shaped = shaped - shaped.min()
    scaled: Floats = shaped / max(shaped.max(), 1e-9)
    return scaled


def like(values: Floats, others: Floats) -> Floats:
    """(N,) -> the same with the distribution of `others` (M,): scikit-image's `match_histograms` for one channel."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    wanted, of_wanted = np.unique(others, return_counts=True)
    table = np.interp(np.cumsum(counts) / values.size, np.cumsum(of_wanted) / others.size, wanted)
    return table[places]


def _window(height: int, width: int) -> Floats:
    """(H, W), 1 in the middle and less towards the high frequencies."""
    short = min(height, width)
    rows, columns = ((np.arange(side) / side * 2 - 1) * side / short for side in (height, width))
    return 1 / ((rows[:, None] ** 2 + 1) * (columns[None, :] ** 2 + 1))


def _transformed(values: Floats) -> NDArray[np.complex128]:
    shifted = np.fft.fft2(np.fft.fftshift(values, axes=(0, 1)), axes=(0, 1), norm="ortho")
    return np.fft.ifftshift(shifted, axes=(0, 1))


def _back(values: NDArray[np.complex128]) -> NDArray[np.complex128]:
    shifted = np.fft.ifft2(np.fft.fftshift(values, axes=(0, 1)), axes=(0, 1), norm="ortho")
    return np.fft.ifftshift(shifted, axes=(0, 1))
