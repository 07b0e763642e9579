"""What scripts have made, among the pictures of their job."""

from __future__ import annotations

import dataclasses
from typing import Any

from PIL import Image

from modules.studio.filing import Filing
from modules.studio.job import Job, SavedImage

from .host import host
from .processed import Processed

SAVED = "aquatint_saved"
LONGEST = 1000
"""Letters of what a script says instead of making pictures."""


def saved_as(image: Image.Image, saved: SavedImage) -> None:
    """Notes on a picture where it is: A1111's name for it, and ours."""
    image.already_saved_as = str(saved.path) if saved.path else None  # type: ignore[attr-defined]
    setattr(image, SAVED, saved)


def keep_pictures(job: Job, processed: Processed, *, save: bool = True) -> None:
    """Makes the pictures of `processed` those of the job; what is not saved yet is, or is kept in memory."""
    images = []
    for index, image in enumerate(processed.images):
        picture = as_picture(image)
        if picture is not None:
            saved: SavedImage | None = getattr(image, SAVED, None)
            images.append(saved or _kept(job, processed, index, picture, save=save))
    if not images and not job.interrupted:
        told = " ".join(str(processed.info or "").split())
        job.comment(f"The script made no pictures{': ' + told if told else ''}"[:LONGEST].rstrip(".") + ".")
    job.report(images=tuple(images))


def as_picture(value: Any) -> Image.Image | None:
    """Scripts give pictures, arrays, or names of files."""
    if isinstance(value, Image.Image):
        return value
    if isinstance(value, str):
        try:
            with Image.open(value) as opened:
                return opened.copy()
        except OSError:
            return None
    return Image.fromarray(value) if hasattr(value, "__array_interface__") else None


def _kept(job: Job, processed: Processed, index: int, image: Image.Image, *, save: bool) -> SavedImage:
    texts = processed.infotexts
    infotext = texts[index] if index < len(texts) else processed.info
    place = max(0, index - processed.index_of_first_image)
    seeds, prompts = processed.all_seeds or [processed.seed], processed.all_prompts or [processed.prompt]
    one = dataclasses.replace(
        job,
        prompts=[prompts[min(place, len(prompts) - 1)]],
        negative_prompts=[processed.negative_prompt],
        seeds=[int(seeds[min(place, len(seeds) - 1)])],
        subseeds=[int(processed.subseed)],
        made=None,
        kept={},
        news=job.news,
    )
    wanted = save and job.keeps_samples
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGB")
    return host.app.gallery.keep(Filing(image, str(infotext)), one, 0, saved=wanted)
