"""Components that Gradio makes anew for a session that has changed them: still an extension's, and nothing more."""

from __future__ import annotations

import functools
from types import FrameType
from typing import Any

from gradio import blocks
from gradio.blocks import Block, BlockContext
from gradio.state_holder import SessionState

from .patches import Patches
from .speakers import Speakers


def teach_sessions(patches: Patches, speakers: Speakers) -> None:
    """What a session changes stays what it was."""
    patches.set(Block, "constructor_args", property(_given_to_gradio))
    keep = vars(SessionState)["__setitem__"]

    @functools.wraps(keep)
    def __setitem__(self: Any, key: int, value: Any) -> None:
        first = self.blocks_config.blocks.get(key)
        if isinstance(value, Block) and speakers.made(first):
            speakers.components.add(value)
            for name, given in vars(first).items():  # by constructors that a copy is made without
                vars(value).setdefault(name, given)
            if value.visible is False and value.elem_id and not isinstance(value, BlockContext):
                value.visible = "hidden"
        keep(self, key, value)

    patches.set(SessionState, "__setitem__", __setitem__)


def is_made_anew(caller: FrameType) -> bool:
    """Whether it is Gradio that makes a component, of what an earlier one of the same class was given."""
    return bool(caller.f_globals.get("__name__") == blocks.__name__)


def gradios_part(kind: type) -> Any:
    """The class of Gradio's that a class derives from. A constructor of an extension's may join events and make
    further components, which are there already: a copy for a session is made without it."""
    return next(each for each in kind.__mro__ if _is_gradios(each))


def _is_gradios(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "gradio"


def _given_to_gradio(block: Block) -> dict[str, Any]:
    """What Gradio's own constructor was given, which an extension's may have filled in itself."""
    given = getattr(block, "_constructor_args", None) or [{}]  # a row for each constructor, the outermost first
    theirs = [kind for kind in type(block).__mro__ if not _is_gradios(kind) and "__init__" in vars(kind)]
    return dict(given[min(len(theirs) - (object in theirs), len(given) - 1)])
