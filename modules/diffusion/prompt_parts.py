"""A typed prompt taken apart, as A1111 does it: comments, then networks, then the parts that AND joins.

What is left in a part is for `prompt_schedules` and then, moment by moment, for the emphasis of `prompts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from modules.diffusion.prompts import LARGEST_WEIGHT

LORA_KINDS = ("lora", "lyco")
NETWORK_KINDS = (*LORA_KINDS, "hypernet")

_TAG = re.compile(r"<(\w+):")
_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"\s*([-+]?(?:[0-9]+\.?|[0-9]*\.[0-9]+))\s*")


class Span(NamedTuple):
    """Characters of a text: the first, and the one after the last."""

    start: int
    end: int


class Network(NamedTuple):
    """`<lora:name:text:unet:rank>`: what is wanted of a file, and how much for the text encoders and for the UNet."""

    kind: str
    name: str
    text: float = 1.0
    unet: float = 1.0
    rank: int | None = None
    """The ranks of a LoRA that count (A1111's `dyn`); None for all."""


class Part(NamedTuple):
    """A prompt between two ANDs, and what its `:weight` says of it."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """A prompt that is ready to be given its steps."""

    parts: tuple[Part, ...]
    """At least one."""
    networks: tuple[Network, ...] = ()
    problems: tuple[str, ...] = ()
    """A sentence for each thing that could not be understood."""


class Tag(NamedTuple):
    """A network as it stands in a text."""

    span: Span
    kind: str
    arguments: tuple[str, ...]


def read_prompt(text: str, *, comments: bool = True, composed: bool = True) -> Prompt:
    """Takes a prompt apart. Linear in its length, raises nothing.

    `comments` (A1111's option enable_prompt_comments): # and what follows it in its line are left out. `composed`: AND
    joins parts; not so in negative prompts, where it is a word like any other.
    """
    if comments:
        text = _without(text, comment_spans(text))
    tags = list(network_tags(text))
    text = _without(text, (tag.span for tag in tags))
    networks, problems = [], []
    for tag in tags:
        network, problem = read_network(tag)
        networks += [network] if network is not None else []
        problems += [problem] if problem else []
    parts = (
        [Part(text[span.start : span.end], weight) for span, weight in part_spans(text)] if composed else [Part(text)]
    )
    return Prompt(tuple(parts), tuple(networks), tuple(problems))


def comment_spans(text: str) -> Iterator[Span]:
    """From each # to the end of its line; a line that is nothing else goes with its line break."""
    position = 0
    while (start := text.find("#", position)) >= 0:
        newline = text.find("\n", start)
        end = newline if newline >= 0 else len(text)
        whole_line = start == 0 or text[start - 1] == "\n"
        position = end + (whole_line and newline >= 0)
        yield Span(start, position)


def network_tags(text: str) -> Iterator[Tag]:
    """Everything of the form <word:arguments>, of whatever kind."""
    position = 0
    while (match := _TAG.search(text, position)) is not None:
        end = text.find(">", match.end())
        if end < 0:
            return
        if end > match.end():
            yield Tag(Span(match.start(), end + 1), match[1], tuple(text[match.end() : end].split(":")))
        position = end


def read_network(tag: Tag) -> tuple[Network | None, str]:
    """What a tag asks for, and what is wrong with it: a number that is none counts as absent."""
    if tag.kind not in NETWORK_KINDS:
        return None, f"<{tag.kind:.40}:...> is left out: networks are called lora, lyco or hypernet."
    values = [argument for argument in tag.arguments if "=" not in argument]
    named = dict(argument.split("=", 1) for argument in tag.arguments if "=" in argument)
    wrong: list[str] = []

    def number(place: int, name: str, default: float) -> float:
        typed = named.get(name, values[place] if len(values) > place else None)
        if typed is None:
            return default
        try:
            found = float(typed)
        except ValueError:
            found = float("nan")
        if not abs(found) <= LARGEST_WEIGHT:
            wrong.append(typed)
            return default
        return found

    name = values[0].strip() if values else ""
    text = number(1, "te", 1.0)
    unet = number(2, "unet", text)
    rank = int(number(3, "dyn", 0))
    problem = f"{wrong[0]:.40} of <{tag.kind}:{name:.80}> is no number." if wrong else ""
    if not name:
        return None, f"<{tag.kind}:...> is left out: it names no file."
    return Network(tag.kind, name, text, unet, rank if rank > 0 else None), problem


def part_spans(text: str) -> Iterator[tuple[Span, float]]:
    """The parts that AND joins, without their `:weight`, and that weight; a prompt without AND is one part."""
    start = 0
    ends = [(word.start(), word.end()) for word in _AND.finditer(text)]
    for end, following in [*ends, (len(text), len(text))]:
        colon = text.rfind(":", start, end)
        weight = _WEIGHT.fullmatch(text, colon + 1, end) if colon >= 0 else None
        yield Span(start, colon if weight else end), _bounded(float(weight[1])) if weight else 1.0
        start = following


def _bounded(weight: float) -> float:
    return max(-LARGEST_WEIGHT, min(LARGEST_WEIGHT, weight))


def _without(text: str, spans: Iterable[Span]) -> str:
    kept: list[str] = []
    position = 0
    for span in spans:
        kept.append(text[position : span.start])
        position = span.end
    return "".join([*kept, text[position:]])
