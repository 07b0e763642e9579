"""What people write about a network, in the JSON file that A1111 keeps beside it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from modules.diffusion.errors import AquatintError
from modules.studio.files import write_atomically

LARGEST = 1 << 20
"""Bytes of such a file."""
KEYS = {
    "description": "description",
    "sd_version": "sd version",
    "activation_text": "activation text",
    "preferred_weight": "preferred weight",
    "negative_text": "negative text",
    "notes": "notes",
}
"""Our names, and A1111's keys."""


class CardNotes(BaseModel):
    """The notes of one card."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = Field("", max_length=20_000)
    sd_version: str = Field("", max_length=100)
    activation_text: str = Field("", max_length=10_000)
    """Words that go into the prompt with the network."""
    preferred_weight: float = Field(0, ge=-10, le=10, allow_inf_nan=False)
    """0: none; then the weight is 1."""
    negative_text: str = Field("", max_length=10_000)
    notes: str = Field("", max_length=100_000)


def read_notes(path: Path) -> CardNotes:
    """The notes in a file; empty ones where it is missing or damaged. Without a description `stem.txt` is one."""
    try:
        content = _content(path)
    except AquatintError:
        content = {}
    values: dict[str, Any] = {name: content[key] for name, key in KEYS.items() if isinstance(content.get(key), str)}
    weight = content.get("preferred weight")
    values["preferred_weight"] = weight if isinstance(weight, int | float) and abs(weight) <= 10 else 0
    if not values.get("description"):
        values["description"] = _text_beside(path)
    limits = {name: 100_000 if name == "notes" else 10_000 for name in KEYS}
    limits["sd_version"] = 100
    shortened = {name: each[: limits[name]] if isinstance(each, str) else each for name, each in values.items()}
    return CardNotes.model_validate(shortened)


def write_notes(path: Path, notes: CardNotes) -> None:
    """Writes the notes whole or not at all; keys of the file that are none of ours stay as they are.

    Raises: AquatintError when the file there is damaged (it is left alone), or cannot be written.
    """
    content = _content(path)
    for name, key in KEYS.items():
        value = getattr(notes, name)
        if value or key in content:
            content[key] = value
    write_atomically(path, json.dumps(content, indent=4, ensure_ascii=True).encode())


def _content(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise AquatintError(f"{path.name} is too large for notes; it is left as it is.")
        content = json.loads(path.read_text("utf-8-sig"), parse_constant=lambda name: math.nan)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise AquatintError(f"{path.name} cannot be read as JSON; put it right or move it away first.") from error
    if not isinstance(content, dict):
        raise AquatintError(f"{path.name} holds something else than notes; put it right or move it away first.")
    return content


def _text_beside(path: Path) -> str:
    try:
        with path.with_suffix(".txt").open("rb") as file:
            return file.read(10_000).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def insertion(name: str, notes: CardNotes, kind: str = "lora") -> str:
    """What a LoRA's card puts into the prompt: the tag at its preferred weight, then its activation text."""
    tag = f"<{kind}:{name}:{notes.preferred_weight or 1:g}>"
    words = notes.activation_text.strip()
    return f"{tag} {words}" if words else tag
