"""Options that are not the program's own: declared while it runs by what was loaded into it, kept in the same file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Declared:
    """An option of somebody else's: what it is when nobody has set it, and how the Settings page shows it."""

    name: str
    default: Any
    label: str = ""
    section: str = "other"
    title: str = ""
    """Of the section; empty where the page knows it."""
    make: Callable[[Any], Any] | None = None
    """value -> the component that shows it, made in the layout; None is not shown."""
    kept: bool = True
    """Whether it has a value at all: a text between options has none."""
    infotext: str = ""
    """The entry of a picture's parameters that says what it was; empty where they say nothing."""

    def fit(self, value: Any) -> Any:
        """The value as this option may have it. Raises: ValueError saying what is wrong."""
        return fit(value, self.default)


def fit(value: Any, like: Any) -> Any:
    """The value in the type of `like`: a whole number from 3.0 too, a list from a tuple; whatever JSON says for None.

    Raises: ValueError saying what it should be.
    """
    if isinstance(like, bool):
        return _required(value, isinstance(value, bool), "true or false")
    if isinstance(like, int):
        number = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
        return int(_required(value, number, "a whole number"))
    if isinstance(like, float):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(_required(value, number, "a number"))
    if isinstance(like, str):
        return _required(value, isinstance(value, str), "a text")
    if isinstance(like, list | tuple):
        return list(_required(value, isinstance(value, list | tuple) and is_json(value), "a list"))
    if isinstance(like, dict):
        return _required(value, isinstance(value, dict) and is_json(value), "an object")
    return _required(value, is_json(value), "what JSON can say")


def as_entry(value: Any) -> Any:
    """The value as an entry of a picture's parameters says it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def read_entry(row: Declared, text: str) -> Any:
    """The value that such an entry says. Raises: ValueError saying what it should be."""
    if isinstance(row.default, bool):
        return row.fit({"True": True, "False": False}.get(text))
    if isinstance(row.default, int | float):
        return row.fit(float(text))
    if isinstance(row.default, str):
        return row.fit(text)
    try:
        return row.fit(json.loads(text))
    except (json.JSONDecodeError, RecursionError):
        return row.fit(text)


def is_json(value: Any) -> bool:
    """Whether a file of settings can hold it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def by_section(rows: Iterable[Declared]) -> dict[str, list[Declared]]:
    """The rows that are shown, by the name of their section, in the order of its first one."""
    sections: dict[str, list[Declared]] = {}
    for row in rows:
        if row.make is not None:
            sections.setdefault(row.section, []).append(row)
    return sections


def _required(value: Any, right: bool, what: str) -> Any:
    if not right:
        raise ValueError(f"it should be {what}")
    return value
