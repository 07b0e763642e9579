"""A1111's `modules.sd_emphasis`: what brackets do, by name. The core does it."""

from __future__ import annotations


class Emphasis:
    """One way."""

    name = "Base"
    description = ""


def _option(label: str) -> type[Emphasis]:
    return type(f"Emphasis{label.title().replace(' ', '')}", (Emphasis,), {"name": label})


options = [_option("None"), _option("Ignore"), _option("Original"), _option("No norm")]


def get_current_option(emphasis_option_name: str) -> type[Emphasis]:
    """The way of that name."""
    return next((each for each in options if each.name == emphasis_option_name), Emphasis)


def get_options_descriptions() -> str:
    """All."""
    return ", ".join(each.name for each in options)
