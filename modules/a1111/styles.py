"""A1111's `modules.styles`: named pieces of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from modules.studio.styles import PLACE, Styles

from .bridge.host import host


class PromptStyle(NamedTuple):
    """One style."""

    name: str
    prompt: str | None
    negative_prompt: str | None
    path: str | None = None


def merge_prompts(style_prompt: str, prompt: str) -> str:
    """The prompt in a style's place for it, or before the style."""
    if PLACE in style_prompt:
        return style_prompt.replace(PLACE, prompt)
    return ", ".join(part for part in (prompt.strip(), style_prompt.strip()) if part)


def apply_styles_to_prompt(prompt: str, styles: Sequence[str]) -> str:
    """The prompt with the texts of styles, one after another."""
    for style in styles:
        prompt = merge_prompts(style, prompt)
    return prompt


class StyleDatabase:
    """A face of the studio's style files."""

    no_style = PromptStyle("None", "", "", None)

    def __init__(self, paths: Sequence[str | Path] | None = None) -> None:
        self._own = Styles([Path(path) for path in paths]) if paths else None

    @property
    def _styles(self) -> Styles:
        return self._own or host.app.styles

    @property
    def styles(self) -> dict[str, PromptStyle]:
        """By name, in the order of the files."""
        found = self._styles.all().values()
        return {
            each.name: PromptStyle(each.name, each.prompt, each.negative_prompt, self.default_path) for each in found
        }

    @property
    def default_path(self) -> str:
        """The file that new styles go to."""
        return str(self._styles.paths[0])

    @property
    def paths(self) -> list[str]:
        """All files."""
        return [str(path) for path in self._styles.paths]

    @property
    def all_styles_files(self) -> list[Path]:
        """All files."""
        return list(self._styles.paths)

    def reload(self) -> None:
        """They are read at each call."""

    def get_style_paths(self) -> set[str]:
        """All files."""
        return {str(path) for path in self._styles.paths}

    def get_style_prompts(self, styles: Sequence[str]) -> list[str]:
        """What each style adds to the prompt; "" for one that there is none of."""
        known = self.styles
        return [known.get(name, self.no_style).prompt or "" for name in styles]

    def get_negative_style_prompts(self, styles: Sequence[str]) -> list[str]:
        """What each style adds to the negative prompt."""
        known = self.styles
        return [known.get(name, self.no_style).negative_prompt or "" for name in styles]

    def apply_styles_to_prompt(self, prompt: str, styles: Sequence[str]) -> str:
        """The prompt with the named styles."""
        return self._styles.apply(prompt, "", styles)[0]

    def apply_negative_styles_to_prompt(self, prompt: str, styles: Sequence[str]) -> str:
        """The negative prompt with the named styles."""
        return self._styles.apply("", prompt, styles)[1]

    def save_styles(self, path: str | None = None) -> None:
        """Each is saved when it changes."""

    def extract_styles_from_prompt(self, prompt: str, negative_prompt: str) -> tuple[list[str], str, str]:
        """The styles that both prompts end in, and the prompts without them."""
        found: list[str] = []
        for style in reversed(self.styles.values()):
            before, after = _without(prompt, style.prompt or ""), _without(negative_prompt, style.negative_prompt or "")
            if before is not None and after is not None and (style.prompt or style.negative_prompt):
                found.insert(0, style.name)
                prompt, negative_prompt = before, after
        return found, prompt, negative_prompt


def _without(text: str, style: str) -> str | None:
    """The text before the style was applied, or None if it was not."""
    head, place, tail = style.partition(PLACE)
    if not place:
        head, tail = "", f", {style}" if style else ""
        if text == style:
            return ""
    if len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail):
        return text[len(head) : len(text) - len(tail)]
    return None


def extract_style_text_from_prompt(style_text: str, prompt: str) -> tuple[bool, str]:
    """(whether the prompt has the style, the prompt without it)"""
    before = _without(prompt.strip(), style_text.strip())
    return (False, prompt) if before is None else (True, before)


def extract_original_prompts(style: PromptStyle, prompt: str, negative_prompt: str) -> tuple[bool, str, str]:
    """(whether both prompts have the style, the prompts without it)"""
    parts = [(style.prompt or "", prompt), (style.negative_prompt or "", negative_prompt)]
    found = [extract_style_text_from_prompt(text, whole) if text else (True, whole) for text, whole in parts]
    has = bool(style.prompt or style.negative_prompt) and all(each for each, _ in found)
    return (True, found[0][1], found[1][1]) if has else (False, prompt, negative_prompt)
