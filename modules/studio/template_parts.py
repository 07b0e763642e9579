"""The marks of a template: choices, wildcards and variables, where they stand in it, and what is plain text.

`${x=a}` says what x is for the whole template, `${x}` is drawn from it anew each time, `${x=!a}` is drawn once,
`${x?=a}` keeps what x is already outside, and `${x:a}` is a where there is no x. In the name of a wildcard there may be
choices and variables: `__a_{b|c}__`, `__${x}__`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

NAME = re.compile(r"__[~@!]?(?!_)([\w\-./*?]+?)__")
_MARK = re.compile(r"\\.|\$?\{|" + NAME.pattern + "|__", re.DOTALL)
_BRACKET = re.compile(r"\\.|[{}\[\]]", re.DOTALL)
_VARIABLE = re.compile(r"\s*([A-Za-z_-][A-Za-z0-9_-]*)\s*(?:(\?)?=(!)?\s*|(:)\s*|\Z)")
_OF_A_NAME = re.compile(r"[\w\-./*?]")


class Braces(NamedTuple):
    """A choice: where what is between its braces begins and ends, and the partners of all brackets of the template."""

    start: int
    end: int
    partners: Mapping[int, int]


class Wildcard(NamedTuple):
    """`__name__`, where the name may be a template itself."""

    name: str
    sampler: str
    is_pattern: bool


class Assignment(NamedTuple):
    """`${name=value}`."""

    name: str
    value: str
    keeps: bool
    at_once: bool


class Access(NamedTuple):
    """`${name}` or `${name:default}`."""

    name: str
    default: str | None
    typed: str


Part = str | Braces | Wildcard | Assignment | Access


def parts_of(template: str, *, assigns: bool = False) -> Iterator[Part]:
    """A template from its beginning to its end; without `assigns` assignments are plain text. Linear."""
    partners = partners_of(template)
    position = begun = 0
    while match := _MARK.search(template, position):
        start, position = match.span()
        part: Part | None = None
        if match[0].endswith("{"):
            closing = partners.get(position - 1)
            if closing is not None:
                inside = position
                position = closing + 1
                part = Braces(inside, closing, partners)
                if match[0] == "${":
                    part = _variable(template, inside, closing)
                    part = None if isinstance(part, Assignment) and not assigns else part
        elif match[1]:
            part = Wildcard(match[1], match[0][2] if match[0][2] in "~@!" else "", False)
        elif match[0] == "__":
            part, position = _pattern(template, start, partners)
        if part is not None:
            if begun < start:
                yield template[begun:start]
            yield part
            begun = position
    if begun < len(template):
        yield template[begun:]


def _variable(template: str, start: int, end: int) -> Assignment | Access | None:
    """What is between `${` and `}`."""
    found = _VARIABLE.match(template, start, end)
    if found is None:
        return None
    rest = template[found.end() : end]
    typed = template[start - 2 : end + 1]
    if found[4]:
        return Access(found[1], rest, typed)
    if found.end() == end and "=" not in found[0]:
        return Access(found[1], None, typed)
    return Assignment(found[1], rest, bool(found[2]), bool(found[3]))


def _pattern(template: str, start: int, partners: Mapping[int, int]) -> tuple[Wildcard | None, int]:
    """The wildcard that begins with two underscores, and where to read on: behind the first of them if it is none."""
    position = begun = start + 2 + (template[start + 2 : start + 3] in tuple("~@!"))
    if template.startswith("_", position):
        return None, start + 1
    while position < len(template):
        if template.startswith("__", position):
            if position == begun:
                break
            sampler = template[start + 2 : begun]
            return Wildcard(template[begun:position], sampler, True), position + 2
        place = position + template.startswith("${", position)
        if template[place] == "{" and place in partners:
            position = partners[place] + 1
        elif _OF_A_NAME.match(template, position):
            position += 1
        else:
            break
    return None, start + 1


def partners_of(template: str) -> dict[int, int]:
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
