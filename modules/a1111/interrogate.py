"""A1111's `modules.interrogate`: captions for pictures. BLIP is not part of Aquatint, and its words say so."""

from __future__ import annotations

from typing import Any, NoReturn

from modules.diffusion.errors import AquatintError

WHY = "Aquatint has no network that describes pictures: A1111 downloads BLIP and CLIP for it. Use a tagger extension."
blip_image_eval_size = 384
clip_model_name = "ViT-L/14"


class InterrogateError(AquatintError):
    """Pictures cannot be described here."""


def category_types() -> list[str]:
    """The lists of words that A1111 downloads; there are none."""
    return []


class InterrogateModels:
    """Says what is missing when it is asked for a caption."""

    blip_model = None
    clip_model = None
    clip_preprocess = None
    running_on_cpu = True
    dtype = None

    def __init__(self, content_dir: str = "") -> None:
        self.content_dir = content_dir
        self.skip_categories: list[str] = []

    def categories(self) -> list[Any]:
        """None."""
        return []

    def load(self) -> None:
        """Nothing to load; `interrogate` says why."""

    def unload(self) -> None:
        """Nothing is loaded."""

    def send_blip_to_ram(self) -> None:
        """Nothing is loaded."""

    def send_clip_to_ram(self) -> None:
        """Nothing is loaded."""

    def generate_caption(self, pil_image: Any) -> NoReturn:
        """Raises: InterrogateError."""
        raise InterrogateError(WHY)

    def interrogate(self, pil_image: Any) -> NoReturn:
        """Raises: InterrogateError."""
        raise InterrogateError(WHY)
