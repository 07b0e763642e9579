"""What was found out about large files and need not be found out again, kept in one JSON file."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

from modules.diffusion.errors import CheckpointError

PIECE = 1 << 20


class FileFacts:
    """Facts by path, valid while the file's size and time of change stay as they were. Any number of threads may ask.

    `store` is the JSON file; None keeps the facts in memory. A damaged one is as good as none.
    """

    def __init__(self, store: Path | None = None) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._files: dict[str, dict[str, Any]] = self._read()
        self._changed = False

    def get(self, path: str | Path, fact: str) -> Any:
        """The fact, or None when it is not known of the file as it is now."""
        with self._lock:
            known = self._files.get(str(path))
        return known.get(fact) if known is not None and known.get("is") == _identity(path) else None

    def put(self, path: str | Path, fact: str, value: Any, *, save: bool = True) -> None:
        """`value` must be JSON. Many facts at a time are written with one `save` behind the last."""
        identity = _identity(path)
        with self._lock:
            known = self._files.setdefault(str(path), {})
            if known.get("is") != identity:
                known.clear()
            known.update({"is": identity, fact: value})
            self._changed = True
        if save:
            self.save()

    def sha256(self, path: Path) -> str:
        """The hash of the whole file as 64 hexadecimal digits; computed once."""
        known = self.get(path, "sha256")
        if isinstance(known, str):
            return known
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
        self.put(path, "sha256", digest.hexdigest())
        return digest.hexdigest()

    def hash_of(self, path: Path) -> str:
        """`sha256`. Raises: CheckpointError naming the file when it cannot be read."""
        try:
            return self.sha256(path)
        except OSError as error:
            raise CheckpointError(f"{path.name} cannot be read: {error.strerror or error}.") from None

    def save(self) -> None:
        """Write the file whole or not at all. A folder that cannot be written costs only the time to find out again."""
        with self._lock:
            if self._store is None or not self._changed:
                return
            self._changed = False
            try:
                self._store.parent.mkdir(parents=True, exist_ok=True)
                handle, temporary = tempfile.mkstemp(dir=self._store.parent, prefix=self._store.name)
                with os.fdopen(handle, "w") as file:
                    json.dump(self._files, file)
                Path(temporary).replace(self._store)
            except OSError:
                return

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            files = json.loads(self._store.read_text()) if self._store is not None else {}
        except (OSError, ValueError):
            return {}
        entries = files.items() if isinstance(files, dict) else ()
        return {path: facts for path, facts in entries if isinstance(facts, dict)}


def _identity(path: str | Path) -> list[int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - of ten thousand files
    except OSError:
        return [0, 0]
    return [found.st_size, found.st_mtime_ns]
