"""A1111's theme for extensions: what they set on it are variables of the page's style, as Gradio makes them."""

from __future__ import annotations

from functools import cache
from typing import Any

import gradio as gr

DARK = "_dark"
"""How the name of a value ends that holds while the page is dark."""


@cache
def theme() -> Any:
    """The one there is; our page has another, of which nothing can be changed."""
    return gr.themes.Default()


def added_style() -> str:
    """What extensions have added to it, as CSS; what Gradio's own variables say stays ours."""
    known = vars(gr.themes.Default())
    added = {name: value for name, value in vars(theme()).items() if name not in known and isinstance(value, str)}
    light = {name: value for name, value in added.items() if not name.endswith(DARK)}
    dark = {name.removesuffix(DARK): value for name, value in added.items() if name.endswith(DARK)}
    return "\n".join(_rule(where, those) for where, those in ((":root", light), (".dark", dark)) if those)


def _rule(where: str, values: dict[str, str]) -> str:
    said = "".join(f"--{name.replace('_', '-')}: {_plain(value)};" for name, value in values.items())
    return f"{where} {{{said}}}"


def _plain(value: str) -> str:
    """Without what would end the declaration or its element; `*name` means another variable, as for Gradio."""
    plain = "".join(letter for letter in value if letter not in "{};<>")
    return f"var(--{plain[1:].replace('_', '-')})" if plain.startswith("*") else plain
