"""The keywords with which Gradio 3 and 4 made components, in the words of Gradio 6: one small function a change."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block, BlockContext
from gradio.context import LocalContext

from .said_once import SaidOnce

Keywords = dict[str, Any]

BUTTONS = {
    "show_copy_button": "copy",
    "show_download_button": "download",
    "show_share_button": "share",
    "show_fullscreen_button": "fullscreen",
}
WITH_FORMAT = (gr.Image, gr.Gallery)
PASTED = (gr.Image, gr.ImageEditor)
NEVER_CHOSEN = (gr.Dropdown,)
NUMBERS = (gr.Slider, gr.Number)
FILES = (gr.File, gr.UploadButton)
UNSEEN = "aq-unseen"
"""The class of layouts that are on the page and not to be seen."""


def source(kind: type[Block], given: Keywords) -> None:
    """`source="upload"` and, in Gradio 3.5, "canvas", which is drawn upon rather than filled. Pictures could be pasted
    where they could be uploaded."""
    if "source" in given:
        named = given.pop("source")
        wanted = "upload" if named == "canvas" else named
        pasted = ["clipboard"] if named == "upload" and issubclass(kind, PASTED) else []
        given.setdefault("sources", [wanted, *pasted] if isinstance(wanted, str) else wanted)


def mirror_webcam(kind: type[Block], given: Keywords) -> None:
    if "mirror_webcam" in given:
        mirror = bool(given.pop("mirror_webcam"))
        if "webcam_options" in _parameters(kind):
            given.setdefault("webcam_options", gr.WebcamOptions(mirror=mirror))


def shape(kind: type[Block], given: Keywords) -> None:
    """The size of a picture was `shape=(width, height)` of what the function got; the box is as tall at least."""
    given.pop("shape", None)


def buttons(kind: type[Block], given: Keywords) -> None:
    """Switches for single buttons; where any was on or off, the list holds those that are on."""
    asked = {name: given.pop(name) for name in BUTTONS if name in given}
    if asked and "buttons" in _parameters(kind):
        given.setdefault("buttons", [BUTTONS[name] for name, on in asked.items() if on])


def grid(kind: type[Block], given: Keywords) -> None:
    """Columns of a gallery: a number, or one for each width of window, of which the last counts."""
    if issubclass(kind, gr.Gallery):
        columns = given.pop("grid", given.get("columns"))
        if isinstance(columns, (list, tuple)):
            columns = columns[-1] if columns else None
        if columns is not None:
            given["columns"] = columns


def table(kind: type[Block], given: Keywords) -> None:
    """`col_count=(3, "fixed")` was a number and whether more may come; so for rows."""
    if not issubclass(kind, gr.Dataframe):
        return
    for old, new in (("col_count", "column_count"), ("row_count", "row_count")):
        value = given.pop(old, None)
        number = value[0] if isinstance(value, tuple | list) else value
        if number is not None:
            given.setdefault(new, number)
    if "height" in given:
        given.setdefault("max_height", given.pop("height"))


def file_type(kind: type[Block], given: Keywords) -> None:
    """A file was handed on as an open temporary file with a `name`; a path has that too."""
    if issubclass(kind, FILES) and given.get("type") in ("file", "bytes"):
        given["type"] = "filepath" if given["type"] == "file" else "binary"


def tool_button(kind: type[Block], given: Keywords) -> None:
    if issubclass(kind, gr.Button) and given.get("variant") == "tool":
        given["variant"] = "secondary"
        for name, small in (("size", "sm"), ("scale", 0), ("min_width", 40)):
            given.setdefault(name, small)
        given["elem_classes"] = [*_classes(given), "tool"]


def invisible(kind: type[Block], given: Keywords) -> None:
    """What was not visible was on the page all the same, for scripts to write into. Layouts know no "hidden": a class
    keeps them out of sight."""
    if given.get("visible") is not False:
        return
    if issubclass(kind, BlockContext):
        given["visible"] = True
        given["elem_classes"] = [*_classes(given), UNSEEN]
    elif given.get("elem_id"):
        given["visible"] = "hidden"


def not_chosen(kind: type[Block], given: Keywords) -> None:
    """A list of choices began with none of them chosen; now it would begin with the first."""
    if issubclass(kind, NEVER_CHOSEN) and "value" not in given and not _says_what_changes():
        given["value"] = [] if given.get("multiselect") else None


def no_text(kind: type[Block], given: Keywords) -> None:
    """A text that nobody has written was "", also where a script's arguments are its controls' own values."""
    if issubclass(kind, gr.Textbox) and not _says_what_changes():
        given.setdefault("value", "")


def written_number(kind: type[Block], given: Keywords) -> None:
    """A slider could begin at "20"; now it would refuse its own value, and with it all that stands in the form."""
    if issubclass(kind, NUMBERS) and isinstance(given.get("value"), str):
        given["value"] = _number(given["value"])


def with_room(kind: type[Block], given: Keywords) -> None:
    """A slider could end where it begins, for scripts to give it room later; now it would not be made."""
    if not issubclass(kind, gr.Slider):
        return
    least, most = given.get("minimum"), given.get("maximum")
    if isinstance(least, int | float) and isinstance(most, int | float) and most <= least:
        given["maximum"] = least + (given.get("step") or 1)


def lossless(kind: type[Block], given: Keywords) -> None:
    """Pictures were PNG files with their texts; as WebP they would lose their generation parameters."""
    if issubclass(kind, WITH_FORMAT):
        given.setdefault("format", "png")


CHANGES: tuple[Callable[[type[Block], Keywords], None], ...] = (
    source,
    mirror_webcam,
    shape,
    buttons,
    grid,
    table,
    file_type,
    tool_button,
    invisible,
    not_chosen,
    no_text,
    written_number,
    with_room,
    lossless,
)


def translated(kind: type[Block], given: Keywords, said: SaidOnce) -> Keywords:
    """What a component of that kind is made with today; what it does not know any more is left out, and said once."""
    words = dict(given)
    for change in CHANGES:
        change(kind, words)
    return known(kind, words, said)


def known(kind: type[Block], given: Keywords, said: SaidOnce) -> Keywords:
    """Without the keywords that nothing takes."""
    parameters = _parameters(kind)
    if issubclass(kind, gr.HTML):  # it takes any word as a property of its template
        parameters = parameters - {"props"}
        taken = {name: value for name, value in given.items() if name in parameters}
    elif any(kind_ is inspect.Parameter.VAR_KEYWORD for kind_ in _kinds(kind)):
        return given
    else:
        taken = {name: value for name, value in given.items() if name in parameters}
    for name in given.keys() - taken.keys():
        said.say(f"Gradio has no {name}= for {kind.__name__} any more; it is left out.")
    return taken


def _says_what_changes() -> bool:
    """A component that an event's function makes is a change of one that is there: what it does not say stays."""
    return bool(LocalContext.in_event_listener.get(False))


def _parameters(kind: type[Block]) -> set[str]:
    return set(inspect.signature(kind.__init__).parameters) - {"self"}


def _kinds(kind: type[Block]) -> list[Any]:
    return [parameter.kind for parameter in inspect.signature(kind.__init__).parameters.values()]


def _classes(given: Keywords) -> list[str]:
    classes = given.get("elem_classes") or []
    return [classes] if isinstance(classes, str) else list(classes)


def _number(text: str) -> float | None:
    """None for what is no number, which stands for none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number
