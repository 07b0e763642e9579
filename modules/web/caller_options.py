"""The options as each caller of the HTTP API has set them: people who log in have their own, over the server's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modules.studio.app import App
from modules.studio.job import LOCAL
from modules.studio.request import RequestError
from modules.studio.settings import RESTRICTED_OPTIONS, Options
from modules.studio.validation import accepted_part

FORM = "api-options"
"""Under this name the forms keep them."""


def options_of(app: App, owner: str) -> Options:
    """What a job of this caller runs with, unless its request says otherwise."""
    server = app.settings.options
    own = _own(app, owner)
    if not own:
        return server
    accepted, _ = accepted_part(Options, {**server.model_dump(), **own})
    return Options.model_validate({**server.model_dump(), **accepted})


def change_options(app: App, owner: str, values: Mapping[str, Any]) -> list[str]:
    """Sets what differs from what the caller has now, and returns a sentence for each key that was ignored.

    Without a login nobody is told from anybody, and the server's options are set. With one, nobody's change reaches
    another's job; what concerns the whole server is set on its Settings page.
    Raises: RequestError naming a key that is not the caller's to change.
    """
    if owner == LOCAL:
        return app.settings.change(values)
    server, present = app.settings.options.model_dump(), options_of(app, owner).model_dump()
    wanted = {key: value for key, value in values.items() if key in present and value != present[key]}
    for key in sorted(RESTRICTED_OPTIONS & wanted.keys()):
        raise RequestError(f"{key}: it is the whole server's, and changed on its Settings page", key)
    accepted, refused = accepted_part(Options, {**present, **wanted})
    read = Options.model_validate({**present, **accepted}).model_dump()
    kept = {**_own(app, owner), **{key: read[key] for key in wanted if key not in refused}}
    app.forms.save(owner, FORM, {key: value for key, value in kept.items() if value != server.get(key)})
    return [f"{key}: {reason}" for key, reason in refused.items()]


def _own(app: App, owner: str) -> dict[str, Any]:
    own = app.forms.load(owner, FORM) if owner != LOCAL else {}
    return {key: value for key, value in own.items() if key in Options.model_fields and key not in RESTRICTED_OPTIONS}
