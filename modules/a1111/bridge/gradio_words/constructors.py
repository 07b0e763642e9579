"""How components are made: in old words where an extension speaks, and announced to whoever asked for it."""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable
from inspect import signature
from typing import Any, Protocol

import gradio as gr
from gradio import component_meta
from gradio.blocks import Block, BlockContext
from gradio.context import LocalContext, get_blocks_context

from .any_label import take_anything
from .keywords import UNSEEN, known, translated
from .kinds import kinds_of
from .patches import Patches
from .said_once import SaidOnce
from .sessions import gradios_part, is_made_anew, teach_sessions
from .sketch import TOOLS, LastFew, sketch_class, sketch_keywords
from .speakers import Speakers, is_update

FORGIVING = (gr.Dropdown, gr.Radio, gr.CheckboxGroup, gr.Slider, gr.Number)
"""Components that refuse what they did not offer; they used to hand it on."""


class Announced(Protocol):
    """Who is told of every component and layout while the page is built."""

    def elem_id(self, asked: str) -> str:
        """The elem_id that an extension's component gets."""

    def before(self, component: Any, given: dict[str, Any]) -> None:
        """It is about to be made with these keywords."""

    def after(self, component: Any, given: dict[str, Any]) -> None:
        """It is made, and in its place."""


def teach_constructors(patches: Patches, speakers: Speakers, said: SaidOnce, announced: Announced | None) -> None:
    """Every class that Gradio has is made in old words; classes made later from these too."""
    patches.set(component_meta, "create_or_modify_pyi", lambda *about: None)  # it writes beside extensions' files
    patches.set(gr.blocks_events, "create_or_modify_pyi", lambda *about: None)
    for kind in set(kinds_of(Block)) - set(kinds_of(gr.Blocks)) - {gr.Blocks}:
        if "__init__" in vars(kind) and kind is not BlockContext:
            patches.set(kind, "__init__", _in_old_words(kind, vars(kind)["__init__"], speakers, said))
    patches.set(component_meta.ComponentMeta, "__call__", _maker(speakers, said, announced))
    patches.set(Block, "get_component_class_id", classmethod(_class_id(Block.get_component_class_id.__func__)))
    _forgive(patches, speakers)
    teach_sessions(patches, speakers)
    _show_and_hide(patches, speakers)


def _in_old_words(kind: Any, make: Callable[..., None], speakers: Speakers, said: SaidOnce) -> Callable[..., None]:
    @functools.wraps(make)
    def __init__(self: Any, /, *args: Any, **given: Any) -> None:
        if speakers.speak():
            if "tooltip" in given:
                self.webui_tooltip = given.pop("tooltip")
            given = translated(kind, given, said)
        elif not issubclass(kind, gr.HTML) and is_update():
            given = known(kind, given, said)
        make(self, *args, **given)

    return __init__


def _maker(speakers: Speakers, said: SaidOnce, announced: Announced | None) -> Callable[..., Any]:
    """What `Kind(...)` does: A1111 announces each component before and after, and gives it a class by its name."""
    sketch = sketch_class()

    def __call__(kind: Any, /, *args: Any, **given: Any) -> Any:
        theirs = speakers.speak()
        if theirs and kind is gr.Image and given.get("tool") in TOOLS:
            tool, words = given.pop("tool"), sketch_keywords(given)
            kind, given = sketch, {"tool": tool, **translated(gr.ImageMask, words, said)}
        if theirs and announced is not None and given.get("elem_id"):
            given["elem_id"] = announced.elem_id(given["elem_id"])
        if "value" not in given and _insists_on_value(kind) and is_update():
            given["value"] = None  # Gradio leaves it out
        component = kind.__new__(kind, *args, **given)
        tell = announced is not None and _is_building()
        named = _named(kind, args, given) if tell else {}
        if tell and announced is not None:
            announced.before(component, named)
        if is_made_anew(sys._getframe(1)):
            gradios_part(kind).__init__(component, *args, **given)
        else:
            component.__init__(*args, **given)
        if isinstance(component, gr.ImageEditor):
            component.blob_storage = LastFew()
        if theirs:
            speakers.components.add(component)
            take_anything(component)
        if tell and announced is not None:
            announced.after(component, named)
        return component

    return __call__


def _insists_on_value(kind: Any) -> bool:
    value = signature(kind.__init__).parameters.get("value")
    return value is not None and value.default is value.empty


def _is_building() -> bool:
    return get_blocks_context() is not None and not LocalContext.in_event_listener.get(False)


def _named(kind: Any, args: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
    """All arguments by name; extensions look for these three without asking whether they are there."""
    names = [name for name in signature(kind.__init__).parameters if name != "self"]
    return {"elem_id": None, "label": None, "value": None, **dict(zip(names, args, strict=False)), **given}


def _class_id(by_file: Callable[..., str]) -> Callable[..., str]:
    """Gradio names a class after the file of its module; code that was loaded by hand has no such module."""

    def get_component_class_id(kind: Any) -> str:
        try:
            return by_file(kind)
        except (TypeError, OSError):
            return hashlib.sha256(f"{kind.__module__}_{kind.__name__}".encode()).hexdigest()

    return get_component_class_id


def _forgive(patches: Patches, speakers: Speakers) -> None:
    for kind in FORGIVING:
        patches.set(kind, "preprocess", _forgiving(vars(kind)["preprocess"], speakers))


def _forgiving(preprocess: Callable[..., Any], speakers: Speakers) -> Callable[..., Any]:
    @functools.wraps(preprocess)
    def forgiving(self: Any, payload: Any) -> Any:
        try:
            return preprocess(self, payload)
        except (gr.Error, TypeError, ValueError):
            if not speakers.made(self):
                raise
            return payload

    return forgiving


def _show_and_hide(patches: Patches, speakers: Speakers) -> None:
    """`gr.update(visible=...)` of an extension's layout takes the class away or gives it back."""
    processed = gr.blocks.postprocess_update_dict

    @functools.wraps(processed)
    def postprocess_update_dict(block: Any, *args: Any, **given: Any) -> dict[str, Any]:
        update: dict[str, Any] = processed(block, *args, **given)
        if "visible" not in update or not isinstance(block, BlockContext) or not speakers.made(block):
            return update
        classes = [name for name in block.elem_classes if name != UNSEEN]
        return {**update, "visible": True, "elem_classes": classes if update["visible"] else [*classes, UNSEEN]}

    patches.set(gr.blocks, "postprocess_update_dict", postprocess_update_dict)
