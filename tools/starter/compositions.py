"""Captioned pictures without end: a cut-out somewhere on a coloured ground, said in one of many ways."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.starter.concepts import Concept

SIDE = 128
"""Pixels of a side: what the starter draws."""
COLOURS: Mapping[str, tuple[int, int, int]] = {
    "white": (255, 255, 255),
    "black": (12, 12, 14),
    "red": (214, 48, 49),
    "green": (46, 160, 67),
    "blue": (40, 96, 210),
    "yellow": (250, 211, 60),
    "orange": (243, 140, 40),
    "purple": (128, 66, 180),
    "pink": (250, 170, 200),
    "gray": (150, 150, 155),
    "brown": (120, 80, 50),
    "light blue": (165, 215, 250),
    "teal": (20, 150, 150),
}
"""The grounds, sRGB."""
PLAIN = 0.55
"""How many pictures have a white ground, which a caption need not name."""
PAIRS = 0.02
SCALES, MOVED = (0.86, 0.98), 0.02
"""How large a cut-out is, and how far from the middle, in parts of the side."""


NO_CONCEPT = -100
"""In place of a concept's index where there are two."""


class Composition(NamedTuple):
    """`picture` is (128, 128, 3) in 0..255; `ground` counts in COLOURS."""

    picture: NDArray[np.uint8]
    captions: tuple[str, ...]
    concept: int
    ground: int


class Composer:
    """Makes compositions of `concepts`; `synonyms` are other words for a label."""

    def __init__(self, concepts: Sequence[Concept], synonyms: Mapping[str, Sequence[str]] | None = None) -> None:
        self.concepts = list(concepts)
        self.synonyms = synonyms or {}
        self._cutouts = [Image.fromarray(concept.cutout(2 * SIDE)) for concept in concepts]

    def compose(self, index: int, rng: random.Random, captions: int = 1) -> Composition:
        """One picture of the concept at `index`, seldom beside another one, said in so many ways."""
        colour = "white" if rng.random() < PLAIN else rng.choice(list(COLOURS))
        picture = Image.new("RGB", (SIDE, SIDE), COLOURS[colour])
        other = rng.randrange(len(self.concepts)) if rng.random() < PAIRS else None
        if other is None:
            middle = (0.5 + rng.uniform(-MOVED, MOVED), 0.5 + rng.uniform(-MOVED, MOVED))
            self._place(picture, index, rng.uniform(*SCALES), middle)
        else:
            self._place(picture, index, 0.5, (0.26, 0.5))
            self._place(picture, other, 0.5, (0.74, 0.5))
        said = tuple(self._name(index, other, rng) + _ground(colour, rng) for _ in range(captions))
        concept = index if other is None else NO_CONCEPT
        return Composition(np.asarray(picture), said, concept, list(COLOURS).index(colour))

    def original(self, index: int) -> NDArray[np.uint8]:
        """The concept as a person would expect it: large, in the middle, on white."""
        picture = Image.new("RGB", (SIDE, SIDE), COLOURS["white"])
        self._place(picture, index, 1.0, (0.5, 0.5))
        return np.asarray(picture)

    def _place(self, picture: Image.Image, index: int, scale: float, middle: tuple[float, float]) -> None:
        side = round(SIDE * scale)
        cutout = self._cutouts[index].resize((side, side), Image.Resampling.BICUBIC)
        picture.paste(cutout, (round(middle[0] * SIDE - side / 2), round(middle[1] * SIDE - side / 2)), cutout)

    def _name(self, index: int, other: int | None, rng: random.Random) -> str:
        concept = self.concepts[index]
        if other is not None:
            return f"{concept.label} and {self.concepts[other].label}"
        synonyms = self.synonyms.get(concept.label, ())
        tags = ", ".join(rng.sample(concept.tags, min(len(concept.tags), rng.randint(1, 3))))
        way = rng.random()
        if way < 0.4 or (way >= 0.55 and not tags):
            return concept.label
        if way < 0.55:
            return f"{rng.choice(('a', 'a picture of a', 'one'))} {concept.label}"
        if way < 0.7:
            return f"{concept.label}, {tags}"
        if way < 0.77 or not synonyms:
            return tags
        return rng.choice(("", "a ")) + rng.choice(synonyms)


def _ground(colour: str, rng: random.Random) -> str:
    if colour == "white" and rng.random() > 0.15:
        return ""
    return rng.choice((f", {colour} background", f" on a {colour} background"))
