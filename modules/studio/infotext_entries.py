"""Entries of an infotext: `key: value` pairs in one line, as A1111 writes and reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator


def plain(value: object) -> str:
    """As Gradio's widgets make A1111 write it: 7, not 7.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def entry(key: str, value: str) -> str:
    """One pair; the value in quotes where it could be taken for something else."""
    if key == value:
        return key
    unsafe = set(value) & set(",\n:") or value.startswith('"') or value != value.strip()
    return f"{key}: {json.dumps(value, ensure_ascii=False) if unsafe else value}"


_QUOTED = re.compile(r'"(?:\\.|[^\\"])+"(?=,|$)')


def entries(line: str) -> Iterator[tuple[str, str]]:
    """The `key: value` pairs of a line. A key is a word character and at least one more of word, space, - or /.

    What A1111 does with one regular expression, whose time grows with the square of a hostile line's length, is
    here a walk from colon to colon.
    """
    start = 0
    while (colon := line.find(":", start)) >= 0:
        key = _key_before(line, start, colon)
        start = colon + 1
        if not key:
            continue
        while start < len(line) and line[start].isspace():
            start += 1
        quoted = _QUOTED.match(line, start)
        if quoted:
            value, start = _unquoted(quoted[0]), quoted.end() + 1
        else:
            comma = line.find(",", start)
            end = comma if comma >= 0 else len(line)
            value, start = line[start:end].rstrip(), end + 1
        yield key, value


def _key_before(line: str, start: int, colon: int) -> str:
    begin = colon
    while begin > start and (line[begin - 1].isalnum() or line[begin - 1] in "_ -/"):
        begin -= 1
    key = line[begin:colon].lstrip(" -/")
    return key if len(key) > 1 else ""


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text
