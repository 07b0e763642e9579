"""Which extensions are what their owner installed, and the packages that they brought: asked before any is loaded."""

from __future__ import annotations

from pathlib import Path

from modules.studio.extension_packages import add_to_path, overlay_of
from modules.studio.extension_records import Records, records_in


class Approval:
    """The records of one data folder at a time."""

    def __init__(self) -> None:
        self._state: Path | None = None
        self._records: Records | None = None

    def records(self, state: Path) -> Records:
        """Those of a data folder, read once."""
        if self._records is None or self._state != state:
            self._state, self._records = state, records_in(state)
        return self._records

    def why_not(self, state: Path, name: str, folder: Path) -> str:
        """Why an extension is not to be loaded; "" if it may be."""
        changed = self.records(state).changes(name, folder)
        if not changed:
            return ""
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return f"{changed[0]}{others} changed since it was installed"

    def bring_packages(self, state: Path, names: list[str]) -> None:
        """Makes the packages of these extensions importable."""
        add_to_path(overlay_of(state, name) for name in names)


approval = Approval()
"""The one that the loader asks, and the Extensions tab changes."""
