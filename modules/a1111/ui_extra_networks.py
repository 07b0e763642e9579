"""A1111's `modules.ui_extra_networks`: pages of cards, the studio's and those that extensions register."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from modules.studio.image_files import FORMATS

from .extra_networks import get_user_metadata
from .util import MassFileLister

extra_pages: list[ExtraNetworksPage] = []
allowed_dirs: set[str] = set()
default_allowed_preview_extensions = ["png", "jpg", "jpeg", "webp", "gif"]


def register_page(page: ExtraNetworksPage) -> None:
    """A further page."""
    extra_pages.append(page)
    allowed_dirs.update(os.path.abspath(folder) for folder in page.allowed_directories_for_previews())


def initialize() -> None:
    """Forgets the pages."""
    extra_pages.clear()
    allowed_dirs.clear()


def register_default_pages() -> None:
    """The pages of the studio's own networks."""
    from .ui_extra_networks_checkpoints import ExtraNetworksPageCheckpoints
    from .ui_extra_networks_hypernets import ExtraNetworksPageHypernetworks
    from .ui_extra_networks_textual_inversion import ExtraNetworksPageTextualInversion

    kinds = (ExtraNetworksPageTextualInversion, ExtraNetworksPageHypernetworks, ExtraNetworksPageCheckpoints)
    for kind in kinds:
        register_page(kind())


def quote_js(s: str) -> str:
    """A text as JavaScript has it."""
    return json.dumps(s)


def get_metadata(page: str = "", item: str = "") -> dict[str, Any]:
    """What a file says of itself."""
    found = next((each for each in extra_pages if each.name == page), None)
    return dict(found.metadata.get(item) or {}) if found is not None else {}


def add_pages_to_demo(app: Any) -> None:
    """The routes of cards are the studio's."""


class ExtraNetworksPage:
    """A page of cards; extensions subclass it and list their items."""

    allow_prompt = True
    allow_negative_prompt = False

    def __init__(self, title: str) -> None:
        self.title, self.name = title, title.lower()
        self.id_page = self.name.replace(" ", "_")
        self.metadata: dict[str, Any] = {}
        self.items: dict[str, Any] = {}
        self.lister = MassFileLister()

    def refresh(self) -> None:
        """Looks at the disk again."""

    def list_items(self) -> Iterator[dict[str, Any]]:
        """The cards: name, filename, preview, description, prompt, ... each."""
        raise NotImplementedError

    def create_item(self, name: str, index: int | None = None, enable_filter: bool = True) -> dict[str, Any] | None:
        """One card."""
        raise NotImplementedError

    def allowed_directories_for_previews(self) -> list[str]:
        """Folders whose pictures may be shown."""
        return []

    def read_user_metadata(self, item: dict[str, Any], use_cache: bool = True) -> None:
        """The notes beside the file, into the item."""
        notes = get_user_metadata(item.get("filename"))
        if notes.get("description") is not None:
            item["description"] = notes["description"]
        item["user_metadata"] = notes

    def link_preview(self, filename: str) -> str:
        """The address of a picture: beside a network, or in the folder of an extension."""
        from .paths import extensions_dir

        if Path(filename).resolve().is_relative_to(Path(extensions_dir).resolve()):
            return f"file={quote(Path(filename).as_posix())}"
        return f"./sd_extra_networks/thumb?filename={quote(filename)}"

    def search_terms_from_path(self, filename: str, possible_directories: Any = None) -> str:
        """The file below its folder."""
        for folder in possible_directories or self.allowed_directories_for_previews():
            if Path(filename).is_relative_to(folder):
                return f"/{Path(filename).relative_to(folder).as_posix()}"
        return ""

    def find_preview(self, path: str) -> str | None:
        """The picture beside a file, as an address."""
        found = self._beside(path, [f"{middle}.{ending}" for ending in _endings() for middle in (".preview", "")])
        return self.link_preview(found) if found else None

    def find_description(self, path: str) -> str | None:
        """The text beside a file."""
        found = self._beside(path, [".txt", ".description.txt"])
        return Path(found).read_text("utf-8", "replace") if found else None

    def find_embedded_preview(self, path: str, name: str, metadata: Any) -> str | None:
        """A picture inside the file: none is shown."""
        return None

    def _beside(self, path: str, endings: list[str]) -> str | None:
        return next((path + ending for ending in endings if self.lister.exists(path + ending)), None)

    def get_sort_keys(self, path: str) -> dict[str, Any]:
        """By what cards are sorted."""
        try:
            found = Path(path).stat()
            times = int(found.st_ctime), int(found.st_mtime)
        except OSError:
            times = 0, 0
        return {
            "date_created": times[0],
            "date_modified": times[1],
            "name": Path(path).name.lower(),
            "path": str(Path(path).parent).lower(),
        }

    def create_html(self, tabname: str, *, empty: bool = False) -> str:
        """The page as HTML: its cards."""
        from .bridge.page_cards import cards_html

        self.items = {item["name"]: item for item in self.list_items() if item} if not empty else {}
        return cards_html(self, tabname)

    def create_user_metadata_editor(self, ui: Any, tabname: str) -> None:
        """Notes are kept on the page of a card."""


class ExtraNetworksItem:
    """A card."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item


class ExtraNetworksUi:
    """What belongs to the cards of a tab."""

    def __init__(self) -> None:
        self.pages: list[Any] = []
        self.stored_extra_pages: list[ExtraNetworksPage] = []
        self.tabname = ""


def pages_in_preferred_order(pages: list[ExtraNetworksPage]) -> list[ExtraNetworksPage]:
    """By title."""
    return sorted(pages, key=lambda page: page.title)


def create_ui(interface: Any, unrelated_tabs: Any, tabname: str) -> ExtraNetworksUi:
    """The drawer of cards is built in."""
    made = ExtraNetworksUi()
    made.tabname, made.stored_extra_pages = tabname, list(extra_pages)
    return made


def setup_ui(ui: ExtraNetworksUi, gallery: Any) -> None:
    """The drawer of cards is built in."""


def allowed_preview_extensions() -> list[str]:
    """Endings of pictures."""
    return default_allowed_preview_extensions


def _endings() -> list[str]:
    return list(dict.fromkeys([*default_allowed_preview_extensions, *FORMATS]))
