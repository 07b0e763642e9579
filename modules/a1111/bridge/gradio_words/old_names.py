"""Names that Gradio had: classes, namespaces and methods, most of them today's under another name."""

from __future__ import annotations

import base64
import warnings
from io import BytesIO
from types import ModuleType
from typing import Any

import gradio as gr
from gradio import processing_utils
from gradio.blocks import Block
from gradio.blocks import Blocks as GradioBlocks
from PIL import Image

from .kinds import kinds_of
from .patches import Patches
from .said_once import SaidOnce
from .speakers import Speakers

STYLED = {"grid": "columns", "columns": "columns", "height": "height", "width": "width", "container": "container"}
"""What `.style(...)` said, and the attribute that says it today."""
INPUTS = ("Textbox", "Number", "Slider", "Checkbox", "CheckboxGroup", "Radio", "Dropdown", "Image", "Video", "Audio")
OUTPUTS = ("Textbox", "Label", "Image", "Video", "Audio", "JSON", "HTML", "HighlightedText", "File")


def teach_names(patches: Patches, speakers: Speakers, said: SaidOnce) -> None:
    """All of it is added: nothing that Gradio has is replaced."""
    for name, present in (("Box", gr.Group), ("Variable", gr.State)):
        patches.add(gr, name, present)
        patches.add(gr.components, name, present)
    patches.add(gr.layouts, "Box", gr.Group)
    patches.add(gr.components, "IOComponent", gr.components.Component)
    patches.add(gr, "inputs", _namespace("inputs", INPUTS))
    patches.add(gr, "outputs", _namespace("outputs", OUTPUTS))
    patches.add(gr, "deprecation", _deprecation())
    patches.add(gr, "documentation", _documentation())
    patches.add(processing_utils, "encode_pil_to_base64", encode_pil_to_base64)
    patches.add(processing_utils, "decode_base64_to_image", decode_base64_to_image)
    patches.add(Block, "style", style)
    for kind in {Block, *kinds_of(Block)}:
        patches.add(kind, "update", _updated())
    patches.add(GradioBlocks, "dependencies", property(_dependencies))


def _updated() -> Any:
    """`gr.Textbox.update(value=...)`."""

    def update(*values: Any, **changes: Any) -> dict[str, Any]:
        changes = {**({"value": values[0]} if values else {}), **changes}
        made: dict[str, Any] = gr.update(**changes)
        return made

    return staticmethod(update)


def style(self: Any, **wishes: Any) -> Any:
    """Height, width and columns are heeded; roundings and borders are the theme's."""
    for name, attribute in STYLED.items():
        value = wishes.get(name)
        value = value[-1] if isinstance(value, (list, tuple)) and value else value
        if value is not None and hasattr(self, attribute):
            setattr(self, attribute, value)
            self.constructor_args[attribute] = value
    return self


def _namespace(name: str, kinds: tuple[str, ...]) -> ModuleType:
    module = ModuleType(f"gradio.{name}")
    vars(module).update({kind: getattr(gr, kind) for kind in kinds})
    return module


def _deprecation() -> ModuleType:
    module = ModuleType("gradio.deprecation")
    vars(module)["GradioDeprecationWarning"] = type("GradioDeprecationWarning", (UserWarning,), {})
    vars(module)["GradioUnusedKwargWarning"] = type("GradioUnusedKwargWarning", (UserWarning,), {})
    vars(module)["warn_deprecation"] = lambda text: warnings.warn(text, DeprecationWarning, stacklevel=2)
    return module


def _documentation() -> ModuleType:
    module = ModuleType("gradio.documentation")
    vars(module)["document"] = lambda *names, **options: lambda documented: documented
    vars(module)["set_documentation_group"] = lambda name: None
    return module


def encode_pil_to_base64(pil_image: Image.Image) -> str:
    """A picture as the address that carries it: PNG with its texts."""
    data = processing_utils.encode_pil_to_bytes(pil_image)
    return "data:image/png;base64," + base64.b64encode(data).decode()


def decode_base64_to_image(encoding: str) -> Image.Image:
    """The picture in such an address, or in bare base64."""
    return Image.open(BytesIO(base64.b64decode(encoding.partition(";base64,")[2] or encoding)))


def _dependencies(self: Any) -> list[dict[str, Any]]:
    """The page's events as the list of plain tables that it was."""
    return [_as_table(function) for _, function in sorted(self.fns.items())]


def _as_table(function: Any) -> dict[str, Any]:
    config: dict[str, Any] = function.get_config()
    names = [(target, event) for target, event in config["targets"]]
    return {**config, "targets": names, "backend_fn": function.fn is not None, "trigger": names[0][1] if names else ""}
