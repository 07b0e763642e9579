"""The keywords of events: `_js`, `every`, names in the API; an extension's events are nobody's business but its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.events import EventListener

from .kinds import kinds_of
from .patches import Patches
from .said_once import SaidOnce
from .speakers import Speakers


def teach_events(patches: Patches, speakers: Speakers, said: SaidOnce) -> None:
    """Events of all classes, those of classes to come, `.then` and its kin, and `gr.on`."""
    setup = EventListener._setup

    def _setup(*args: Any, **given: Any) -> Any:
        return _in_old_words(setup(*args, **given), speakers, said)

    patches.set(EventListener, "_setup", staticmethod(_setup))
    for kind in {Block, *kinds_of(Block)}:
        for name, member in list(vars(kind).items()):
            if callable(member) and hasattr(member, "event_name") and hasattr(member, "has_trigger"):
                patches.set(kind, name, _in_old_words(member, speakers, said))
    on = _in_old_words(gr.on, speakers, said)
    for module in (gr, gr.events):
        patches.set(module, "on", on)


def event_keywords(given: dict[str, Any], parameters: set[str], said: SaidOnce) -> dict[str, Any]:
    """What an event is joined with today."""
    words = dict(given)
    if "_js" in words:
        words["js"] = words.pop("_js")
    words.pop("show_api", None)
    if words.get("api_name") is False:
        words["api_name"] = None
    words.setdefault("api_visibility", "private")
    if words.get("show_progress", "full") in (False, "hidden"):
        words |= {"show_progress": "hidden", "show_progress_on": []}  # else the page goes through all outputs
    for name in words.keys() - parameters:
        said.say(f"Gradio has no {name}= for events any more; it is left out.")
    return {name: value for name, value in words.items() if name in parameters}


def _in_old_words(listener: Callable[..., Any], speakers: Speakers, said: SaidOnce) -> Callable[..., Any]:
    parameters = set(inspect.signature(listener).parameters)

    @functools.wraps(listener)
    def joined(*args: Any, **given: Any) -> Any:
        if not speakers.speak():
            return listener(*args, **given)
        every = given.pop("every", None)
        words = event_keywords(given, parameters, said)
        dependency = listener(*args, **words)
        if every:
            _repeat(listener, dependency, every, args, words)
        return dependency

    return joined


def _repeat(listener: Any, dependency: Any, every: Any, args: tuple[Any, ...], words: dict[str, Any]) -> None:
    """Again every so many seconds: at once for the page's own events, after the first time for a component's."""
    at_once = listener.event_name == "load"
    timer = every if isinstance(every, gr.Timer) else gr.Timer(every, active=at_once)
    if not at_once:
        dependency.then(lambda: gr.Timer(active=True), outputs=[timer], api_visibility="private")
    timer.tick(*args[1:], **{name: value for name, value in words.items() if name != "trigger_mode"})
