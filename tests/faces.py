"""Faces for tests: drawn ones, what finds them, and a small network of a real architecture that redraws them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter
from safetensors.torch import save_file

from modules.studio.face_restoring import FINDER
from modules.studio.ready_made import bring

MARKS = ((35, 44), (65, 44), (50, 62), (38, 77), (62, 77))
"""Percent of `side`, from the corner at (side / 2, side / 2): eyes, nose and mouth corners of a drawn face."""


def drawn_face(side: int = 200) -> Image.Image:
    """A head in the middle of a picture twice as wide and high."""
    image = Image.new("RGB", (side * 2, side * 2), (120, 140, 160))
    draw = ImageDraw.Draw(image)

    def at(*percent: float) -> list[float]:
        return [side / 2 + value * side / 100 for value in percent]

    def ellipse(x: float, y: float, wide: float, high: float, color: tuple[int, int, int]) -> None:
        draw.ellipse(at(x - wide, y - high, x + wide, y + high), fill=color)

    ellipse(50, 42, 46, 52, (60, 40, 30))  # hair
    draw.rectangle(at(35, 85, 65, 130), fill=(200, 150, 125))
    ellipse(50, 52, 36, 46, (225, 180, 155))
    ellipse(50, 18, 30, 12, (60, 40, 30))
    for x in (35, 65):
        ellipse(x, 44, 8, 4.5, (245, 245, 245))
        ellipse(x, 44, 4, 4.2, (60, 40, 30))
        ellipse(x, 44, 2, 2, (10, 10, 10))
        draw.line(at(x - 9, 36, x + 9, 35), fill=(70, 45, 35), width=int(0.03 * side))
    draw.polygon(at(50, 46, 44, 64, 56, 64), fill=(208, 158, 132))
    for x in (46, 54):
        ellipse(x, 64, 2.2, 1.5, (120, 70, 60))
    ellipse(50, 77, 13, 5, (185, 80, 80))
    draw.line(at(37, 77, 63, 77), fill=(110, 40, 45), width=int(0.02 * side))
    return image.filter(ImageFilter.GaussianBlur(side / 70))


def bring_finder(models: Path) -> Path:
    """Puts what finds faces into models/, as people do; out of the package that the tests have installed."""
    spec = importlib.util.find_spec("facenet_pytorch")
    origin = spec.origin if spec is not None else None
    folder = Path(origin or pytest.skip("the package facenet-pytorch is not installed")).parent
    bring(models, [folder], lambda text: None)
    return models / FINDER


def save_restorer(path: Path) -> Path:
    """A RestoreFormer, narrow and of random weights: what it makes of a face is no face, but always the same."""
    from spandrel.architectures.RestoreFormer import RestoreFormer

    torch.manual_seed(3)
    network = RestoreFormer(
        n_embed=8,
        embed_dim=16,
        ch=32,
        out_ch=3,
        ch_mult=(1, 1, 1, 1, 1, 1),
        num_res_blocks=1,
        attn_resolutions=(16,),
        dropout=0.0,
        in_channels=3,
        resolution=512,
        z_channels=32,
        double_z=False,
        enable_mid=True,
        head_size=8,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.contiguous() for name, weight in network.state_dict().items()}, path)
    return path
