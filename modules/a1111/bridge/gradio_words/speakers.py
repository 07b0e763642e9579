"""Who speaks old Gradio: code in the folders of extensions, told by the frame that calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakSet

import gradio

HERE = Path(__file__).parent
BETWEEN = (Path(gradio.__file__).parent, HERE)
"""Folders whose frames only pass on what others said."""


class Speakers:
    """The folders whose code is taken to mean what Gradio 3 and 4 would have made of its words."""

    def __init__(self, folders: Iterable[Path]) -> None:
        both = {path for folder in folders for path in (folder.absolute(), folder.resolve())}
        self._folders = tuple(f"{path}{os.sep}" for path in sorted(both))
        self._between = tuple(f"{path}{os.sep}" for path in BETWEEN)
        self.components: WeakSet[Any] = WeakSet()
        """The components that they made, and those that Gradio made out of these to update them."""

    def speak(self) -> bool:
        """Whether the nearest code outside of Gradio and of this folder is an extension's."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            name = frame.f_code.co_filename
            if not (name.startswith(self._between) or name.startswith("<")):
                return name.startswith(self._folders)
            frame = frame.f_back
        return False

    def made(self, component: Any) -> bool:
        """Whether this component is theirs."""
        return component is not None and component in self.components


def is_update() -> bool:
    """Whether Gradio is making a component anew from what an event's function said of it."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(8):
        if frame is None:
            return False
        if frame.f_code.co_name == "postprocess_data" and frame.f_code.co_filename.startswith(os.fspath(BETWEEN[0])):
            return True
        frame = frame.f_back
    return False
