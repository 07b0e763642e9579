"""`gr.Image(tool="sketch")`: a picture to paint on, handed on as the picture and the mask, as Gradio 3 did."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

SKETCH, COLOURS = "sketch", "color-sketch"
TOOLS = (SKETCH, COLOURS)
"""Other tools ("editor", "select") cropped; there they are plain pictures."""
WHITE = "#ffffff"
PAINTINGS = 16


class LastFew(dict[str, Any]):
    """What was painted and is on its way, by the page's own ids. Gradio would keep all of it as long as it runs, and
    lose a part of what arrives at once."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def get(self, key: str, default: Any = None) -> Any:
        """As of any dictionary; a default that is something stays."""
        if default is None:
            return super().get(key)
        with self._lock:
            kept = self.setdefault(key, default)
            while len(self) > PAINTINGS:
                del self[next(iter(self))]
            return kept


def sketch_class() -> Any:
    """The component; it is made while Gradio's habit of writing a .pyi beside each new class is switched off."""

    class SketchImage(gr.ImageMask):  # type: ignore[misc]  # Gradio has no types that mypy may follow
        """What is painted on it is white on black in the mask, or part of the picture with tool="color-sketch"."""

        def __init__(self, value: Any = None, *, tool: str = SKETCH, **kwargs: Any) -> None:
            self.tool = tool
            self.type: str
            super().__init__(value, **kwargs)

        def get_block_name(self) -> str:
            return "imageeditor"

        def get_block_class(self) -> str:
            return "imageeditor"

        def preprocess(self, payload: Any) -> Any:
            kind: str = self.type
            self.type = "pil"
            try:
                painted = super().preprocess(payload)
            finally:
                self.type = kind
            return None if painted is None else _as_before(painted, self.tool, self._in_type)

        def _in_type(self, picture: Image.Image) -> Any:
            if self.type == "numpy":
                return np.asarray(picture)
            return self._saved(picture) if self.type == "filepath" else picture

        def _saved(self, picture: Image.Image) -> str:
            path: str = gr.processing_utils.save_pil_to_cache(picture, self.GRADIO_CACHE, format="png")
            return path

        def postprocess(self, value: Any) -> Any:
            if isinstance(value, dict) and "image" in value:
                value = value["image"]
            return super().postprocess(value)

    return SketchImage


def sketch_keywords(given: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a picture in those of the component that one paints on."""
    words = dict(given)
    colour = words.pop("brush_color", WHITE if words.get("tool") == SKETCH else "#000000")
    radius = words.pop("brush_radius", None)
    one = words.get("tool") == SKETCH
    words["brush"] = gr.Brush(
        default_size=radius or "auto", colors=[colour], default_color=colour, color_mode="fixed" if one else "defaults"
    )
    words.setdefault("transforms", ())
    words.setdefault("format", "png")
    words.setdefault("image_mode", "RGBA")
    return words


def _as_before(painted: dict[str, Any], tool: str, in_type: Callable[[Image.Image], Any]) -> Any:
    """{background, layers, composite} as one picture, or as {"image", "mask"}; None while there is no picture."""
    background, layers, whole = painted["background"], painted["layers"] or [], painted["composite"]
    if tool == COLOURS:
        return None if whole is None else in_type(whole.convert("RGB"))
    if background is None:
        return None
    alpha = layers[0].convert("RGBA").getchannel("A") if layers else Image.new("L", background.size)
    mask = Image.merge("RGB", [alpha.resize(background.size)] * 3)
    return {"image": in_type(background.convert("RGB")), "mask": in_type(mask)}
