"""Packages that extensions take for granted: A1111 brings them along, so nobody's requirements.txt names them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from modules.studio.extension_conflicts import plain_name, requirement_name
from modules.studio.extension_packages import own_packages

BROUGHT: Mapping[str, str] = {
    "aiohttp": "aiohttp",
    "cv2": "opencv-python-headless",
    "diskcache": "diskcache",
    "einops": "einops",
    "ftfy": "ftfy",
    "facexlib": "facexlib",
    "ffmpy": "ffmpy",
    "git": "GitPython",
    "imageio": "ImageIO",
    "inflection": "inflection",
    "joblib": "joblib",
    "jsonmerge": "jsonmerge",
    "jsonschema": "jsonschema",
    "kornia": "kornia",
    "lark": "lark",
    "matplotlib": "matplotlib",
    "numba": "numba",
    "omegaconf": "omegaconf",
    "pandas": "pandas",
    "piexif": "piexif",
    "psutil": "psutil",
    "pytorch_lightning": "pytorch-lightning",
    "scipy": "scipy",
    "send2trash": "Send2Trash",
    "skimage": "scikit-image",
    "tifffile": "tifffile",
    "timm": "timm",
    "torchdiffeq": "torchdiffeq",
    "torchmetrics": "torchmetrics",
    "websockets": "websockets",
    "yaml": "PyYAML",
}
"""What is imported, and the package that has it: those of A1111's requirements, and what comes with them."""
ALSO: Mapping[str, Collection[str]] = {
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
}
"""Other packages that have the same module."""


def taken_for_granted(imported: Iterable[str], requirements: Iterable[str]) -> list[str]:
    """The packages to bring, of modules that are `imported`: neither Aquatint nor the extension's lines have them."""
    wanted = [BROUGHT[module] for module in dict.fromkeys(imported) if module in BROUGHT]
    if not wanted:
        return []
    there = {*own_packages(), *(requirement_name(line) for line in requirements)}
    return sorted(name for name in wanted if not there & {plain_name(each) for each in (name, *ALSO.get(name, ()))})
