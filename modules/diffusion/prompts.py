"""The grammar of a prompt: emphasis, escapes and BREAK -> texts with weights.

What is read here is the text of one moment of sampling. What splits the prompt (`prompt_parts`: comments, networks,
AND) or changes between moments (`prompt_schedules`) comes before: as in A1111, each of its outcomes is again a plain
text for `weighted_segments`.
"""

from __future__ import annotations

import re
from enum import Enum
from itertools import groupby
from typing import Final, Literal, NamedTuple

Emphasis = Literal["None", "Ignore", "Original", "No norm"]
"""What brackets do: nothing, being plain text; nothing, being left out; weights and the mean of before; weights."""

EMPHASIS = 1.1
LARGEST_WEIGHT = 1e6
"""Weights are kept within ± this, so that no prompt makes an infinity or NaN of an embedding."""

_TOKEN = re.compile(
    r"""
    \\[()\[\]\\]?                                # an escape; a backslash before anything else is dropped
    | [(\[]
    | :\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*\)    # the end of (text:1.2)
    | [)\]]
    | :
    | [^\\()\[\]:]+
    """,
    re.VERBOSE,
)
_BREAK_WORD = re.compile(r"\bBREAK\b")


class Break(Enum):
    """The type of `BREAK`."""

    BREAK = "BREAK"


BREAK: Final = Break.BREAK
"""Where a chunk of 75 tokens shall end."""


class Segment(NamedTuple):
    """A text and how much it weighs; never empty."""

    text: str
    weight: float


def weighted_segments(text: str, emphasis: Emphasis = "Original") -> list[Segment | Literal[Break.BREAK]]:
    r"""Reads A1111's emphasis: `(x)` weighs 1.1, `[x]` 1/1.1, `(x:1.3)` 1.3, nested ones their product.

    `\( \) \[ \] \\` are the characters themselves. An opening bracket without its partner runs to the end of the text,
    a closing one is plain text. The two kinds of brackets pair up independently, so `(a [b) c]` is allowed and its c
    weighs 1/1.1; that is why this is no tree. Neighbours of equal weight are one segment. With the emphasis "None" all
    of that is plain text, with "Ignore" every weight is 1. Takes linear time, raises nothing.
    """
    if emphasis == "None":
        return _joined(_split_at_breaks(text, 1.0))
    tokens = list(_TOKEN.finditer(text))
    factors, closing = _pair_brackets(tokens)
    weights = {"(": [1.0], "[": [1.0]}
    pieces: list[tuple[str, float | None]] = []
    for index, token in enumerate(tokens):
        if index in factors:
            stack = weights[token[0]]
            stack.append(_bounded(stack[-1] * factors[index]))
        elif index in closing:
            weights[closing[index]].pop()
        else:
            pieces += _plain_pieces(token[0], _bounded(weights["("][-1] * weights["["][-1]))
    if emphasis == "Ignore":
        pieces = [(piece, None if weight is None else 1.0) for piece, weight in pieces]
    return _joined(pieces)


def _pair_brackets(tokens: list[re.Match[str]]) -> tuple[dict[int, float], dict[int, str]]:
    """-> factors by index of the opening tokens; opening brackets by index of the closing tokens with a partner."""
    factors: dict[int, float] = {}
    closing: dict[int, str] = {}
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for index, token in enumerate(tokens):
        if token[0] in opened:
            opened[token[0]].append(index)
            factors[index] = EMPHASIS if token[0] == "(" else 1 / EMPHASIS
        elif token[0] == "]" and opened["["]:
            opened["["].pop()
            closing[index] = "["
        elif token[0] == ")" and opened["("]:
            opened["("].pop()
            closing[index] = "("
        elif token[1] and opened["("]:
            factors[opened["("].pop()] = _bounded(float(token[1]))
            closing[index] = "("
    return factors, closing


def _bounded(weight: float) -> float:
    return max(-LARGEST_WEIGHT, min(LARGEST_WEIGHT, weight))


def _plain_pieces(token: str, weight: float) -> list[tuple[str, float | None]]:
    """The pieces of a token that is no bracket; a piece of weight None is a BREAK."""
    if token.startswith("\\"):
        return [(token[1:], weight)]
    return _split_at_breaks(token, weight)


def _split_at_breaks(token: str, weight: float) -> list[tuple[str, float | None]]:
    first, *others = _BREAK_WORD.split(token)
    pieces: list[tuple[str, float | None]] = [(first.rstrip() if others else first, weight)]
    for place, part in enumerate(others, start=1):
        pieces += [("", None), (part.strip() if place < len(others) else part.lstrip(), weight)]
    return pieces


def _joined(pieces: list[tuple[str, float | None]]) -> list[Segment | Literal[Break.BREAK]]:
    segments: list[Segment | Literal[Break.BREAK]] = []
    for weight, group in groupby(pieces, key=lambda piece: piece[1]):
        texts = [text for text, _ in group]
        if weight is None:
            segments += [BREAK] * len(texts)
        elif joined := "".join(texts):
            segments.append(Segment(joined, weight))
    return segments
