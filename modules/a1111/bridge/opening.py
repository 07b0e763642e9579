"""Opens the bridge: the host is bound, extensions are loaded, and the engine is given what calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modules.studio.hooks import Hooks

from .found import find_extensions
from .host import host
from .loader import load_extensions

if TYPE_CHECKING:
    from modules.studio.app import App


def open_bridge(app: App) -> Sequence[Hooks]:
    """What the engine calls; nothing where there is no extension, which then costs nothing.

    To be called before the engine starts: a job that waits in the queue may name a script.
    """
    host.bind(app)
    if app.flags.extensions == "none" or not find_extensions(app):
        return ()
    load_extensions(app, wanted=app.flags.extensions)
    # Here, because the words load torch and more, of which a start without extensions needs nothing.
    from .hooks import Bridge

    return [Bridge()]
