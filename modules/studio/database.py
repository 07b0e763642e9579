"""A SQLite file that survives kills, full disks and damage; queue, gallery and forms each keep one."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from weakref import WeakSet

from modules.diffusion.errors import AquatintError
from modules.studio.files import DiskFullError

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds to wait for another writer."""


class _Connection(sqlite3.Connection):
    """One that can be referred to weakly, and that closes with the thread that opened it."""

    def __del__(self) -> None:
        self.close()


class Database:
    """Opens `path` (WAL, synchronous=FULL: what is committed is on the disk), one connection a thread.

    A damaged file is kept beside as `<name>.damaged-<n>` and a new one begun; `damaged` is then the copy's path.
    Raises: AquatintError when the file was written by a newer version, or cannot be opened.
    """

    def __init__(self, path: Path, schema: str, version: int = 1) -> None:
        self.path = path
        self.damaged: Path | None = None
        self._schema, self._version = schema, version
        self._threads = threading.local()
        self._open: WeakSet[_Connection] = WeakSet()
        self._writing = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise _in_words(path, error) from error
            self.close()
            self.damaged = _set_aside(path)
            log.warning("%s is damaged (%s); it is kept as %s", path, error, self.damaged.name)
            self._prepare()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode; rows are sqlite3.Row."""
        connection: _Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, factory=_Connection
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=ON")
            self._threads.connection = connection
            self._open.add(connection)
        return connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside happens or nothing does; on return it is on the disk.

        Raises: DiskFullError; AquatintError when another process holds the file for too long, or it is damaged.
        """
        try:
            with self._writing, _committed(self.connection) as connection:  # SQLite's own way to wait is not fair
                yield connection
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise _in_words(self.path, error) from error

    def close(self) -> None:
        """Closes the connections of all threads. A later use opens a new one."""
        for connection in list(self._open):
            connection.close()
        self._threads = threading.local()

    def _prepare(self) -> None:
        connection = self.connection
        connection.execute("PRAGMA journal_mode=WAL")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > self._version:
            self.close()
            raise AquatintError(
                f"{self.path} was written by a newer version of Aquatint. Update, or choose another --data-dir."
            )
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("database disk image is malformed")
        connection.executescript(self._schema)
        connection.execute(f"PRAGMA user_version={self._version:d}")


@contextlib.contextmanager
def _committed(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return not isinstance(error, sqlite3.OperationalError) or "malformed" in str(error)


def _set_aside(path: Path) -> Path:
    """Renames a damaged file to the first free name; its journals belong to it and go along."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.replace(aside)
    for ending in ("-wal", "-shm"):
        journal = path.with_name(path.name + ending)
        if journal.exists():
            journal.replace(aside.with_name(aside.name + ending))
    return aside


def _in_words(path: Path, error: sqlite3.Error) -> AquatintError:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return DiskFullError(f"The disk is full: {path.name} could not be written. Free some space, then go on.")
    if "locked" in text:
        return AquatintError(f"{path.name} is held by another program. Try again in a moment.")
    return AquatintError(f"{path} cannot be used: {text}.")
