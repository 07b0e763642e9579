"""A parameter as the page knows it: its widget, its label, its tabs, and how it is read and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modules.studio.app import App
from modules.studio.request import LONGEST_PROMPT

TEXT, IMAGE, PAINT = "txt2img", "img2img", "inpaint"
TABS = (TEXT, IMAGE, PAINT)
WITH_PICTURE = (IMAGE, PAINT)
LARGEST_SIDE = 2048
OVERRIDES = "override_settings"
Choices = list[tuple[str, Any]]


@dataclass(frozen=True)
class Field:
    """A parameter as the page knows it."""

    name: str
    """The request's field, which is also its name in the API; or the option's, when `option` is set."""
    label: str
    kind: str
    """Which of `widgets.WIDGETS` shows it."""
    suffix: str = ""
    """The component's elem_id is the tab, "_" and this (A1111's ids). When left out it is the name; an option without
    one has no tab, but stands at the top of the page."""
    default: Any = None
    tabs: tuple[str, ...] = TABS
    limits: tuple[float, float, float] | None = None
    """Lowest, highest, step."""
    choices: Callable[[App], Choices] | None = None
    read: Callable[[Any], dict[str, Any]] | None = None
    """The widget's value -> fields of the request; `{name: value}` when left out."""
    show: Callable[[Mapping[str, Any]], Any] | None = None
    """Fields of a request -> the widget's value, or None when they do not say; `values[name]` when left out."""
    option: bool = False
    """It overrides a setting for the job, instead of being a field of the request."""
    free: bool = False
    """A choice that is not in the list may still be right: the lists of files grow while the page is open."""
    help: str = ""

    def elem_id(self, tab: str) -> str:
        in_the_bar = self.option and not self.suffix
        return f"setting_{self.name}" if in_the_bar else f"{tab}_{self.suffix or self.name}"

    def clean(self, value: Any, app: App) -> Any:
        """`value` if the widget can show it, moved between its limits if need be, else the default."""
        if self.choices is not None:
            return self._clean_choice(value, [choice for _, choice in self.choices(app)])
        if self.limits is not None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return self.default
            low, high, step = self.limits
            return min(max(type(step)(value), type(step)(low)), type(step)(high))
        if self.kind == "switch":
            return value if isinstance(value, bool) else self.default
        if self.kind in ("picture", "canvas"):
            return value if isinstance(value, dict) and isinstance(value.get("id"), str) else None
        if self.kind == "overrides":
            return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        if self.kind == "seed":
            return value if isinstance(value, int) and not isinstance(value, bool) else self.default
        return value[:LONGEST_PROMPT] if isinstance(value, str) else self.default

    def _clean_choice(self, value: Any, known: list[Any]) -> Any:
        if isinstance(self.default, list):
            return [item for item in value if item in known] if isinstance(value, list) else []
        return value if value in known else self.default

    def values(self, value: Any) -> dict[str, Any]:
        """What the widget's value says, as fields of the request."""
        return self.read(value) if self.read is not None else {self.name: value}

    def widget_value(self, values: Mapping[str, Any]) -> Any:
        """The widget's value for a request's fields, or None when they do not say."""
        return self.show(values) if self.show is not None else values.get(self.name)

    def is_said(self, values: Mapping[str, Any]) -> bool:
        """Whether a request's fields say what the widget is to show; what is optional may be said to be blank."""
        return self.widget_value(values) is not None or (self.kind == "optional" and self.name in values)
