"""The form of a tab: its widgets' values to a request and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr

from modules.diffusion.checkpoint import Checkpoint
from modules.studio.app import App
from modules.studio.request import Request, read_request
from modules.web.field import OVERRIDES, Field
from modules.web.field_rows import FIELDS, QUICK
from modules.web.form_parts import FormParts

PARTS = "parts"
"""Under this name the form keeps what others add to it."""


class Filled(NamedTuple):
    """What filling in a form comes to."""

    updates: list[Any]
    """One for each field of the form, in its order."""
    problems: list[str]
    """A sentence for each value that the form cannot show as it is."""


@dataclasses.dataclass(frozen=True)
class Form:
    """The parameters of one tab, in the order in which the page's events carry their values."""

    tab: str
    parts: FormParts = dataclasses.field(default_factory=lambda: FormParts(""))
    """What others add to it; its values come after those of the fields."""

    @property
    def fields(self) -> tuple[Field, ...]:
        return (*QUICK, *(field for field in FIELDS if self.tab in field.tabs))

    def read(self, values: Sequence[Any], owner: str | None = None) -> Request:
        """The widgets' values as a request; what overrides settings is in its `override_settings`. Parts that others
        add are read when it is known whose request it is: pictures in them are kept for that person.

        Raises: RequestError in words for the person who filled in the form.
        """
        request: dict[str, Any] = {}
        overrides: dict[str, Any] = {}
        own, others = self._split(values)
        for row, value in zip(self.fields, own, strict=True):
            (overrides if row.option else request).update(row.values(value))
        request[OVERRIDES] = {**request[OVERRIDES], **overrides}
        further = self.parts.read(others, owner) if owner is not None else {}
        return read_request(self.tab, request | further)

    def remembered(self, values: Sequence[Any]) -> dict[str, Any]:
        """The widgets' values by name, as the server keeps them between visits."""
        own, others = self._split(values)
        kept = {row.name: value for row, value in zip(self.fields, own, strict=True)}
        return {**kept, PARTS: self.parts.remembered(others)} if self.parts else kept

    def _split(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """The fields' values, and those of the parts that others add."""
        end = len(self.fields)
        return (values[:end], values[end:]) if self.parts else (values, ())

    def recalled(self, saved: Mapping[str, Any], app: App) -> list[dict[str, Any]]:
        """Updates that show what `remembered` gave, and today's choices; what is missing or no longer possible gets
        its default."""
        start = {field.name: field.default for field in self.fields} | defaults(app)
        updates = []
        for field in self.fields:
            kept = field.clean(saved[field.name], app) if field.name in saved else None
            updates.append(_update(field, app, start[field.name] if kept is None else kept))
        return [*updates, *self.parts.recalled(saved.get(PARTS))]

    def filled(self, values: Mapping[str, Any], app: App, infotext: str = "") -> Filled:
        """Shows a request's fields and options, and in the parts of others what the infotext says of them; widgets of
        which they say nothing stay as they are."""
        updates, problems = [], []
        for field in self.fields:
            asked = field.widget_value(values)
            shown = None if asked is None else field.clean(asked, app)
            if shown != asked:
                problems.append(f"{field.label}: {asked} cannot be had here, so it is {shown}.")
            updates.append(_update(field, app, shown) if field.is_said(values) else gr.skip())
        others = self.parts.filled(infotext) if infotext else [gr.skip() for _ in self.parts.components]
        return Filled([*updates, *others], problems)


def _update(field: Field, app: App, value: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if field.free and field.choices is not None:
        changes["choices"] = field.choices(app)
    if field.kind == "overrides":
        changes = {"choices": value, "visible": bool(value)}
    update: dict[str, Any] = gr.update(value=value, **changes)
    return update


def defaults(app: App) -> dict[str, Any]:
    """The values that depend on what is installed: the checkpoint that is used, and its size."""
    checkpoint = chosen_checkpoint(app)
    if checkpoint is None:
        return {}
    side = checkpoint.native_size
    return {"sd_model_checkpoint": checkpoint.name, "width": side, "height": side}


def chosen_checkpoint(app: App, name: str = "") -> Checkpoint | None:
    """The checkpoint of that name, else the one that the settings name, else the first; None when there is none."""
    known = {checkpoint.name: checkpoint for checkpoint in app.store.checkpoints}
    first = next(iter(known.values()), None)
    return known.get(name) or known.get(app.settings.options.sd_model_checkpoint) or first
