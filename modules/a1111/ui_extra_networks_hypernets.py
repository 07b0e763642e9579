"""A1111's `modules.ui_extra_networks_hypernets`: the cards of hypernetworks."""

from __future__ import annotations

from .bridge.file_cards import FileCards
from .bridge.host import host
from .shared_items import reload_hypernetworks
from .ui_extra_networks import quote_js


class ExtraNetworksPageHypernetworks(FileCards):
    """One card a file."""

    def __init__(self) -> None:
        super().__init__("Hypernetworks")

    def files(self) -> dict[str, str]:
        return reload_hypernetworks()

    def on_click(self, name: str) -> dict[str, str]:
        return {"prompt": quote_js(f"<hypernet:{name}:1>")}

    def allowed_directories_for_previews(self) -> list[str]:
        """Where the files are."""
        return [str(host.app.folders.hypernetworks)]
