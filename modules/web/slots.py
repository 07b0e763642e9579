"""Where the page can be added to: before and after a component of a known id, and as further tabs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from modules.studio.app import App
from modules.web.assets_route import Assets
from modules.web.form_parts import FormPart
from modules.web.tokens import Reader, TokenCounter


@dataclass(frozen=True)
class Tab:
    """One tab of the page; `build` makes its components when the page is built."""

    title: str
    elem_id: str
    build: Callable[[], None]


@dataclass
class Slots:
    """What others add to the page. Fill it before the page is built; afterwards it has no effect."""

    tabs: list[Tab] = field(default_factory=list)
    later: list[Callable[[], list[Tab]]] = field(default_factory=list)
    """Give further tabs once the forms are built, when others may look for what is in them."""
    built: list[Callable[[], None]] = field(default_factory=list)
    """Called within the page when all of it is built: events may be joined."""
    forms: list[FormPart] = field(default_factory=list)
    """What is added to the forms of the three tabs."""
    readers: list[Reader] = field(default_factory=list)
    """What is asked before the tokens of a prompt are counted."""
    _before: dict[str, list[Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))
    _after: dict[str, list[Callable[[Any], None]]] = field(default_factory=lambda: defaultdict(list))

    def before(self, elem_id: str, build: Callable[[], None]) -> None:
        """Calls `build` in the layout just before the component `elem_id` is made."""
        self._before[elem_id].append(build)

    def after(self, elem_id: str, build: Callable[[Any], None]) -> None:
        """Calls `build` with the component `elem_id` just after it is made, in the same place of the layout."""
        self._after[elem_id].append(build)

    def place(self, elem_id: str, make: Callable[[], Any]) -> Any:
        """Makes a component together with what was added around it; returns the component."""
        for build in self._before.get(elem_id, ()):
            build()
        component = make()
        for build_after in self._after.get(elem_id, ()):
            build_after(component)
        return component


class Visitor(NamedTuple):
    """Who opens the page."""

    name: str
    is_owner: bool
    """Whether the server is theirs."""


class Visit(NamedTuple):
    """Components, and what gives the values that they have today for the person who visits."""

    outputs: list[Any]
    today: Callable[[Visitor], list[Any]]


@dataclass(frozen=True)
class Page:
    """What every part of the page is built from."""

    app: App
    assets: Assets
    slots: Slots
    tokens: TokenCounter
    messages: Any
    """The component that shows messages."""
    bridge: Any
    """The component whose events our own scripts trigger."""
    visits: list[Visit] = field(default_factory=list)
    """What is brought up to date when somebody opens the page; parts of the page add to it while they are built."""
