"""`gr.Tabs` with more in it than tabs: Gradio 6 counts that as tabs without a name, and some tabs are never drawn."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

from .patches import Patches
from .speakers import Speakers


def teach_tabs(patches: Patches, speakers: Speakers) -> None:
    """What is not a tab stands before the tabs; without any tab there are no tabs either."""
    patches.set(gr.Tabs, "__exit__", _sorted_out(vars(gr.Tabs)["__exit__"], speakers))


def _sorted_out(leave: Callable[..., Any], speakers: Speakers) -> Callable[..., Any]:
    @functools.wraps(leave)
    def sorted_out(self: Any, *args: Any) -> Any:
        others = [child for child in self.children if not isinstance(child, gr.Tab)]
        if others and speakers.speak() and self.parent is not None and self in self.parent.children:
            self.children = [child for child in self.children if isinstance(child, gr.Tab)]
            place = self.parent.children.index(self)
            self.parent.children[place:place] = others
            for child in others:
                child.parent = self.parent
        left = leave(self, *args)
        if others and not self.children:
            self.unrender()
        return left

    return sorted_out
