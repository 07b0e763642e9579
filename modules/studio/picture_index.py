"""The gallery's table of pictures: found by id, owner, job, words, model, sampler and day."""

from __future__ import annotations

import datetime
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, TypedDict

from modules.diffusion.errors import AquatintError
from modules.studio.database import Database

EXCERPT = 300
"""Letters of a prompt in a list."""
MOST_WORDS = 32
"""That are looked for; further ones are left out."""


@dataclass(frozen=True)
class Picture:
    """A row: one picture on disk."""

    id: str
    """32 random hex digits: it says nothing of the path, and nobody can guess it."""
    owner: str
    path: str
    """Below the data folder with / between its parts, or absolute when it lies elsewhere."""
    job: str
    kind: str
    grid: bool
    created: int
    """Microseconds since 1970."""
    day: str
    """The local date, YYYY-MM-DD."""
    seed: int
    width: int
    height: int
    model: str
    sampler: str
    prompt: str
    negative: str
    infotext: str
    sha256: str
    """Of the file."""


class Search(TypedDict, total=False):
    """What `PictureIndex.find` can be asked."""

    words: str
    model: str
    sampler: str
    date: str
    before: str | None
    limit: int


@dataclass(frozen=True)
class GalleryItem:
    """A picture in a list."""

    id: str
    kind: str
    grid: bool
    created: float
    """Seconds since 1970."""
    seed: int
    width: int
    height: int
    model: str
    sampler: str
    prompt: str
    """Its first EXCERPT letters."""
    cursor: str
    """Given to `find` as `before`, it continues the list after this picture."""


COLUMNS = tuple(field.name for field in fields(Picture))
SCHEMA = """
CREATE TABLE IF NOT EXISTS pictures (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    kind TEXT NOT NULL,
    grid INTEGER NOT NULL,
    created INTEGER NOT NULL,
    day TEXT NOT NULL,
    seed INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    model TEXT NOT NULL,
    sampler TEXT NOT NULL,
    prompt TEXT NOT NULL,
    negative TEXT NOT NULL,
    infotext TEXT NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS pictures_of_owner ON pictures (owner, created);
CREATE INDEX IF NOT EXISTS pictures_of_job ON pictures (job);
CREATE TABLE IF NOT EXISTS written_folders (path TEXT PRIMARY KEY);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    prompt, negative, content='pictures', content_rowid='number', tokenize="unicode61 remove_diacritics 2"
);
CREATE TRIGGER IF NOT EXISTS words_in AFTER INSERT ON pictures BEGIN
    INSERT INTO words (rowid, prompt, negative) VALUES (new.number, new.prompt, new.negative);
END;
CREATE TRIGGER IF NOT EXISTS words_out AFTER DELETE ON pictures BEGIN
    INSERT INTO words (words, rowid, prompt, negative) VALUES ('delete', old.number, old.prompt, old.negative);
END;
"""
_INSERT = (
    f"INSERT OR IGNORE INTO pictures ({', '.join(COLUMNS)}) "  # noqa: S608  the names are those of the dataclass
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)


class PictureIndex:
    """The table. Every question names the owner it is asked for."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA)
        self.damaged = self._database.damaged

    def add(self, picture: Picture) -> None:
        """Adds a row, on disk when it returns; an older row of the same path was of a file that is gone, and goes.

        Raises: DiskFullError, AquatintError.
        """
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM pictures WHERE path = ?", (picture.path,))
            connection.execute(_INSERT, astuple(picture))

    def bring_in(self, pictures: Iterable[Picture]) -> int:
        """Adds rows of files that were found; one that got its row meanwhile keeps it. Returns how many were added.

        Raises: DiskFullError, AquatintError.
        """
        with self._database.transaction() as connection:
            return connection.executemany(_INSERT, [astuple(picture) for picture in pictures]).rowcount

    def remove(self, *ids: str) -> None:
        """Removes rows and their words. Raises: AquatintError."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM pictures WHERE id = ?", [(id,) for id in ids])

    def get(self, id: str, owner: str) -> Picture | None:
        """The owner's picture of that id."""
        return next(self._select("WHERE id = ? AND owner = ?", id, owner), None)

    def owns(self, path: str, owner: str) -> bool:
        """Whether a picture at this place is the owner's."""
        return next(self._select("WHERE path = ? AND owner = ?", path, owner), None) is not None

    def of_job(self, job: str) -> list[Picture]:
        """The pictures of a job, grids left out, in the order in which they were saved."""
        return list(self._select("WHERE job = ? AND NOT grid ORDER BY number", job))

    def find(
        self,
        owner: str,
        *,
        words: str = "",
        model: str = "",
        sampler: str = "",
        date: str = "",
        before: str | None = None,
        limit: int = 60,
    ) -> list[GalleryItem]:
        """The owner's pictures, newest first, at most `limit`.

        `words`: each must begin a word of the prompt or negative prompt. `date`: YYYY, YYYY-MM or YYYY-MM-DD.
        `before`: the cursor of the last picture seen. Raises: AquatintError for a cursor that is none.
        """
        conditions, values = ["owner = ?"], list[object]([owner])
        asked = " ".join(f'"{word}"*' for word in re.findall(r"\w+", words)[:MOST_WORDS])
        if asked:
            conditions.append("number IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append(asked)
        for column, wanted in (("model", model), ("sampler", sampler)):
            if wanted:
                conditions.append(f"{column} = ?")
                values.append(wanted)
        if date:
            conditions.append("substr(day, 1, length(?)) = ?")
            values += [date, date]
        if before is not None:
            conditions.append("(created, number) < (?, ?)")
            values += _position(before)
        query = (
            "SELECT *, substr(prompt, 1, ?) AS excerpt FROM pictures "  # noqa: S608  the conditions are the ones above
            f"WHERE {' AND '.join(conditions)} ORDER BY created DESC, number DESC LIMIT ?"
        )
        return [_item(row) for row in self._database.connection.execute(query, (EXCERPT, *values, limit))]

    def places(self) -> dict[str, str]:
        """Path -> id of every picture of everybody."""
        return dict(self._database.connection.execute("SELECT path, id FROM pictures").fetchall())

    def note_folder(self, path: str) -> None:
        """Remembers that pictures are being written into a folder. Raises: AquatintError."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO written_folders VALUES (?)", (path,))

    def take_folders(self) -> list[str]:
        """The folders noted until now, which are then forgotten."""
        with self._database.transaction() as connection:
            paths = [row["path"] for row in connection.execute("SELECT path FROM written_folders")]
            connection.execute("DELETE FROM written_folders")
            return paths

    def salvage(self) -> int:
        """Takes over what can still be read from the damaged file, from both ends; returns how many rows."""
        if self.damaged is None:
            return 0
        saved: list[Picture] = []
        for order in ("ASC", "DESC"):
            with suppress(sqlite3.Error, TypeError), closing(sqlite3.connect(self.damaged)) as old:
                old.row_factory = sqlite3.Row
                for row in old.execute(f"SELECT * FROM pictures ORDER BY number {order}"):  # noqa: S608  two constants
                    saved.append(_picture(row))
        return self.bring_in(saved)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _select(self, rest: str, *values: object) -> Iterator[Picture]:
        return map(_picture, self._database.connection.execute(f"SELECT * FROM pictures {rest}", values))  # noqa: S608


def day_of(created: int) -> str:
    """The local date of a moment in microseconds since 1970."""
    return datetime.datetime.fromtimestamp(created / 1e6).astimezone().strftime("%Y-%m-%d")


def _picture(row: sqlite3.Row) -> Picture:
    values: dict[str, Any] = {name: row[name] for name in COLUMNS}
    return Picture(**(values | {"grid": bool(row["grid"])}))


def _item(row: sqlite3.Row) -> GalleryItem:
    return GalleryItem(
        id=row["id"],
        kind=row["kind"],
        grid=bool(row["grid"]),
        created=row["created"] / 1e6,
        seed=row["seed"],
        width=row["width"],
        height=row["height"],
        model=row["model"],
        sampler=row["sampler"],
        prompt=row["excerpt"],
        cursor=f"{row['created']}-{row['number']}",
    )


def _position(cursor: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,18})-(\d{1,18})", cursor, re.ASCII)
    if found is None:
        raise AquatintError("This place in the gallery is not known. Load the gallery again.")
    return int(found[1]), int(found[2])
