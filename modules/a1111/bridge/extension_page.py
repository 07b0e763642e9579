"""The page as extensions know it: all that the bridge adds to our site, and the order in which it does."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules.studio.command_line import ROOT

from .found import extension_folders
from .loaded import loaded

if TYPE_CHECKING:
    from modules.studio.app import App
    from modules.web.additions import Additions
    from modules.web.slots import Slots

    from .gradio_words.install import Taught
    from .page_building import PageBuilding
    from .page_forms import ScriptControls

WORDS = Path(__file__).parents[1]
"""A1111's own components are made in old words too."""


class ExtensionPage:
    """What has been changed for the sake of extensions' pages, until it is removed."""

    def __init__(self) -> None:
        self._taught: Taught | None = None
        self._building: PageBuilding | None = None
        self.controls: ScriptControls | None = None
        """Of the page that was built last."""
        self.site: Any = None
        """Where it is."""

    def teach(self, app: App) -> None:
        """Old Gradio is understood from now on: extensions use its words while they are loaded."""
        # Here, because Gradio takes seconds to import and a start without extensions needs it later.
        from .gradio_words.install import install
        from .page_building import PageBuilding

        self.remove()
        self._building = PageBuilding()
        self._taught = install([*extension_folders(app.folders.data), WORDS], self._building)

    def remove(self) -> None:
        """Gradio is as it was before."""
        if self._taught is not None:
            self._taught.remove()
        self._taught = self._building = self.controls = self.site = None

    def before_restart(self, restart: Callable[[], None]) -> Callable[[], None]:
        """The same, which extensions are told of before."""

        def told() -> None:
            if self._taught is not None:
                importlib.import_module("modules.script_callbacks").app_reload_callback()
            restart()

        return told

    def added_to(self, additions: Additions, app: App) -> Additions:
        """The same with all that extensions add to a page; unchanged without extensions."""
        taught, building = self._taught, self._building
        if taught is None or building is None or not any(each.enabled for each in loaded.extensions):
            return additions
        from modules.web.slots import Slots

        from .file_route import file_routes, served_folders
        from .page_forms import ScriptControls
        from .page_results import make_room
        from .page_scripts import PageScripts
        from .page_tabs import extension_tabs

        shared: Any = importlib.import_module("modules.shared")
        callbacks = importlib.import_module("modules.script_callbacks")
        pasting = importlib.import_module("modules.infotext_utils")
        scripts = PageScripts(loaded.extensions, lambda: json.loads(shared.opts.dumpjson()), _localization)

        def slots() -> Slots:
            callbacks.before_ui_callback()
            scripts.insert(taught.patches)
            scripts.words.clear()
            pasting.reset()
            self.controls = ScriptControls(building)
            built = [pasting.connect_paste_params_buttons]
            slots = Slots(forms=[self.controls], later=[partial(extension_tabs, scripts.words)], built=built)
            make_room(slots)
            slots.readers.append(_to_be_counted)
            return slots

        def started(demo: Any, site: Any) -> None:
            shared.demo, self.site = demo, site
            callbacks.app_started_callback(demo, site)

        folders = app.folders
        networks = (folders.models, folders.lora, folders.embeddings, folders.hypernetworks)
        files = file_routes((folders.data, ROOT), served_folders(folders.data, ROOT, networks))
        routes = [*additions.routes, *scripts.routes(), *files]
        return dataclasses.replace(additions, slots=slots, routes=routes, started=started)


def _to_be_counted(prompt: str, steps: int, negative: bool) -> str:
    """What extensions make of a prompt before its tokens are counted."""
    callbacks = importlib.import_module("modules.script_callbacks")
    params = callbacks.BeforeTokenCounterParams(prompt, steps, [], is_positive=not negative)
    callbacks.before_token_counter_callback(params)
    return params.prompt if isinstance(params.prompt, str) else prompt


def _localization() -> dict[str, Any]:
    """The table of words that the settings name, if there is any."""
    table: dict[str, Any] = importlib.import_module("modules.localization").table()
    return table


page = ExtensionPage()
"""The one there is: Gradio can be taught once."""
