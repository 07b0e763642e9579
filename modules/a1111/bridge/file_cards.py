"""A page with one card for each file of a kind of network, as A1111's own pages have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..ui_extra_networks import ExtraNetworksPage


class FileCards(ExtraNetworksPage):
    """A kind of network says which files it has, and what a click on a card does."""

    def files(self) -> dict[str, str]:
        """{name: path}."""
        raise NotImplementedError

    def on_click(self, name: str) -> dict[str, str]:
        """What a card does: `prompt`, JavaScript for what it puts there, or `onclick`, a call."""
        raise NotImplementedError

    def create_item(self, name: str, index: int | None = None, enable_filter: bool = True) -> dict[str, Any] | None:
        """One card, or None when there is no such file."""
        path = self.files().get(name)
        return None if path is None else self._card(name, path, index)

    def list_items(self) -> Iterator[dict[str, Any]]:
        """All cards."""
        for index, (name, path) in enumerate(self.files().items()):
            yield self._card(name, path, index)

    def _card(self, name: str, path: str, index: int | None) -> dict[str, Any]:
        stem = str(Path(path).with_suffix(""))
        return {
            "name": name,
            "filename": path,
            "preview": self.find_preview(stem),
            "description": self.find_description(stem),
            "search_terms": [self.search_terms_from_path(path)],
            **self.on_click(name),
            "local_preview": f"{stem}.preview.png",
            "sort_keys": {"default": index, **self.get_sort_keys(path)},
        }
