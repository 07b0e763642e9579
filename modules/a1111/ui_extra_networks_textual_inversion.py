"""A1111's `modules.ui_extra_networks_textual_inversion`: the cards of embeddings."""

from __future__ import annotations

from .bridge.file_cards import FileCards
from .bridge.host import host
from .ui_extra_networks import quote_js


class ExtraNetworksPageTextualInversion(FileCards):
    """One card a file."""

    def __init__(self) -> None:
        super().__init__("Textual Inversion")

    def refresh(self) -> None:
        """Looks at the disk again."""
        host.app.embeddings.refresh()

    def files(self) -> dict[str, str]:
        return {name: str(file.path) for name, file in host.app.embeddings.files.items()}

    def on_click(self, name: str) -> dict[str, str]:
        return {"prompt": quote_js(name)}

    def allowed_directories_for_previews(self) -> list[str]:
        """Where the files are."""
        return [str(host.app.folders.embeddings)]
