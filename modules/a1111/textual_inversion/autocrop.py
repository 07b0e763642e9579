"""A1111's `modules.textual_inversion.autocrop`: the part of a picture that matters."""

from __future__ import annotations

from typing import Any

from PIL import Image

from ..modelloader import load_file_from_url
from ..paths_internal import models_path

FACES = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx"


class PointOfInterest:
    """A place and how much it matters."""

    def __init__(self, x: int, y: int, weight: float = 1.0, size: int = 10) -> None:
        self.x, self.y, self.weight, self.size = x, y, weight, size

    def bounding_box(self, size: int) -> list[int]:
        """The square of that size around it."""
        half = size // 2
        return [self.x - half, self.y - half, self.x + size - half, self.y + size - half]


class Settings:
    """How to crop."""

    def __init__(self, crop_width: int = 512, crop_height: int = 512, **others: Any) -> None:
        self.crop_width, self.crop_height = crop_width, crop_height
        vars(self).update(others)


def crop_image(im: Image.Image, settings: Settings) -> list[Image.Image]:
    """The middle of the picture in that size: what matters in it is not looked for."""
    factor = max(settings.crop_width / im.width, settings.crop_height / im.height)
    larger = im.resize(
        (max(settings.crop_width, round(im.width * factor)), max(settings.crop_height, round(im.height * factor)))
    )
    left, top = (larger.width - settings.crop_width) // 2, (larger.height - settings.crop_height) // 2
    return [larger.crop((left, top, left + settings.crop_width, top + settings.crop_height))]


def download_and_cache_models() -> str:
    """Where OpenCV's network that finds faces lies. Raises: DownloadRefusedError where nobody has put it there."""
    return load_file_from_url(FACES, model_dir=f"{models_path}/opencv")
