"""What an extension's own gr.Blocks says about the whole page: `css=`, `js=` and `head=`."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

SAID = "aquatint_page_words"
"""Under this name a gr.Blocks keeps what it was made with."""
WORDS = ("css", "js", "head")
ELSEWHERE = re.compile(
    r"""(?:src|href)\s*=\s*["']?\s*(?:[a-z][a-z0-9+.-]*:)?//[^"'\s>]*|@import|url\(\s*["']?(?:[a-z]+:)?//""", re.I
)
"""An address of another machine: nothing is fetched from there, which the page's own policy sees to as well."""


class PageWords:
    """What the tabs of one page have said, for its <head>."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def take(self, blocks: Any, extension: str, folder: Path | None) -> None:
        """Of a tab that is drawn. A file that is named is read when it is the extension's own."""
        said = getattr(blocks, SAID, {})
        css, js, head = (_text(said.get(word), folder) for word in WORDS)
        if css:
            self._add(f"<style>{_within(css, 'style')}</style>")
        if js:
            run = f"window.addEventListener('load', () => {{ ({_within(js, 'script')})(); }});"
            self._add(f"<script>{run}</script>")
        if head and (found := ELSEWHERE.search(head)):
            log.warning(
                "What %s wants in the page's head is left out: it names another machine (%.80s).", extension, found[0]
            )
        elif head:
            self._add(head)

    def clear(self) -> None:
        """The page is built anew."""
        self._parts.clear()

    def head(self) -> str:
        """All of it."""
        return "\n".join(self._parts)

    def _add(self, part: str) -> None:
        if part not in self._parts:
            self._parts.append(part)


def _within(text: str, element: str) -> str:
    """Such that it does not end the element that it stands in."""
    return re.sub(rf"</(?={element})", r"<\\/", text, flags=re.I)


def _text(said: Any, folder: Path | None) -> str:
    """A text, or that of a file."""
    if isinstance(said, list | tuple):
        return "\n".join(filter(None, (_text(each, folder) for each in said)))
    if not isinstance(said, str | Path) or not str(said).strip():
        return ""
    text = str(said)
    if "\n" in text or len(text) > 1000 or folder is None or not text.endswith((".css", ".js", ".html")):
        return text
    path = (folder / text).resolve()
    return path.read_text("utf-8", "replace") if path.is_relative_to(folder.resolve()) and path.is_file() else ""
