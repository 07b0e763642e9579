"""What the page loads for extensions: A1111's words for scripts, then the extensions' own scripts and styles."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modules.web.answers import json_answer
from modules.web.assets_route import read_assets

from .found import Found
from .gradio_words.patches import Patches
from .page_words import PageWords
from .theme import added_style

FOLDER = Path(__file__).with_name("page")
SCRIPTS = (
    *("selectors.js", "events.js", "words.js", "tools.js", "img2img.js", "cards.js"),
    *("results.js", "lightbox.js", "places.js", "open_tab.js", "mounting.js"),
)
"""In this order: each may use what the ones before it have defined."""
MANY = "many_events.js"
STYLES = "words.css"
PREFIX = "aquatint/a1111"

Options = Callable[[], Mapping[str, Any]]


class PageScripts:
    """The scripts and styles of the extensions that are on; without any script, the page has none of A1111's either."""

    def __init__(self, extensions: Sequence[Found], options: Options, localization: Options = dict) -> None:
        on = [each for each in extensions if each.enabled]
        self.scripts = [path for each in on for path in each.files("javascript", ".js")]
        self.modules = [path for each in on for path in each.files("javascript", ".mjs")]
        self.styles = [path for each in on if (path := each.path / "style.css").is_file()]
        self._extensions = {each.name: each.path for each in on}
        self.words = PageWords()
        """What their tabs say of the whole page."""
        self._options, self._localization = options, localization
        self._assets = read_assets(FOLDER)

    def head(self) -> str:
        """What comes before </head>. Each script is an element of its own, so one that fails stops no other."""
        own = [f'<script src="{self._address(name)}"></script>' for name in SCRIPTS]
        tables = (("window.aquatintOptions", self._options()), ("localization", self._localization()))
        given = " ".join(f"{name} = {_inline(table)};" for name, table in tables)
        theirs = [f'<script type="text/javascript" src="{self._file(path)}"></script>' for path in self.scripts]
        theirs += [f'<script type="module" src="{self._file(path)}"></script>' for path in self.modules]
        first = f'<script src="{self._address(MANY)}"></script><link rel="stylesheet" href="{self._address(STYLES)}">'
        scripts = [*own, f"<script>{given}</script>", *theirs] if theirs else []
        style = f"<style>{added}</style>" if (added := added_style()) else ""
        return "\n".join([first, *scripts, style, self.words.head(), ""])

    def tail(self) -> str:
        """What comes before </body>, as in A1111: what styles say of Gradio's own properties comes after Gradio."""
        styles = (f'<link rel="stylesheet" property="stylesheet" href="{self._file(path)}">' for path in self.styles)
        return "\n".join([*styles, ""])

    def routes(self) -> list[Route]:
        """The words themselves, and the options that hold now."""

        def options(request: Request) -> Response:
            return json_answer(dict(self._options()), headers={"Cache-Control": "no-store"})

        return [
            Route(f"/{PREFIX}/options", options, methods=["GET"]),
            Route("/file=config.json", options, methods=["GET"]),  # where scripts read them in A1111
            Route(f"/{PREFIX}/words/{{version}}/{{name}}", self._assets.serve, methods=["GET"]),
        ]

    def insert(self, patches: Patches) -> None:
        """Into Gradio's page, as the server sends it: what Gradio's own page adds comes too late for scripts that wait
        for DOMContentLoaded."""
        templates = gradio.routes.templates
        answer = templates.TemplateResponse

        def with_scripts(*args: Any, **given: Any) -> Any:
            page = answer(*args, **given)
            page.body = page.body.replace(b"</head>", f"{self.head()}</head>".encode(), 1)
            before, end, after = page.body.rpartition(b"</body>")
            page.body = before + self.tail().encode() + end + after
            page.init_headers()
            return page

        patches.set(templates, "TemplateResponse", with_scripts)

    def _address(self, name: str) -> str:
        self._assets.files[name]
        return f"{PREFIX}/words/{self._assets.version}/{name}"

    def _file(self, path: Path) -> str:
        """As A1111 addresses a file: its time of change makes a new address for a new version."""
        for name, folder in self._extensions.items():
            if path.is_relative_to(folder):
                below = path.relative_to(folder).as_posix()
                return html.escape(f"file=extensions/{quote(name)}/{quote(below)}?{path.stat().st_mtime}")
        raise AssertionError(f"{path} belongs to no extension")


def _inline(value: Mapping[str, Any]) -> str:
    """JSON that may stand within a script element."""
    return json.dumps(dict(value), default=str).replace("<", "\\u003c")
