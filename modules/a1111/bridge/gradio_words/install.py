"""The one step that makes Gradio 6 understand Gradio 3 and 4, and the one that takes it back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from .configurations import teach_configurations
from .constructors import Announced, teach_constructors
from .events import teach_events
from .old_names import teach_names
from .patches import Patches
from .said_once import SaidOnce
from .speakers import Speakers
from .tabs import teach_tabs
from .whole_pages import teach_pages

OLD_MODULES = ("deprecation", "documentation", "inputs", "outputs")
"""Modules that are imported by their full names too."""


class Taught:
    """Old Gradio as it is understood now, until it is removed."""

    def __init__(self, patches: Patches, speakers: Speakers, modules: Sequence[str]) -> None:
        self.speakers, self.patches = speakers, patches
        self._modules = modules

    def remove(self) -> None:
        """Gradio is as it was before. Components that were made meanwhile keep what they have."""
        self.patches.undo()
        for name in self._modules:
            sys.modules.pop(name, None)


def install(folders: Sequence[Path], announced: Announced | None = None) -> Taught:
    """From now on code in `folders` is understood in Gradio's old words; `announced` is told of every component.

    What is added (names, `update`, `style`) can be seen by everybody; what changes a meaning holds for that code alone.
    """
    patches, said = Patches(), SaidOnce()
    speakers = Speakers(folders)
    teach_names(patches, speakers, said)
    teach_constructors(patches, speakers, said, announced)
    teach_events(patches, speakers, said)
    teach_pages(patches, speakers, said)
    teach_tabs(patches, speakers)
    teach_configurations(patches)
    added = [f"gradio.{name}" for name in OLD_MODULES if f"gradio.{name}" not in sys.modules]
    for name in added:
        sys.modules[name] = getattr(gr, name.partition(".")[2])
    return Taught(patches, speakers, added)
