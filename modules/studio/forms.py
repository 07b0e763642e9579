"""The form of each owner and tab as it was last, so that a reload or another device shows it again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.studio.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS forms (
    owner TEXT NOT NULL,
    tab TEXT NOT NULL,
    saved REAL NOT NULL,
    form TEXT NOT NULL,
    PRIMARY KEY (owner, tab)
);
"""


class Forms:
    """The last form of each owner and tab, on disk."""

    def __init__(self, path_db: Path) -> None:
        self._database = Database(path_db, SCHEMA)

    def save(self, owner: str, tab: str, values: Mapping[str, Any]) -> None:
        """Replaces the form. `values` is what JSON can say. Raises: AquatintError when it cannot be written."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO forms (owner, tab, saved, form) VALUES (?, ?, ?, ?)",
                (owner, tab, time.time(), json.dumps(dict(values))),
            )

    def load(self, owner: str, tab: str) -> dict[str, Any]:
        """The form as it was saved; {} when there is none."""
        query = "SELECT form FROM forms WHERE owner = ? AND tab = ?"
        row = self._database.connection.execute(query, (owner, tab)).fetchone()
        form: dict[str, Any] = json.loads(row["form"]) if row else {}
        return form

    def words(self) -> set[str]:
        """Every text value of every form; the ids of uploads are among them."""
        rows = self._database.connection.execute("SELECT atom FROM forms, json_tree(form) WHERE type = 'text'")
        return {row["atom"] for row in rows}
