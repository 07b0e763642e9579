"""A1111's `modules.ui_toprow`: the prompts and Generate. Ours has its own; extensions read the names."""

from __future__ import annotations

from typing import Any


class Toprow:
    """Holds what belongs to it."""

    prompt: Any = None
    negative_prompt: Any = None
    submit: Any = None
    interrupt: Any = None
    skip: Any = None
    paste: Any = None
    ui_styles: Any = None
    token_counter: Any = None
    prompt_img: Any = None

    def __init__(self, is_img2img: bool, is_compact: bool = False, id_part: str | None = None) -> None:
        self.is_img2img, self.is_compact = is_img2img, is_compact
        self.id_part = id_part or ("img2img" if is_img2img else "txt2img")
