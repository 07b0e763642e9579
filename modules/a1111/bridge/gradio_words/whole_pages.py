"""`gr.Blocks` as such: queues, launches and constructors that were told more than they are told now."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import BlockContext

from ..page_words import SAID, WORDS
from .patches import Patches
from .said_once import SaidOnce
from .speakers import Speakers

MOVED = ("theme", "css", "css_paths", "js", "head", "head_paths")
"""What a page is given when it is launched now; the constructor takes it still, and says so."""
RENAMED = {"concurrency_count": "default_concurrency_limit"}


def teach_pages(patches: Patches, speakers: Speakers, said: SaidOnce) -> None:
    """The methods of a whole page leave out what they do not know."""
    for name in ("__init__", "queue", "launch"):
        patches.set(gr.Blocks, name, _forgetful(vars(gr.Blocks)[name], name, speakers, said))


def _forgetful(method: Callable[..., Any], name: str, speakers: Speakers, said: SaidOnce) -> Callable[..., Any]:
    parameters = inspect.signature(method).parameters
    takes_all = name != "__init__" and any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    known = {*parameters, *(inspect.signature(BlockContext.__init__).parameters if name == "__init__" else ()), *MOVED}

    @functools.wraps(method)
    def forgetful(self: Any, *args: Any, **given: Any) -> Any:
        if not speakers.speak():
            return method(self, *args, **given)
        words = {RENAMED.get(word, word): value for word, value in given.items()}
        if name == "__init__":
            vars(self)[SAID] = {word: words.pop(word) for word in WORDS if word in words}
        taken = words if takes_all else {word: value for word, value in words.items() if word in known}
        for word in words.keys() - taken.keys():
            said.say(f"Gradio has no {word}= for Blocks.{name} any more; it is left out.")
        return method(self, *args, **taken)

    return forgetful
