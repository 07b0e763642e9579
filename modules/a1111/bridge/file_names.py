"""A1111's file names for pictures that extensions save themselves: patterns, numbers, folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from modules.studio.filenames import TAGS, fill, safe_component
from modules.studio.job import LOCAL
from modules.studio.picture_files import Naming

from .host import host
from .opts import present

NOTHING = SimpleNamespace(
    steps=0, cfg_scale=0, sampler_name="", scheduler=None, batch_size=1, styles=(), denoising_strength=None
)


class FilenameGenerator:
    """Patterns filled in for one picture, `p` being what made it, or None."""

    replacements: Mapping[str, Callable[..., Any]] = dict(TAGS)
    default_time_format = "%Y%m%d%H%M%S"

    def __init__(self, p: Any, seed: Any, prompt: str | None, image: Image.Image | None, zip: bool = False) -> None:
        self.p, self.seed, self.prompt, self.image, self.zip = p, seed, prompt or "", image, zip

    def apply(self, x: str) -> str:
        """The pattern filled in; characters that no file may have are taken out where they are used."""
        return fill(x, self._subject())  # type: ignore[arg-type]

    def _subject(self) -> SimpleNamespace:
        p = self.p if self.p is not None else NOTHING
        names = vars(NOTHING)
        request = SimpleNamespace(**{name: getattr(p, name, default) for name, default in names.items()})
        request.styles = tuple(request.styles or ())
        owner = host.job.owner if host.job is not None else LOCAL
        job = SimpleNamespace(
            request=request,
            options=present(),
            owner=owner,
            seeds=[self.seed],
            prompts=[self.prompt],
            negative_prompts=[""],
        )
        image = self.image if self.image is not None else Image.new("RGB", (1, 1))
        return SimpleNamespace(
            job=job,
            index=0,
            image=image,
            params=_model_facts(),
            now=datetime.now().astimezone(),
            prompt=self.prompt,
            negative_prompt=getattr(p, "negative_prompt", "") or "",
        )


def _model_facts() -> dict[str, str]:
    from .model_face import checkpoint

    found = checkpoint()
    return {"Model": found.stem, "Model hash": (found.known_sha256 or "")[:10]} if found else {}


def sanitize_filename_part(text: str | None, replace_spaces: bool = True) -> str | None:
    """A text as part of a file's name."""
    if text is None:
        return None
    return safe_component(text.replace(" ", "_") if replace_spaces else text)


def get_next_sequence_number(path: str, basename: str) -> int:
    """One more than the highest number that a file of that name there begins with."""
    folder = Path(path)
    prefix = f"{basename}-" if basename else ""
    return Naming("", "", prefix=prefix).next_number(folder) if folder.is_dir() else 0
