"""What others bring to the site: parts of the page, routes, and a word before the page is mounted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute

from modules.web.extension_desk import Desk
from modules.web.http_extensions import NoScripts, ScriptsAtHand
from modules.web.slots import Slots


def nothing(page: Any, site: FastAPI) -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Additions:
    """Everything that a ring further out gives the site when it is built."""

    slots: Callable[[], Slots] = Slots
    """Called when the page is about to be built."""
    routes: Sequence[BaseRoute] = ()
    """Behind our own, before the page."""
    desk: Desk | None = None
    """With it there is a tab for extensions."""
    scripts: ScriptsAtHand = field(default_factory=NoScripts)
    """What the HTTP API may name."""
    started: Callable[[Any, FastAPI], None] = nothing
    """Called with the page (None for an API alone) and the site, when only the page is still to be mounted."""
