"""The classes of components that Gradio itself defines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def kinds_of(kind: Any) -> Iterator[Any]:
    """All that derive from it; those of extensions follow by inheriting."""
    for derived in kind.__subclasses__():
        if derived.__module__.partition(".")[0] == "gradio":
            yield derived
            yield from kinds_of(derived)
