"""The queue on disk: a job is written before it is acknowledged, owners take turns, and a kill loses nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from heapq import heapify, heappop, heappush
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

from filelock import FileLock, Timeout

from modules.diffusion.errors import AquatintError
from modules.studio.database import Database
from modules.studio.job import ENDED, State

MOST_ATTEMPTS = 2
"""A job that was running when the server died is tried once more; if it dies again the job may be the reason."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    request TEXT NOT NULL,
    options TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    error TEXT NOT NULL,
    "order" INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, owner, "order");
CREATE INDEX IF NOT EXISTS jobs_by_order ON jobs ("order");
CREATE INDEX IF NOT EXISTS jobs_by_time ON jobs (created);
CREATE TABLE IF NOT EXISTS turns (owner TEXT PRIMARY KEY, served INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS comments (job TEXT PRIMARY KEY, texts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS marks (job TEXT PRIMARY KEY, name TEXT NOT NULL, bookmarked INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS switches (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class Marks(NamedTuple):
    """What a person has said of a job."""

    name: str = ""
    bookmarked: bool = False


@dataclass(frozen=True)
class QueueRow:
    """A job as the queue keeps it."""

    id: str
    owner: str
    kind: str
    request: str
    """JSON, as are the options."""
    options: str
    state: State = "queued"
    attempts: int = 0
    """How often it was begun."""
    created: float = 0.0
    """Seconds since 1970, as are `started` and `ended`; `add` sets it."""
    started: float | None = None
    ended: float | None = None
    error: str = ""
    order: int = 0
    """Jobs of one owner run in this order; below zero they go before those of all owners. `add` sets it."""


COLUMNS = ", ".join(f'"{field.name}"' for field in fields(QueueRow))


class Queue:
    """The table of jobs. Every method may be called from any thread; what it changed is on disk when it returns.

    Raises, everywhere: DiskFullError, AquatintError when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA)
        self.damaged = self._database.damaged

    def add(self, row: QueueRow) -> None:
        """Puts a job at its owner's end of the queue."""
        values = (*astuple(row)[:-5], time.time(), None, None, "")
        marks = ", ".join("?" * len(values))
        with self._database.transaction() as connection:
            connection.execute(
                f'INSERT INTO jobs ({COLUMNS}) SELECT {marks}, max(0, coalesce(max("order"), 0)) + 1 FROM jobs',  # noqa: S608
                values,
            )

    def claim(self) -> QueueRow | None:
        """The job whose turn it is, now running; None when none waits or the queue is paused.

        Owners take turns: next is the one who was served longest ago.
        """
        with self._database.transaction() as connection:
            line = [] if self._is_paused(connection) else _line(connection)
            if not line:
                return None
            connection.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, started = ? WHERE id = ?",
                (time.time(), line[0]),
            )
            row = _row(connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (line[0],)).fetchone())  # noqa: S608
            connection.execute(
                "INSERT OR REPLACE INTO turns SELECT ?, coalesce(max(served), 0) + 1 FROM turns", (row.owner,)
            )
            return row

    def finish(self, id: str, state: State, error: str = "", comments: Sequence[str] = ()) -> None:
        """Ends a running job; `comments` are what its person should know of it besides."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, error = ?, ended = ? WHERE id = ? AND state = 'running'",
                (state, error, time.time(), id),
            )
            if comments:
                connection.execute("INSERT OR REPLACE INTO comments VALUES (?, ?)", (id, json.dumps(comments)))

    def requeue(self, id: str) -> None:
        """Puts a running job back, first in line, as if it had not been begun: the server is being stopped."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET attempts = attempts - 1 WHERE id = ? AND state = 'running'",
                (id,),
            )
            _put_first(connection, [id])

    def recover(self) -> None:
        """At start, when no job can be running: what ran when the server died waits again, first in line, unless it
        was tried MOST_ATTEMPTS times; then it has failed.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'failed', ended = ?, error = ? WHERE state = 'running' AND attempts >= ?",
                (
                    time.time(),
                    f"The server stopped {MOST_ATTEMPTS} times while this job ran, so it was not begun again. "
                    "A smaller size or batch may be all it needs.",
                    MOST_ATTEMPTS,
                ),
            )
            running = connection.execute("SELECT id FROM jobs WHERE state = 'running' ORDER BY started").fetchall()
            _put_first(connection, [row["id"] for row in running])

    def cancel(self, id: str, owner: str) -> bool:
        """Takes the owner's waiting job out of the queue; False when it is not theirs or does not wait."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE jobs SET state = 'cancelled', ended = ? WHERE id = ? AND owner = ? AND state = 'queued'",
                (time.time(), id, owner),
            )
            return changed.rowcount == 1

    def move(self, id: str, owner: str, place: int) -> bool:
        """Moves the owner's waiting job to a place among their own waiting jobs, 0 the first; others' turns stay."""
        with self._database.transaction() as connection:
            own = connection.execute(
                'SELECT id, "order" FROM jobs WHERE owner = ? AND state = \'queued\' ORDER BY "order"', (owner,)
            ).fetchall()
            ids = [row["id"] for row in own]
            if id not in ids:
                return False
            ids.remove(id)
            ids.insert(max(0, place), id)
            orders = [row["order"] for row in own]
            connection.executemany('UPDATE jobs SET "order" = ? WHERE id = ?', zip(orders, ids, strict=True))
            return True

    def pause(self, paused: bool) -> None:
        """While paused no job is claimed; a restart keeps it so."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO switches VALUES ('paused', ?)", (paused,))

    @property
    def paused(self) -> bool:
        """Whether the queue is paused."""
        return self._is_paused(self._database.connection)

    def get(self, id: str) -> QueueRow | None:
        """The job of that id, whatever its state."""
        found = self._database.connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (id,)).fetchone()  # noqa: S608
        return _row(found) if found else None

    def comments(self, id: str) -> tuple[str, ...]:
        """What was said of a job that ended."""
        found = self._database.connection.execute("SELECT texts FROM comments WHERE job = ?", (id,)).fetchone()
        return tuple(json.loads(found["texts"])) if found else ()

    def marks(self, id: str) -> Marks:
        """What its person has called a job, and whether it is to be found again."""
        found = self._database.connection.execute("SELECT * FROM marks WHERE job = ?", (id,)).fetchone()
        return Marks(found["name"], bool(found["bookmarked"])) if found else Marks()

    def mark(self, id: str, marks: Marks) -> None:
        """Sets what `marks` tells; until the job is forgotten."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (id, marks.name, marks.bookmarked))

    def rows(
        self,
        owner: str | None = None,
        states: Sequence[State] | None = None,
        limit: int | None = 100,
        by: Literal["created", "ended"] = "created",
    ) -> list[QueueRow]:
        """Jobs, the newest first by when they were asked for or by when they ended: one owner's or all, in some states
        or all, at most `limit`."""
        conditions, values = ["1"], list[object]()
        if owner is not None:
            conditions.append("owner = ?")
            values.append(owner)
        if states is not None:
            conditions.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        query = (
            f"SELECT {COLUMNS} FROM jobs WHERE {' AND '.join(conditions)} "  # noqa: S608  the conditions are above
            f"ORDER BY {by} DESC, rowid DESC LIMIT ?"
        )
        found = self._database.connection.execute(query, (*values, -1 if limit is None else limit))
        return [_row(row) for row in found]

    def line(self) -> list[str]:
        """The ids of all waiting jobs in the order in which they will run, if nobody adds one."""
        return _line(self._database.connection)

    def place(self, id: str) -> int:
        """How many jobs run or wait before this one; 0 when it does not wait."""
        line = self.line()
        running = self._database.connection.execute("SELECT count(*) FROM jobs WHERE state = 'running'").fetchone()
        return line.index(id) + int(running[0]) if id in line else 0

    def forget(self, owner: str, id: str | None = None) -> int:
        """Forgets the owner's ended jobs, or the one of that id; returns how many. Their pictures stay."""
        marks = ", ".join("?" * len(ENDED))
        with self._database.transaction() as connection:
            gone = connection.execute(
                f"DELETE FROM jobs WHERE owner = ? AND state IN ({marks}) AND id = coalesce(?, id)",  # noqa: S608
                (owner, *ENDED, id),
            )
            _forget_what_was_said(connection)
            return gone.rowcount

    def prune(self, keep: int = 1000) -> int:
        """Forgets ended jobs but for the `keep` newest; returns how many. Their pictures stay."""
        marks = ", ".join("?" * len(ENDED))
        with self._database.transaction() as connection:
            gone = connection.execute(
                f"DELETE FROM jobs WHERE state IN ({marks}) AND id NOT IN "  # noqa: S608
                f"(SELECT id FROM jobs WHERE state IN ({marks}) ORDER BY ended DESC LIMIT ?)",
                (*ENDED, *ENDED, keep),
            )
            _forget_what_was_said(connection)
            return gone.rowcount

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    @staticmethod
    def _is_paused(connection: sqlite3.Connection) -> bool:
        found = connection.execute("SELECT value FROM switches WHERE name = 'paused'").fetchone()
        return bool(found and found["value"])


def _forget_what_was_said(connection: sqlite3.Connection) -> None:
    """Of jobs that are forgotten."""
    for table in ("comments", "marks"):
        connection.execute(f"DELETE FROM {table} WHERE job NOT IN (SELECT id FROM jobs)")  # noqa: S608


def _row(row: sqlite3.Row) -> QueueRow:
    return QueueRow(*row)


def _put_first(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Makes running jobs wait before all others, in the order given."""
    first = connection.execute('SELECT min(0, coalesce(min("order"), 0)) FROM jobs').fetchone()[0]
    ids = list(ids)
    connection.executemany(
        "UPDATE jobs SET state = 'queued', started = NULL, \"order\" = ? WHERE id = ? AND state = 'running'",
        [(first - len(ids) + number, id) for number, id in enumerate(ids)],
    )


def _line(connection: sqlite3.Connection) -> list[str]:
    """The waiting jobs in the order of their turns. Each owner has a lane; the next job is the first of the lane
    whose owner was served longest ago, but jobs that were put first (an order below zero) go before.
    """
    served: dict[str, int] = dict(connection.execute("SELECT owner, served FROM turns").fetchall())
    lanes: defaultdict[str, deque[tuple[int, str]]] = defaultdict(deque)
    for row in connection.execute('SELECT owner, "order", id FROM jobs WHERE state = \'queued\' ORDER BY "order"'):
        lanes[row["owner"]].append((row["order"], row["id"]))
    turn = max(served.values(), default=0)

    def claim_of(owner: str) -> tuple[bool, int, int, str]:
        order = lanes[owner][0][0]
        return order >= 0, served.get(owner, 0) if order >= 0 else 0, order, owner

    heads = [claim_of(owner) for owner in lanes]
    heapify(heads)
    line: list[str] = []
    while heads:
        owner = heappop(heads)[-1]
        line.append(lanes[owner].popleft()[1])
        turn += 1
        served[owner] = turn
        if lanes[owner]:
            heappush(heads, claim_of(owner))
    return line


class DataLock:
    """Held while a server uses a data folder; the system lets go of it when the process dies.

    Raises: AquatintError naming the process that holds it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "lock")
        holder = folder / "lock.pid"
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            number = holder.read_text() if holder.exists() else "unknown"
            raise AquatintError(
                f"Another Aquatint (process {number}) uses {folder.parent}. Close it, or choose another --data-dir."
            ) from None
        holder.write_text(str(os.getpid()))

    def release(self) -> None:
        """Lets the next server in."""
        self._lock.release()

    def __enter__(self) -> DataLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
