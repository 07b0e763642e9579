"""What extensions hear while the page is built: each component before and after it is made, tab by tab."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradio.context import Context

from .script_runner import ScriptRunner

OF_IMG2IMG = "inpaint"
"""A1111's inpaint is a part of its img2img; here it is a tab, whose components scripts know by img2img's names."""
NAMED_AFTER_THEIR_KIND = {"gradio-html", "gradio-state"}


class PageBuilding:
    """Told of all components by `gradio_words`; it knows which tab is being built and whose scripts are to hear."""

    def __init__(self) -> None:
        self._tab = ""
        self._runner: ScriptRunner | None = None
        self._ids: set[str] = set()
        self.built: dict[str, Any] = {}
        """The components of the tab, by what follows the tab's name in their elem_ids."""

    @contextmanager
    def of(self, tab: str, runner: ScriptRunner) -> Iterator[None]:
        """While the block lasts, components belong to a tab of the form."""
        self.opens(tab, runner)
        try:
            yield
        finally:
            self.closes()

    def opens(self, tab: str, runner: ScriptRunner) -> None:
        """From now on components belong to this tab."""
        self._tab, self._runner, self.built = tab, runner, {}
        _scripts().scripts_current = runner

    def closes(self) -> None:
        """From now on they belong to no form."""
        self._tab, self._runner = "", None
        _scripts().scripts_current = None

    def elem_id(self, asked: str) -> str:
        """The elem_id that a script's component gets: in inpaint those of img2img are taken already."""
        if self._tab != OF_IMG2IMG or asked not in self._ids:
            return asked
        named = asked.replace("img2img", OF_IMG2IMG)
        return named if named != asked else f"{OF_IMG2IMG}_{asked}"

    def before(self, component: Any, given: dict[str, Any]) -> None:
        """A component is about to be made."""
        if self._runner is not None:
            self._runner.before_component(component, **self._as_known(given))
        _callbacks().before_component_callback(component, **given)

    def after(self, component: Any, given: dict[str, Any]) -> None:
        """A component was made."""
        if given.get("elem_id"):
            self._ids.add(given["elem_id"])
            self.built.setdefault(str(given["elem_id"]).removeprefix(f"{self._tab}_"), component)
        _add_classes(component)
        _callbacks().after_component_callback(component, **given)
        if self._runner is not None:
            self._runner.after_component(component, **self._as_known(given))

    def _as_known(self, given: dict[str, Any]) -> dict[str, Any]:
        """By the name that a script of img2img looks for."""
        elem_id = given.get("elem_id")
        if self._tab != OF_IMG2IMG or not isinstance(elem_id, str):
            return given
        return {
            **given,
            "elem_id": elem_id.replace(OF_IMG2IMG, "img2img", 1) if elem_id.startswith(OF_IMG2IMG) else elem_id,
        }


def _scripts() -> Any:
    return importlib.import_module("modules.scripts")


def _callbacks() -> Any:
    return importlib.import_module("modules.script_callbacks")


def _add_classes(component: Any) -> None:
    """A1111's styles know components by their kind."""
    if not hasattr(component, "elem_classes"):
        return
    known = list(component.elem_classes or [])
    added = [f"gradio-{component.get_block_name()}"]
    added += ["multiselect"] if getattr(component, "multiselect", False) else []
    component.elem_classes = [*known, *(name for name in added if name not in known)]


@contextmanager
def apart() -> Iterator[None]:
    """While the block lasts, Gradio knows of no page: what is built is one of its own."""
    before = Context.root_block, Context.block
    Context.root_block = Context.block = None
    try:
        yield
    finally:
        Context.root_block, Context.block = before
