"""The values of an axis as people write them: lists, ranges with a step, and ranges with a count."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from typing import Any

MOST = 1000
"""Values of one axis."""
MOST_REORDERED = 6
"""Words that are put into every order; seven would be 5,040 orders."""

NUMBER = r"[+-]?\s*\d+(?:\.\d*)?"
STEPPED = re.compile(rf"\s*({NUMBER})\s*-\s*({NUMBER})(?:\s*\(\s*([+-]?\s*\d+(?:\.\d*)?)\s*\))?\s*")
"""1-5, 1-9 (+2), 10-2 (-2)"""
COUNTED = re.compile(rf"\s*({NUMBER})\s*-\s*({NUMBER})\s*\[\s*(\d+)\s*\]\s*")
"""0-1 [5]"""


class ValuesError(ValueError):
    """What was written is no list of values."""


def split(text: str) -> list[str]:
    """Comma-separated, with double quotes around what holds a comma; blanks are left out."""
    try:
        rows = list(csv.reader([text.replace("\n", ",")], skipinitialspace=True))
    except csv.Error as error:
        raise ValuesError(f"{text[:60]!r} cannot be read as a list: {error}") from None
    found = [value.strip() for row in rows for value in row if value.strip()]
    return _not_too_many(found, text)


def whole_numbers(texts: list[str]) -> list[int]:
    """`1-5 (+2)` is 1, 3, 5; `1-10 [4]` is four numbers from 1 to 10."""
    numbers = [number for text in texts for number in _expanded(text, whole=True)]
    return [int(number) for number in _not_too_many(numbers, ", ".join(texts))]


def numbers(texts: list[str]) -> list[float]:
    """The same with fractions: `0-1 (+0.25)`, `0-1 [5]`. What falls short by a rounding error is the end."""
    found = [number for text in texts for number in _expanded(text, whole=False)]
    return _not_too_many(found, ", ".join(texts))


def orders(texts: list[str]) -> list[list[str]]:
    """Every order of the words."""
    if len(texts) > MOST_REORDERED:
        raise ValuesError(f"{len(texts)} words have too many orders: at most {MOST_REORDERED} words.")
    return [list(order) for order in itertools.permutations(texts)]


def _expanded(text: str, *, whole: bool) -> Iterator[float]:
    if match := COUNTED.fullmatch(text):
        yield from _counted(*(_number(part) for part in match.groups()), whole=whole)
    elif match := STEPPED.fullmatch(text):
        first, last = _number(match[1]), _number(match[2])
        yield from _stepped(first, last, _number(match[3]) if match[3] else (1.0 if last >= first else -1.0))
    else:
        yield _one(text, whole=whole)


def _one(text: str, *, whole: bool) -> float:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        kind = "whole number" if whole else "number"
        raise ValuesError(f"{text[:60]!r} is no {kind}, and no range such as 1-5, 1-9 (+2) or 1-10 [4].") from None


def _number(text: str) -> float:
    return float(re.sub(r"\s", "", text))


def _stepped(first: float, last: float, step: float) -> Iterator[float]:
    if step == 0 or (last - first) * step < 0:
        raise ValuesError(f"From {first:g} to {last:g} in steps of {step:g} never arrives.")
    count = int((last - first) / step + 1e-6) + 1
    if count > MOST:
        raise ValuesError(f"{first:g}-{last:g} has {count} values; at most {MOST}.")
    yield from (round(first + step * index, 10) for index in range(count))


def _counted(first: float, last: float, count: float, *, whole: bool) -> Iterator[float]:
    if not 1 <= count <= MOST:
        raise ValuesError(f"[{count:g}]: 1 to {MOST} values.")
    for index in range(int(count)):
        value = first + (last - first) * (index / (count - 1) if count > 1 else 0)
        yield int(value + (0.5 if value >= 0 else -0.5)) if whole else round(value, 10)


def _not_too_many(found: list[Any], text: str) -> list[Any]:
    if len(found) > MOST:
        raise ValuesError(f"{text[:60]!r} … has {len(found)} values; at most {MOST}.")
    return found
