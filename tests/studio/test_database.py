from __future__ import annotations

import gc
import sqlite3
import threading
from pathlib import Path

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio import database as database_module
from modules.studio.database import Database
from modules.studio.files import DiskFullError

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name TEXT)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "things.db"


def add(database: Database, name: str) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO things VALUES (?)", (name,))


def names(database: Database) -> list[str]:
    return [row["name"] for row in database.connection.execute("SELECT name FROM things ORDER BY name")]


def test_what_is_committed_is_on_the_disk(path: Path) -> None:
    database = Database(path, SCHEMA)
    add(database, "a")
    assert database.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert database.connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    database.close()
    assert names(Database(path, SCHEMA)) == ["a"]


def test_an_error_inside_a_transaction_undoes_it(path: Path) -> None:
    database = Database(path, SCHEMA)
    with pytest.raises(RuntimeError), database.transaction() as connection:
        connection.execute("INSERT INTO things VALUES ('a')")
        raise RuntimeError
    assert names(database) == []
    add(database, "b")
    assert names(database) == ["b"]


def test_many_threads_write_and_read(path: Path) -> None:
    database = Database(path, SCHEMA)
    threads = [threading.Thread(target=add, args=(database, str(number))) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(database)) == 20


def test_threads_that_ended_leave_no_connection(path: Path) -> None:
    database = Database(path, SCHEMA)
    for number in range(30):
        thread = threading.Thread(target=add, args=(database, str(number)))
        thread.start()
        thread.join()
    gc.collect()
    assert len(database._open) <= 2


@pytest.mark.parametrize("damage", [b"this is no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_kept_beside_a_new_one(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    database = Database(path, SCHEMA)
    assert database.damaged == path.with_name("things.db.damaged-1")
    assert database.damaged.read_bytes() == damage
    add(database, "new")
    assert names(database) == ["new"]
    assert Database(path, SCHEMA).damaged is None


def test_bytes_flipped_inside_are_noticed(path: Path) -> None:
    database = Database(path, SCHEMA + "; CREATE INDEX IF NOT EXISTS by_name ON things (name)")
    for number in range(200):
        add(database, f"thing number {number}" * 20)
    database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"\xa5" * 4096
    path.write_bytes(content)
    assert Database(path, SCHEMA).damaged is not None


def test_a_file_of_a_newer_version_is_refused_and_untouched(path: Path) -> None:
    Database(path, SCHEMA, version=2).close()
    with pytest.raises(AquatintError, match="newer version"):
        Database(path, SCHEMA, version=1)
    assert Database(path, SCHEMA, version=2).damaged is None


def test_a_writer_waits_for_another_and_says_so_when_it_takes_too_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "PATIENCE", 0.2)
    database = Database(path, SCHEMA)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(AquatintError, match="another program"):
        add(database, "a")
    other.execute("COMMIT")
    add(database, "a")
    assert names(database) == ["a"]
    other.close()


def test_a_full_disk_is_said_in_words(path: Path) -> None:
    database = Database(path, SCHEMA)
    pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
    database.connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DiskFullError, match="full"):
        add(database, "x" * 100_000)
    assert names(database) == []
