"""Options as each person has them: where people log in, what they set holds for their jobs, over the server's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modules.studio.forms import Forms
from modules.studio.job import LOCAL
from modules.studio.request import RequestError
from modules.studio.settings import RESTRICTED_OPTIONS, Options, Settings
from modules.studio.validation import accepted_part

PAGE = "page-options"
PROGRAMS = "api-options"
"""Under these names the forms keep what a person set on the Settings page, and what their programs set."""


def is_personal(name: str) -> bool:
    """Whether each person may have this option their own way: not where files go, nor what an extension declares."""
    return name in Options.model_fields and name not in RESTRICTED_OPTIONS


class OwnOptions:
    """Layers over the server's options: a person's page has what they set there, their programs set more over it.

    Without a login nobody is told from anybody, and there is only what the server has.
    """

    def __init__(self, settings: Settings, forms: Forms) -> None:
        self.settings = settings
        self._forms = forms

    def of(self, owner: str) -> Options:
        """What a job that this person asks for on the page runs with, unless its request says otherwise."""
        return self._over(self.settings.options, owner, PAGE)

    def of_programs(self, owner: str) -> Options:
        """The same for a job that a program of this person asks for."""
        return self._over(self.of(owner), owner, PROGRAMS)

    def change(self, owner: str, values: Mapping[str, Any]) -> list[str]:
        """Sets this person's own for the page, and returns a sentence for each value that is not possible.

        What is not personal, and what is as they have it now, is left out.
        """
        return self._change(owner, PAGE, values, self.of(owner), self.settings.options)

    def change_for_programs(self, owner: str, values: Mapping[str, Any]) -> list[str]:
        """The same for this person's programs; the page keeps what it has. Without a login the server's are set.

        Raises: RequestError naming a key that is the whole server's.
        """
        if owner == LOCAL:
            return self.settings.change(values)
        now = self.settings.options.model_dump()
        for key in sorted(RESTRICTED_OPTIONS & values.keys()):
            if values[key] != now[key]:
                raise RequestError(f"{key}: it is the whole server's, whose owner changes it on the Settings page", key)
        return self._change(owner, PROGRAMS, values, self.of_programs(owner), self.of(owner))

    def forget(self, owner: str) -> None:
        """This person's page has the server's options again."""
        if self._own(owner, PAGE):
            self._forms.save(owner, PAGE, {})

    def _over(self, below: Options, owner: str, layer: str) -> Options:
        own = self._own(owner, layer)
        if not own:
            return below
        accepted, _ = accepted_part(Options, {**below.model_dump(), **own})
        return Options.model_validate({**below.model_dump(), **accepted})

    def _own(self, owner: str, layer: str) -> dict[str, Any]:
        own = self._forms.load(owner, layer) if owner != LOCAL else {}
        return {key: value for key, value in own.items() if is_personal(key)}

    def _change(self, owner: str, layer: str, values: Mapping[str, Any], present: Options, below: Options) -> list[str]:
        now, beneath = present.model_dump(), below.model_dump()
        wanted = {key: value for key, value in values.items() if is_personal(key) and value != now[key]}
        accepted, refused = accepted_part(Options, {**now, **wanted})
        read = Options.model_validate({**now, **accepted}).model_dump()
        kept = {**self._own(owner, layer), **{key: read[key] for key in wanted if key not in refused}}
        self._forms.save(owner, layer, {key: value for key, value in kept.items() if value != beneath[key]})
        return [f"{key}: {reason}" for key, reason in refused.items()]
