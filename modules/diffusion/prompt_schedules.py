"""Prompt editing and alternation: `[from:to:when]` and `[a|b]` -> the texts of a prompt, step by step.

The grammar is A1111's (its prompt_parser.py, whose documented examples are in the tests), read by hand in linear time:

    scheduled = "[" [ prompt ":" ] prompt ":" when "]"
    alternate = "[" prompt { "|" prompt } "]"

Every other bracket stays in the text, for emphasis to be read from each of the outcomes. As in A1111 a bracket that is
none of the grammar's (too many colons, a stray bracket inside) makes plain text of all brackets around it; unlike there
a `|` in the wrong place is plain text by itself, and does not make plain text of the whole prompt.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

_TOKEN = re.compile(r"\\.|[()\[\]:|]|[^\\()\[\]:|]+|\\", re.DOTALL)
_WHEN = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")


@dataclass(frozen=True)
class Timeline:
    """The steps of one pass, and where they lie in the whole of a picture's steps.

    A `when` with a point in it is a fraction of the pass, any other a number of steps. In the second pass (hires fix)
    fractions go from 1 to 2 and numbers go on where the first pass ended. With `old`, A1111's `use_old_scheduling`, a
    `when` below 1 is a fraction and any other a number of steps, in either pass.
    """

    steps: int
    first_pass: int | None = None
    """Steps of the pass before, in the second one."""
    old: bool = False

    def last_step(self, when: str) -> int:
        """The last step, 0 to `steps`, of what comes before `when`, a number as it was typed."""
        number = float(when)
        second = self.first_pass is not None
        if self.old:
            step = number * self.steps if number < 1 else number
        elif "." in when:
            step = (number - second) * self.steps
        else:
            step = number - (self.first_pass or 0)
        return int(max(0.0, min(float(self.steps), step)))


class TimedText(NamedTuple):
    """A text and the last step, counted from 1, that it is for."""

    last_step: int
    text: str


class Edit(NamedTuple):
    """A bracket that is edited or alternates, by indices into the tokens."""

    closing: int
    parts: tuple[tuple[int, int], ...]
    """First token and the one after the last, of each part."""
    when: int | None = None
    """The token of `when`; None for an alternation."""


class Broken(NamedTuple):
    """A bracket that looks like one of the grammar's and is none, by indices into the tokens."""

    opening: int
    closing: int
    colons: int
    bars: int


@dataclass
class TokenizedText:
    """A text in pieces, and what its brackets are."""

    tokens: list[str]
    edits: dict[int, Edit] = field(default_factory=dict)
    """By the token that opens them."""
    broken: list[Broken] = field(default_factory=list)

    def shown_at(self, step: int, timeline: Timeline) -> list[int]:
        """The indices of the tokens that are the text of a step."""
        shown: list[int] = []
        ends = {when: timeline.last_step(when) for when in self._whens()}
        rest = [(0, len(self.tokens))]
        while rest:
            index, end = rest.pop()
            while index < end:
                edit = self.edits.get(index)
                if edit is None:
                    shown.append(index)
                    index += 1
                else:
                    rest.append((edit.closing + 1, end))
                    index, end = edit.parts[self._chosen(edit, step, ends)]
        return shown

    def text_at(self, step: int, timeline: Timeline) -> str:
        """The text of a step."""
        return "".join(self.tokens[index] for index in self.shown_at(step, timeline))

    def when(self, edit: Edit) -> str:
        """The number that an edit's `when` is; empty for an alternation."""
        return "" if edit.when is None else self.tokens[edit.when].strip()

    def last_steps(self, timeline: Timeline) -> list[int]:
        """The last step of each of the texts, in order."""
        if any(edit.when is None for edit in self.edits.values()):
            return list(range(1, timeline.steps + 1))
        ends = {timeline.last_step(when) for when in self._whens()}
        return sorted((ends | {timeline.steps}) - {0})

    def _whens(self) -> set[str]:
        """Each number once, as the tokens have it."""
        return {self.tokens[edit.when] for edit in self.edits.values() if edit.when is not None}

    def _chosen(self, edit: Edit, step: int, ends: Mapping[str, int]) -> int:
        if edit.when is None:
            return (step - 1) % len(edit.parts)
        return 0 if step <= ends[self.tokens[edit.when]] else 1


def text_schedule(text: str, timeline: Timeline) -> list[TimedText]:
    """The texts that one prompt (without AND) is, in the order of their steps. Raises nothing.

    An alternation has one entry a step, also where neighbours are equal.
    """
    read = tokenize(text)
    return [TimedText(step, read.text_at(step, timeline)) for step in read.last_steps(timeline)]


def text_at(schedule: Sequence[TimedText], step: int) -> str:
    """The text of a step; the last one's for steps beyond it."""
    index = bisect_left(schedule, step, key=lambda entry: entry.last_step)
    return schedule[min(index, len(schedule) - 1)].text


class _Open(NamedTuple):
    opening: int
    colons: list[int]
    bars: list[int]


def tokenize(text: str) -> TokenizedText:
    """Reads the brackets of a prompt (without AND), in linear time."""
    read = TokenizedText(_TOKEN.findall(text))
    opened: list[_Open] = []
    closers = {")": "(", "]": "["}
    readers: Mapping[str, Callable[[TokenizedText, _Open, int], bool]] = {"(": _read_round, "[": _read_square}
    for index, piece in enumerate(read.tokens):
        if piece in readers:
            opened.append(_Open(index, [], []))
        elif piece in closers:
            opener = closers[piece]
            if opened and read.tokens[opened[-1].opening] == opener and readers[opener](read, opened.pop(), index):
                continue
            opened.clear()  # what is around something that is not in the grammar is not in it either
        elif piece == ":" and opened:
            opened[-1].colons.append(index)
        elif piece == "|" and opened:
            opened[-1].bars.append(index)
    return read


def _read_round(read: TokenizedText, group: _Open, closing: int) -> bool:
    """Whether a closed round bracket is in the grammar; a `|` in it is plain text."""
    if len(group.colons) > 1:
        read.broken.append(Broken(group.opening, closing, len(group.colons), len(group.bars)))
    return len(group.colons) <= 1


def _read_square(read: TokenizedText, group: _Open, closing: int) -> bool:
    """Whether a closed square bracket is in the grammar; adds it to the edits if it is one.

    A `|` beside a `when` is plain text.
    """
    index, colons, bars = group
    if not colons and not bars:
        return True
    if not colons:
        read.edits[index] = Edit(closing, _between([index, *bars, closing]))
        return True
    number = closing - 1
    if len(colons) <= 2 and colons[-1] == number - 1 and _WHEN.fullmatch(read.tokens[number]):
        parts = _between([index, *colons])
        before_nothing = ((index + 1, index + 1), *parts)
        read.edits[index] = Edit(closing, parts if len(colons) == 2 else before_nothing, number)
        return True
    read.broken.append(Broken(index, closing, len(colons), len(bars)))
    return False


def _between(borders: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple([(start + 1, end) for start, end in pairwise(borders)])
