"""Templates of prompts: `{a|b}` and `__name__`, drawn by a seed; what is no template stays as it was typed.

The grammar is that of sd-dynamic-prompts, without its variables. `{a|b|c}` is one of its options, `{2::a|b}` twice as
often the first, `{2$$a|b|c}` two of them, `{1-2$$ and $$a|b|c}` one or two with "and" between. `__name__` is a line of
the wildcard of that name. Both may be nested, also in the lines of wildcards. A bracket without its partner is plain
text, and so is everything that A1111's own grammar has: a bar in `[a|b]` belongs to that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from modules.diffusion.errors import AquatintError

MOST_DRAWS = 1000
"""Choices in one prompt."""
DEEPEST = 30
"""Of choices in wildcards in choices; a wildcard may name itself."""
LONGEST = 20_000
"""Characters of a prompt."""

NAME = re.compile(r"__[~@!]?(?!_)([\w\-./*?]+?)__")
_MARK = re.compile(r"\\.|\{|" + NAME.pattern, re.DOTALL)
_BRACKET = re.compile(r"\\.|[{}\[\]]", re.DOTALL)
_BAR = re.compile(r"\\.|[{\[|]", re.DOTALL)
_AMOUNT = re.compile(r"\s*(\d{1,3})?(-)?(\d{1,3})?\$\$(?:([^$|{}]*)\$\$)?")
_SAMPLER = re.compile(r"\s*[~@!](?=[^|{}]*[|$])")
_WEIGHT = re.compile(r"\s*(\d{1,6}(?:\.\d*)?|\.\d+)::")

Values = Callable[[str], Sequence[str]]
"""The lines of the wildcard of a name. Raises AquatintError when there is none."""


class Drawn(NamedTuple):
    """What a template has become."""

    text: str
    problems: tuple[str, ...]
    """A sentence for each part that was left as it is."""


class _Option(NamedTuple):
    text: str
    weight: float


class _TooMuchError(Exception):
    """The template grows without end."""


def draw(template: str, values: Values, random: Random) -> Drawn:
    """Draws one prompt from a template. Raises nothing; the same random numbers give the same words."""
    drawing = _Drawing(values, random)
    try:
        text = drawing.text(template, 0)
    except _TooMuchError as error:
        return Drawn(template, (*drawing.problems, str(error)))
    return Drawn(text, tuple(drawing.problems))


def names_in(template: str) -> list[str]:
    """The wildcards that a template itself names."""
    return list(dict.fromkeys(match[1] for match in NAME.finditer(template)))


class Choice(NamedTuple):
    """Options between two braces: where they stand, and the texts without their weights."""

    start: int
    end: int
    options: tuple[str, ...]


def first_choice(template: str) -> Choice | None:
    """The first thing like `{a|b}` in it, or the first of those that it is in."""
    partners = _partners(template)
    for start in sorted(place for place in partners if template[place] == "{"):
        end = partners[start]
        amount = _AMOUNT.match(template, start + 1, end)
        spans = list(_split(template, amount.end() if amount else start + 1, end, partners))
        if len(spans) > 1:
            return Choice(start, end + 1, tuple(_weighted(template[slice(*span)].strip()).text for span in spans))
    return None


class _Drawing:
    def __init__(self, values: Values, random: Random) -> None:
        self._values, self._random = values, random
        self._draws = 0
        self.problems: dict[str, None] = {}

    def text(self, template: str, depth: int) -> str:
        return self._span(template, 0, len(template), _partners(template), depth)

    def _span(self, template: str, start: int, end: int, partners: dict[int, int], depth: int) -> str:
        pieces: list[str] = []
        position = start
        while match := _MARK.search(template, position, end):
            pieces.append(template[position : match.start()])
            closing = partners.get(match.start())
            position = match.end()
            if match[0] == "{" and closing is not None and match.start() and template[match.start() - 1] == "$":
                position = closing + 1
                pieces.append(template[match.start() : position])
                self.problems["Variables, ${...}, are not known here: they are left as they are."] = None
            elif match[0] == "{" and closing is not None:
                position = closing + 1
                pieces.append(self._choice(template, match.end(), closing, partners, depth))
            elif match[1]:
                pieces.append(self._wildcard(match[0], match[1], depth))
            else:
                pieces.append(match[0])
        text = "".join([*pieces, template[position:end]])
        if len(text) > LONGEST:
            raise _TooMuchError(f"A template grew longer than {LONGEST} characters: it is left as it is.")
        return text

    def _choice(self, template: str, start: int, end: int, partners: dict[int, int], depth: int) -> str:
        """What is between two braces."""
        start += len(found[0]) if (found := _SAMPLER.match(template, start, end)) else 0
        amount = _AMOUNT.match(template, start, end)
        spans = list(_split(template, amount.end() if amount else start, end, partners))
        options = [_weighted(template[slice(*span)].lstrip()) for span in spans]
        only = NAME.fullmatch(options[0].text.strip()) if len(options) == 1 else None
        if only is not None:
            try:
                options = [_weighted(line) for line in self._values(only[1])]
            except AquatintError as error:
                self.problems[str(error)] = None
                return only[0]
        low, high = _bounds(amount, len(options))
        count = low + int(self._random.random() * (high - low + 1))
        separator = (amount[4] if amount else None) or ","
        return separator.join(self._one(option.text, depth) for option in self._drawn(options, count))

    def _wildcard(self, typed: str, name: str, depth: int) -> str:
        try:
            options = [_weighted(line) for line in self._values(name)]
        except AquatintError as error:
            self.problems[str(error)] = None
            return typed
        if depth >= DEEPEST:
            raise _TooMuchError(f"The wildcard {typed:.80} leads to itself without end: the prompt is left as it is.")
        return "".join(self._one(option.text, depth) for option in self._drawn(options, 1))

    def _one(self, option: str, depth: int) -> str:
        if depth >= DEEPEST:
            raise _TooMuchError(f"Choices are nested more than {DEEPEST} deep: the prompt is left as it is.")
        return self.text(option, depth + 1)

    def _drawn(self, options: list[_Option], count: int) -> Iterator[_Option]:
        """So many different ones, each as likely as it weighs; those that weigh nothing only if no other is left."""
        left = list(options)
        for _ in range(min(count, len(options))):
            self._draws += 1
            if self._draws > MOST_DRAWS:
                raise _TooMuchError(f"There are more than {MOST_DRAWS} choices in a prompt: it is left as it is.")
            weights = [option.weight for option in left]
            weights = weights if sum(weights) > 0 else [1.0] * len(left)
            target = self._random.random() * sum(weights)
            place = 0
            while place < len(left) - 1 and target >= weights[place]:
                target -= weights[place]
                place += 1
            yield left.pop(place)


def _bounds(amount: re.Match[str] | None, most: int) -> tuple[int, int]:
    """How many options are wanted, at least and at most, as `2$$`, `1-2$$`, `-2$$` or `1-$$` says it."""
    if amount is None or not any(amount.group(1, 2, 3)):
        low = high = 1
    elif not amount[2]:
        low = high = int(amount[1])
    else:
        low, high = int(amount[1] or 1), int(amount[3] or most)
    return min(low, high, most), min(max(low, high), most)


def _weighted(text: str) -> _Option:
    found = _WEIGHT.match(text)
    return _Option(text[found.end() :].lstrip(), float(found[1])) if found else _Option(text, 1.0)


def _split(template: str, start: int, end: int, partners: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Where the options between two braces are: divided by bars that are in no bracket of their own."""
    position = start
    while mark := _BAR.search(template, position, end):
        position = mark.end()
        if mark[0] == "|":
            yield start, mark.start()
            start = position
        elif partners.get(mark.start(), end) < end:
            position = partners[mark.start()] + 1
    yield start, end


def _partners(template: str) -> dict[int, int]:
    """{where a bracket opens: where it closes}; square brackets that cross braces are no pairs. Linear."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    braces = 0
    for match in _BRACKET.finditer(template):
        bracket = match[0]
        if bracket in "{[":
            opened.append(match.start())
            braces += bracket == "{"
        elif bracket == "]" and opened and template[opened[-1]] == "[":
            pairs[opened.pop()] = match.start()
        elif bracket == "}" and braces:
            while template[opened[-1]] != "{":
                opened.pop()
            pairs[opened.pop()] = match.start()
            braces -= 1
    return pairs
