"""Opens the bridge: the host is bound, extensions are loaded, and the engine is given what calls them."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modules.diffusion.errors import AquatintError
from modules.studio import stand_ins
from modules.studio.extension_flags import read_extension_flags
from modules.studio.files import write_atomically
from modules.studio.hooks import Hooks

from . import older_packages, pydantic_words, stubs
from .approval import approval
from .containment import containment
from .extension_page import page
from .found import Found, find_extensions
from .host import host
from .loader import load_extensions

if TYPE_CHECKING:
    from modules.studio.app import App

log = logging.getLogger(__name__)


def open_bridge(app: App, report: Callable[[str], None] = lambda text: None) -> Sequence[Hooks]:
    """What the engine calls; nothing where there is no extension, which then costs nothing. `report` hears whose turn
    it is to be loaded.

    To be called before the engine starts: a job that waits in the queue may name a script.
    """
    host.bind(app)
    containment.open(app.folders.state / "extensions.json")
    found = find_extensions(app)
    if app.flags.extensions == "none" or not found:
        return ()
    approval.bring_packages(app.folders.state, [each.name for each in found if each.enabled])
    _read_flags(app, [each for each in found if each.enabled])
    stubs.install()
    stand_ins.install()
    pydantic_words.teach()
    older_packages.teach()
    page.teach(app)
    _make_what_a1111_has(app)
    load_extensions(app, wanted=app.flags.extensions, report=report)
    _begin_pages_of_cards()
    importlib.import_module("modules.sd_hijack").list_optimizers()
    importlib.import_module("modules.sd_unet").list_unets()
    importlib.import_module("modules.script_callbacks").ui_settings_callback()
    if not app.settings.path.exists():
        with _told():
            app.settings.keep({})
    # Here, because the words load torch and more, of which a start without extensions needs nothing.
    from ..upscaler import bring_theirs
    from .hooks import Bridge
    from .networks import RegisteredNetworks

    bring_theirs()
    return [Bridge(), RegisteredNetworks()]


def _begin_pages_of_cards() -> None:
    """The pages of A1111's own networks come first; extensions add to them, and ask for them in their settings."""
    pages = importlib.import_module("modules.ui_extra_networks")
    pages.initialize()
    pages.register_default_pages()


def _make_what_a1111_has(app: App) -> None:
    """Files and folders that extensions read without asking whether they are there; the settings are one more."""
    with _told():
        (app.folders.data / "localizations").mkdir(exist_ok=True)
        widgets = app.folders.data / "ui-config.json"  # of forms that differ from what they begin with: none
        if not widgets.exists():
            write_atomically(widgets, b"{}")


@contextmanager
def _told() -> Iterator[None]:
    """A disk that is full or not to be written on is said, and costs extensions what they look for."""
    try:
        yield
    except (OSError, AquatintError) as error:
        log.warning("What extensions look for cannot be made: %s", error)


def _read_flags(app: App, found: Sequence[Found]) -> None:
    """What their preload.py add to the command line becomes part of A1111's cmd_opts."""
    wanted = [each for each in found if app.flags.extensions == "all" or each.builtin]
    preloads = [(each.name, each.path / "preload.py") for each in wanted if (each.path / "preload.py").is_file()]
    if preloads:
        values, told = read_extension_flags(preloads, app.flags.unknown, containment.guard)
        importlib.import_module("modules.shared_cmd_options").cmd_opts.take(values)
        for text in told:
            log.warning(text)
