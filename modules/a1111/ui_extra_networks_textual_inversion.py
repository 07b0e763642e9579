"""A1111's `modules.ui_extra_networks_textual_inversion`: the cards of embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .bridge.host import host
from .ui_extra_networks import ExtraNetworksPage, quote_js


class ExtraNetworksPageTextualInversion(ExtraNetworksPage):
    """One card a file."""

    def __init__(self) -> None:
        super().__init__("Textual Inversion")

    def refresh(self) -> None:
        """Looks at the disk again."""
        host.app.embeddings.refresh()

    def _files(self) -> dict[str, str]:
        return {name: str(file.path) for name, file in host.app.embeddings.files.items()}

    def create_item(self, name: str, index: int | None = None, enable_filter: bool = True) -> dict[str, Any] | None:
        """One card, or None when there is no such file."""
        path = self._files().get(name)
        if path is None:
            return None
        stem = str(Path(path).with_suffix(""))
        return {
            "name": name,
            "filename": path,
            "preview": self.find_preview(stem),
            "description": self.find_description(stem),
            "search_terms": [self.search_terms_from_path(path)],
            "prompt": quote_js(name),
            "local_preview": f"{stem}.preview.png",
            "sort_keys": {"default": index, **self.get_sort_keys(path)},
        }

    def list_items(self) -> Iterator[dict[str, Any]]:
        """All cards."""
        for index, name in enumerate(self._files()):
            item = self.create_item(name, index)
            if item is not None:
                yield item

    def allowed_directories_for_previews(self) -> list[str]:
        """Where the files are."""
        return [str(host.app.folders.embeddings)]
