"""diffusers and transformers, imported when something of theirs is first needed, by one thread at a time."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

_IMPORTING = threading.RLock()


def taken_from(library: str, *names: str) -> tuple[Any, ...]:
    """The things called `names` in a module of diffusers or transformers.

    Both import their parts on first use. Two threads that do it together (one loads a checkpoint, one counts the tokens
    of a prompt) see half-made modules: "cannot import name 'AutoModel' from 'transformers'".
    """
    with _IMPORTING:
        module = import_module(library)
        return tuple(getattr(module, name) for name in names)
