"""The Extensions tab's desk over the bridge: what is found, how it behaves, which words it may use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from modules.studio.extension_packages import overlay_of, sites
from modules.studio.extension_process import Halt
from modules.studio.extension_trial import Trial, run_trial
from modules.studio.extension_words import read_words
from modules.studio.extensions import Extensions
from modules.web.extension_desk import Desk

from .approval import approval
from .containment import containment
from .found import find_extensions

if TYPE_CHECKING:
    from modules.studio.app import App

WORDS = Path(__file__).parents[1]


def extensions_of(app: App) -> Extensions:
    """All that can be asked and changed."""
    state = app.folders.state
    return Extensions(
        app.folders, lambda: find_extensions(app), containment, read_words(WORDS), approval.records(state)
    )


def make_desk(app: App, restart: Callable[[], None] | None = None) -> Desk:
    """What the tab and its routes stand on."""
    state = app.folders.state

    def trial(folder: Path, name: str, halt: Halt) -> Trial:
        return run_trial(folder, name, sites(overlay_of(state, name)), halt=halt)

    return Desk(extensions_of(app), trial, restart)
