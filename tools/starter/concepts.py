"""The things the starter knows: labelled cut-outs of Fluent Emoji, and which of them it is taught."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.starter.workspace import Workspace

TAUGHT_GROUPS = frozenset(
    {"smileys-emotion", "animals-nature", "food-drink", "travel-places", "activities", "objects"},
)
"""Faces, animals, plants, food, places, vehicles, weather, sports and everyday things."""
LEFT_OUT = frozenset({"time", "hotel", "place-map", "sky-weather-clock", "emotion", "transport-sign"})
"""Subgroups that show signs, or twenty-four clocks that nobody can tell apart at this size."""


class Concept(NamedTuple):
    """One emoji: `label` and `tags` in lower case, the groups in emojibase's words."""

    label: str
    tags: tuple[str, ...]
    group: str
    subgroup: str
    file: Path

    def cutout(self, side: int) -> NDArray[np.uint8]:
        """The picture with its transparency, (side, side, 4)."""
        with Image.open(self.file) as picture:
            return np.asarray(picture.convert("RGBA").resize((side, side), Image.Resampling.LANCZOS))


def read_concepts(workspace: Workspace) -> list[Concept]:
    """All emoji that have both a name and a picture, in Unicode's order."""
    if not workspace.labels.exists():
        raise SystemExit("The pictures are not there yet. First: python -m tools.starter data")
    names = json.loads(workspace.groups.read_text("utf-8"))
    files = {_plain(path.stem): path for path in workspace.emoji.glob("*.webp")}
    rows: list[dict[str, Any]] = json.loads(workspace.labels.read_text("utf-8"))
    rows = sorted((row for row in rows if _plain(row["hexcode"]) in files), key=lambda row: row.get("order", 1 << 20))
    return [
        Concept(
            label=_word(row["label"]),
            tags=tuple(_word(tag) for tag in row.get("tags", ())),
            group=names["groups"].get(str(row.get("group")), ""),
            subgroup=names["subgroups"].get(str(row.get("subgroup")), ""),
            file=files[_plain(row["hexcode"])],
        )
        for row in rows
    ]


def taught(concepts: Sequence[Concept]) -> list[Concept]:
    """Those that the starter learns."""
    return [concept for concept in concepts if concept.group in TAUGHT_GROUPS and concept.subgroup not in LEFT_OUT]


def _plain(code: str) -> str:
    """A code point sequence without the mark that only asks for colour."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def _word(text: str) -> str:
    return text.replace("“", "").replace("”", "").lower()
