"""A1111's `modules.ui_extra_networks_checkpoints`: the cards of checkpoints."""

from __future__ import annotations

from .bridge.file_cards import FileCards
from .bridge.host import host
from .ui_extra_networks import quote_js


class ExtraNetworksPageCheckpoints(FileCards):
    """One card a file."""

    def __init__(self) -> None:
        super().__init__("Checkpoints")

    def refresh(self) -> None:
        """Looks at the disk again."""
        host.app.store.refresh()

    def files(self) -> dict[str, str]:
        return {each.stem: str(each.path) for each in host.app.store.checkpoints}

    def on_click(self, name: str) -> dict[str, str]:
        return {"onclick": f"selectCheckpoint({quote_js(name)})"}

    def allowed_directories_for_previews(self) -> list[str]:
        """Where the files are."""
        return [str(folder) for folder in host.app.folders.checkpoints]
