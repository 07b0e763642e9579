"""A1111's `modules.shared_gradio_themes`: themes of its page. Ours has one."""

from __future__ import annotations

gradio_hf_hub_themes: list[str] = []
"""Themes that A1111 fetches; nothing is fetched here."""


def reload_gradio_theme(theme_name: str | None = None) -> None:
    """The page has one theme."""


def resolve_var(name: str, gradio_theme: object = None, history: object = None) -> str:
    """A variable of the theme, or an empty text."""
    return str(getattr(gradio_theme, name, "") or "")
