"""Templates of prompts: `{a|b}` and `__name__`, drawn by a seed; what is no template stays as it was typed.

The grammar is that of sd-dynamic-prompts. `{a|b|c}` is one of its options, `{2::a|b}` twice as often the first,
`{2$$a|b|c}` two of them, `{1-2$$ and $$a|b|c}` one or two with "and" between. `__name__` is a line of the wildcard of
that name. Both may be nested, also in the lines of wildcards; variables are explained in `template_parts.py`. A bracket
without its partner is plain text, and so is everything that A1111's own grammar has: a bar in `[a|b]` belongs to that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import NamedTuple

from modules.diffusion.errors import AquatintError
from modules.studio.template_parts import NAME, Access, Assignment, Braces, Part, Wildcard, partners_of, parts_of

MOST_DRAWS = 1000
"""Choices in one prompt."""
DEEPEST = 30
"""Of choices in wildcards in choices; a wildcard may name itself."""
LONGEST = 20_000
"""Characters of a prompt."""
MOST_WORK = 50 * LONGEST
"""Characters of all templates within a prompt, each as often as it is drawn."""

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
        text = drawing.text(template, _Scope(), assigns=True)
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
    partners = partners_of(template)
    for start in sorted(place for place in partners if template[place] == "{"):
        end = partners[start]
        amount = _AMOUNT.match(template, start + 1, end)
        spans = list(_split(template, amount.end() if amount else start + 1, end, partners))
        if len(spans) > 1:
            return Choice(start, end + 1, tuple(_weighted(template[slice(*span)].strip()).text for span in spans))
    return None


class _Literal(NamedTuple):
    """A value that is drawn already."""

    text: str


@dataclass(frozen=True)
class _Scope:
    """What is known where a template is drawn."""

    variables: Mapping[str, str | _Literal] = field(default_factory=dict)
    """By name: a template that is drawn wherever it is named, or what was drawn at once."""
    being_drawn: frozenset[str] = frozenset()
    depth: int = 0
    in_name: bool = False
    """In the name of a wildcard a variable that there is not stands for its own name, as in sd-dynamic-prompts."""

    @property
    def deeper(self) -> _Scope:
        return replace(self, depth=self.depth + 1)


class _Drawing:
    def __init__(self, values: Values, random: Random) -> None:
        self._values, self._random = values, random
        self._draws = self._work = 0
        self.problems: dict[str, None] = {}

    def text(self, template: str, scope: _Scope, *, assigns: bool = False) -> str:
        """What a template becomes; only a whole prompt and a line of a wildcard may have variables `assigned`."""
        self._work += len(template)
        if self._work > MOST_WORK:
            raise _TooMuchError(f"A template is longer than {MOST_WORK} characters in all: it is left as it is.")
        parts = list(parts_of(template, assigns=assigns))
        scope = self._with_variables([part for part in parts if isinstance(part, Assignment)], scope)
        pieces, length = list[str](), 0
        for part in parts:
            pieces.append(self._part(part, template, scope))
            length += len(pieces[-1])
            if length > LONGEST:
                raise _TooMuchError(f"A template grew longer than {LONGEST} characters: it is left as it is.")
        return "".join(pieces)

    def _part(self, part: Part, template: str, scope: _Scope) -> str:
        match part:
            case str():
                return part
            case Assignment():
                return ""
            case Access():
                return self._access(part, scope)
            case Wildcard():
                return self._wildcard(part, scope)
            case Braces():
                return self._choice(template, part, scope)

    def _with_variables(self, assignments: Sequence[Assignment], outside: _Scope) -> _Scope:
        """The scope with what a template assigns, wherever in it that stands."""
        scope, variables = outside, dict(outside.variables)
        for each in assignments:
            if each.keeps and each.name in outside.variables:
                variables[each.name] = outside.variables[each.name]
            elif each.at_once:
                now = replace(scope.deeper, variables=variables)
                variables[each.name] = _Literal(self._checked(each.value, now))
            else:
                variables[each.name] = each.value
        return replace(scope, variables=variables) if assignments else scope

    def _access(self, part: Access, scope: _Scope) -> str:
        value = scope.variables.get(part.name, part.default)
        if value is None and scope.in_name:
            return part.name
        if value is None or part.name in scope.being_drawn:
            why = "is not set" if value is None else "leads to itself"
            self.problems[f"The variable {part.name:.80} {why}: {part.typed:.80} is left as it is."] = None
            return part.typed
        if isinstance(value, _Literal):
            return value.text
        self._count()
        return self._checked(value, replace(scope.deeper, being_drawn=scope.being_drawn | {part.name}))

    def _choice(self, template: str, part: Braces, scope: _Scope) -> str:
        """What is between two braces."""
        start, end = part.start, part.end
        start += len(found[0]) if (found := _SAMPLER.match(template, start, end)) else 0
        amount = _AMOUNT.match(template, start, end)
        spans = list(_split(template, amount.end() if amount else start, end, part.partners))
        options = [_weighted(template[slice(*span)].lstrip()) for span in spans]
        only = list(parts_of(options[0].text.strip())) if len(options) == 1 else []
        if len(only) == 1 and isinstance(only[0], Wildcard):
            name = self._name_of(only[0], scope)
            found_lines = self._lines(name)
            if found_lines is None:
                return f"__{only[0].sampler}{name}__"
            options = found_lines
        low, high = _bounds(amount, len(options))
        count = low + int(self._random.random() * (high - low + 1))
        separator = (amount[4] if amount else None) or ","
        drawn = self._drawn(options, count)
        return separator.join(self._checked(each.text, scope.deeper, assigns=bool(only)) for each in drawn)

    def _wildcard(self, part: Wildcard, scope: _Scope) -> str:
        name = self._name_of(part, scope)
        options = self._lines(name)
        if options is None:
            return f"__{part.sampler}{name}__"
        if scope.depth >= DEEPEST:
            raise _TooMuchError(
                f"The wildcard __{name:.80}__ leads to itself without end: the prompt is left as it is."
            )
        return "".join(self._checked(each.text, scope.deeper, assigns=True) for each in self._drawn(options, 1))

    def _name_of(self, part: Wildcard, scope: _Scope) -> str:
        return self._checked(part.name, replace(scope.deeper, in_name=True)).strip() if part.is_pattern else part.name

    def _lines(self, name: str) -> list[_Option] | None:
        try:
            return [_weighted(line) for line in self._values(name)]
        except AquatintError as error:
            self.problems[str(error)] = None
            return None

    def _checked(self, template: str, scope: _Scope, *, assigns: bool = False) -> str:
        if scope.depth > DEEPEST:
            raise _TooMuchError(f"Choices are nested more than {DEEPEST} deep: the prompt is left as it is.")
        return self.text(template, scope, assigns=assigns)

    def _drawn(self, options: list[_Option], count: int) -> Iterator[_Option]:
        """So many different ones, each as likely as it weighs; those that weigh nothing only if no other is left."""
        left = list(options)
        for _ in range(min(count, len(options))):
            self._count()
            weights = [option.weight for option in left]
            weights = weights if sum(weights) > 0 else [1.0] * len(left)
            target = self._random.random() * sum(weights)
            place = 0
            while place < len(left) - 1 and target >= weights[place]:
                target -= weights[place]
                place += 1
            yield left.pop(place)

    def _count(self) -> None:
        self._draws += 1
        if self._draws > MOST_DRAWS:
            raise _TooMuchError(f"There are more than {MOST_DRAWS} choices in a prompt: it is left as it is.")


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


def _split(template: str, start: int, end: int, partners: Mapping[int, int]) -> Iterator[tuple[int, int]]:
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
