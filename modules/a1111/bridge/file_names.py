"""A1111's file names for pictures that extensions save themselves: patterns, numbers, folders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

from PIL import Image

from modules.studio.filenames import TAGS, fill, safe_component
from modules.studio.job import LOCAL
from modules.studio.picture_files import Naming

from .batch_words import extension_of
from .containment import containment
from .host import host
from .opts import present


class Nothing:
    """What a pattern gives that has nothing to say."""


NOTHING_AND_SKIP_PREVIOUS_TEXT = Nothing()
NOTHING = SimpleNamespace(
    steps=0, cfg_scale=0, sampler_name="", scheduler=None, batch_size=1, styles=(), denoising_strength=None
)


class FilenameGenerator:
    """Patterns filled in for one picture, `p` being what made it, or None."""

    replacements: ClassVar[dict[str, Callable[..., Any]]] = dict(TAGS)
    """Extensions add functions of theirs, which are asked with the generator."""
    default_time_format = "%Y%m%d%H%M%S"

    def __init__(
        self,
        p: Any,
        seed: Any,
        prompt: str | None,
        image: Image.Image | None,
        zip: bool = False,
        basename: str = "",
    ) -> None:
        self.p, self.seed, self.prompt, self.image, self.zip = p, seed, prompt or "", image, zip
        self.basename = basename

    def apply(self, x: str) -> str:
        """The pattern filled in, by the functions of extensions too; characters that no file may have are taken out
        where they are used."""
        for name, function in self.replacements.items():
            if function is not TAGS.get(name) and f"[{name}" in x:
                x = re.sub(rf"\[{re.escape(name)}((?:<[^>]*>)*)\]", partial(self._added, function), x)
        return fill(x, self._subject())  # type: ignore[arg-type]

    def _added(self, function: Callable[..., Any], match: re.Match[str]) -> str:
        args = re.findall(r"<([^>]*)>", match[1])
        made = containment.call(extension_of(function), "a pattern of file names", function, self, *args)
        return "" if made is None or made is NOTHING_AND_SKIP_PREVIOUS_TEXT else safe_component(str(made))

    def filled(self, tag: str) -> str:
        """What one pattern of ours says."""
        return str(fill(f"[{tag}]", self._subject()))  # type: ignore[arg-type]

    def prompt_words(self) -> str:
        """The first words of the prompt."""
        return self.filled("prompt_words")

    def prompt_no_style(self) -> str:
        """The prompt without what its styles have added."""
        return self.filled("prompt_no_styles")

    def hasprompt(self, *args: str) -> str:
        """Words that are in the prompt, or what stands for them."""
        return self.filled("hasprompt" + "".join(f"<{each}>" for each in args))

    def datetime(self, *args: str) -> str:
        """The time, in a format and a zone."""
        return self.filled("datetime" + "".join(f"<{each}>" for each in args))

    def image_hash(self, *args: str) -> str:
        """Of the picture's pixels."""
        return self.filled("image_hash" + "".join(f"<{each}>" for each in args))

    def string_hash(self, text: str, *args: str) -> str:
        """The first digits of a text's SHA-256."""
        return hashlib.sha256(text.encode()).hexdigest()[: int(args[0]) if args and args[0] else 8]

    def get_vae_filename(self) -> str:
        """The VAE's file without its ending."""
        return self.filled("vae_filename")

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
