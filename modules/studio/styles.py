"""Styles: named pieces of prompts in A1111's styles.csv, merged into what a person typed."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from modules.diffusion.errors import AquatintError
from modules.studio.files import write_atomically

COLUMNS = ("name", "prompt", "negative_prompt")
PLACE = "{prompt}"
"""Where in a style the typed prompt goes; without it the style follows after a comma."""

Row = dict[str, str]


@dataclass(frozen=True)
class Style:
    """One named style."""

    name: str
    prompt: str
    negative_prompt: str


class Styles:
    """The style files. They are read at each call, so that what another program writes counts at once.

    A file that cannot be understood is never written to, and `problems` says why.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._lock = threading.Lock()

    @property
    def problems(self) -> list[str]:
        """A sentence for each file that cannot be understood."""
        return [problem for _, problem in map(_understood, self.paths) if problem]

    def all(self) -> dict[str, Style]:
        """Every style by its name, in the order of the files; the first of a name counts."""
        found: dict[str, Style] = {}
        for path in self.paths:
            for style in filter(None, map(_style, _understood(path)[0])):
                found.setdefault(style.name, style)
        return found

    def names(self) -> list[str]:
        """The names of all styles, in the order of the files."""
        return list(self.all())

    def apply(self, prompt: str, negative_prompt: str, names: Iterable[str]) -> tuple[str, str]:
        """Both prompts with the named styles, one after another; names that do not exist are left out, as in A1111."""
        styles = self.all()
        for style in (styles[name] for name in names if name in styles):
            prompt = _merged(prompt, style.prompt)
            negative_prompt = _merged(negative_prompt, style.negative_prompt)
        return prompt, negative_prompt

    def save(self, name: str, prompt: str, negative_prompt: str) -> None:
        """Changes the style of that name where it lies, or adds it to the first file; the file before is kept as .bak.

        Raises: AquatintError when the name is not possible or the file cannot be read or written.
        """
        name = name.strip()
        if not name or name.startswith("#"):
            raise AquatintError("A style needs a name, and one that does not begin with #.")
        with self._lock:
            path = next((path for path in self.paths if name in _names_in(path)), self.paths[0])
            columns, rows = _read(path)
            new = {"name": name, "prompt": prompt, "negative_prompt": negative_prompt}
            changed = [row for row in rows if row["name"] == name]
            for row in changed:
                row.update(new)
            _write(path, columns, rows if changed else [*rows, new])

    def delete(self, name: str) -> bool:
        """Removes the style of that name from every file; False when there was none.

        Raises: AquatintError when a file cannot be read or written.
        """
        with self._lock:
            files = [path for path in self.paths if name in _names_in(path)]
            for path in files:
                columns, rows = _read(path)
                _write(path, columns, [row for row in rows if row["name"] != name])
            return bool(files)


def _merged(prompt: str, style: str) -> str:
    remark = "#" in prompt.rstrip().rpartition("\n")[2]  # it would swallow what follows in its line
    if PLACE in style:
        return style.replace(PLACE, f"{prompt}\n" if remark else prompt)
    return ("\n, " if remark else ", ").join(part for part in (prompt.strip(), style.strip()) if part)


def _style(row: Row) -> Style | None:
    """Rows whose name begins with # are remarks: kept in the file, never shown."""
    if not row["name"] or row["name"].startswith("#"):
        return None
    return Style(row["name"], row["prompt"], row["negative_prompt"])


def _names_in(path: Path) -> set[str]:
    return {row["name"] for row in _read(path)[1] if _style(row)}


def _understood(path: Path) -> tuple[list[Row], str]:
    """The rows of a file, or none and what is wrong with it."""
    try:
        return _read(path)[1], ""
    except AquatintError as error:
        return [], str(error)


def _read(path: Path) -> tuple[list[str], list[Row]]:
    """Columns and rows of a file; a file that is not there has none.

    Raises: AquatintError naming the file and what is wrong with it.
    """
    try:
        text = _decoded(path.read_bytes())
        return _parsed(text) if text.strip() else (list(COLUMNS), [])
    except FileNotFoundError:
        return list(COLUMNS), []
    except (OSError, csv.Error, ValueError) as error:
        raise AquatintError(f"The style file {path} cannot be read: {error}") from error


def _decoded(data: bytes) -> str:
    """UTF-8 with or without its mark, else what spreadsheets on Windows write."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def _parsed(text: str) -> tuple[list[str], list[Row]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    header = ["prompt" if column == "text" else column for column in reader.fieldnames or ()]
    if not {"name", "prompt"} <= set(header):
        raise ValueError("its first line must be name,prompt,negative_prompt")
    reader.fieldnames = header
    columns = list(dict.fromkeys([*header, *COLUMNS]))
    return columns, list(_full_rows(reader, columns))


def _full_rows(reader: csv.DictReader[str], columns: list[str]) -> Iterator[Row]:
    for row in reader:
        yield {column: row.get(column) or "" for column in columns}


def _write(path: Path, columns: list[str], rows: Iterable[Row]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    if path.exists():
        write_atomically(path.with_name(path.name + ".bak"), path.read_bytes())
    write_atomically(path, text.getvalue().encode("utf-8-sig"))
