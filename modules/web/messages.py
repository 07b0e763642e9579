"""What the server says to a person in a corner of the page: text, which the browser never reads as HTML."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr

from modules.diffusion.errors import AquatintError
from modules.web.assets_route import Assets
from modules.web.mounts import mount

QUIET: dict[str, Any] = {
    "api_visibility": "private",
    "queue": False,
    "show_progress": "hidden",
    "show_progress_on": [],
}
"""For every event of the page: not part of the API, answered at once, no spinner over the components. Were it not said
that none shows one, Gradio's page would look up, at each event, every output of all events before."""


class Said(NamedTuple):
    """An event's outputs, and something to say about them."""

    outputs: list[Any]
    text: str
    tone: str = "problem"
    """How it is said: "problem", "info" or "good"."""


def make_messages(assets: Assets) -> Any:
    """The component that shows messages; there is one on the page."""
    return mount(assets, "messages", elem_id="aquatint_messages")


def on_event(
    event: Callable[..., Any],
    function: Callable[..., list[Any] | Said],
    messages: Any,
    *,
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    **options: Any,
) -> Any:
    """Joins a component's event with `function`, which gives its outputs as a list.

    An AquatintError is shown in its own words and changes nothing. (Gradio shows a gr.Error of an event outside its
    queue to nobody, and reads it as HTML where it does.) Other errors are the program's; the page says that much.
    """

    @functools.wraps(function)
    def answer(*values: Any) -> list[Any]:
        try:
            given = function(*values)
        except AquatintError as error:
            return [*(gr.skip() for _ in outputs), _message(str(error))]
        if isinstance(given, Said):
            return [*given.outputs, _message(given.text, given.tone) if given.text else gr.skip()]
        return [*given, gr.skip()]

    joined = event(answer, inputs=list(inputs), outputs=[*outputs, messages], **{**QUIET, **options})
    joined.failure(fn=None, js="() => window.aquatint.failed()", api_visibility="private")
    return joined


def _message(text: str, tone: str = "problem") -> dict[str, Any]:
    """The moment makes two equal messages two: a component hears of changes only."""
    return {"text": text, "tone": tone, "at": time.time()}
