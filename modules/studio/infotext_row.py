"""What a row of an infotext's table is, and the small readers and writers that rows are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from modules.studio.job import Job
from modules.studio.request import Request
from modules.studio.settings import Options

if TYPE_CHECKING:
    from modules.diffusion.model import Model


@dataclass(frozen=True)
class ModelFacts:
    """What a picture says of the weights that made it. Hashes are the first 10 hex digits of SHA-256, or empty."""

    name: str = ""
    hash: str = ""
    vae_name: str = ""
    """Empty when the checkpoint's own VAE was used."""
    vae_hash: str = ""

    @staticmethod
    def of(model: Model) -> ModelFacts:
        """The facts of a leased model."""
        checkpoint = model.checkpoint
        return ModelFacts(checkpoint.stem, checkpoint.sha256[:10], model.vae_name or "")


@dataclass(frozen=True)
class Source:
    """What the text of one picture is written from."""

    job: Job
    index: int
    model: ModelFacts

    @property
    def request(self) -> Request:
        return self.job.request

    @property
    def options(self) -> Options:
        return self.job.options


Write = Callable[[Source], object]
Read = Callable[[str], dict[str, Any]]


class Row(NamedTuple):
    """One entry, both ways."""

    label: str
    write: Write
    """None leaves the entry out."""
    read: Read = lambda text: {}
    """Fields of a request, or names of options; raises ValueError."""
    missing: str | None = None
    """What it means when the entry is not there."""


def switch(text: str) -> bool:
    return bool(("False", "True").index(text))


def whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise
        return int(number)


def word(text: str) -> str:
    """A name: of one line, not absurdly long, and without a path before it."""
    if not text or len(text) > 200 or not text.isprintable() or "/" in text or "\\" in text:
        raise ValueError("it is not a name")
    return text


def size(text: str) -> dict[str, Any]:
    width, height = text.split("x")
    return {"width": whole(width), "height": whole(height)}
