"""What others add to the form of a tab: components whose values travel with its request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class FormPart(Protocol):
    """A part of the three forms. It is asked tab by tab: first `opens`, then while the tab is built, then `closes`."""

    name: str
    """Under which its values are kept between visits."""

    def opens(self, tab: str) -> None:
        """The tab is about to be built."""

    def section(self, tab: str, name: str) -> None:
        """A section of the form is built; what belongs there may be added to it in the present layout."""

    def build(self, tab: str) -> None:
        """Makes the rest in the present layout, below the form."""

    def closes(self, tab: str) -> None:
        """The tab is built."""

    def components(self, tab: str) -> list[Any]:
        """All components whose values it wants, once the tab is built."""

    def read(self, tab: str, values: Sequence[Any], owner: str) -> dict[str, Any]:
        """What the values add to the request. Raises: AquatintError in words for the person."""

    def remembered(self, tab: str, values: Sequence[Any]) -> Any:
        """What is kept until the next visit, as JSON can say it."""

    def recalled(self, tab: str, kept: Any) -> list[Any]:
        """An update for each component that shows what was kept, or its beginnings; `kept` may be anybody's JSON."""

    def filled(self, tab: str, infotext: str) -> list[Any]:
        """An update for each component that shows what an infotext says of it."""


class FormParts:
    """All parts of one tab's form as one."""

    def __init__(self, tab: str, parts: Sequence[FormPart] = ()) -> None:
        self._tab, self._parts = tab, tuple(parts)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def opens(self) -> None:
        for part in self._parts:
            part.opens(self._tab)

    def section(self, name: str) -> None:
        for part in self._parts:
            part.section(self._tab, name)

    def build(self) -> None:
        for part in self._parts:
            part.build(self._tab)

    def closes(self) -> None:
        for part in self._parts:
            part.closes(self._tab)

    @property
    def components(self) -> list[Any]:
        """Of all parts, in their order."""
        return [component for part in self._parts for component in part.components(self._tab)]

    def read(self, values: Sequence[Any], owner: str) -> dict[str, Any]:
        """What all add to the request. Raises: AquatintError."""
        found: dict[str, Any] = {}
        for part, own in self._shares(values):
            found |= part.read(self._tab, own, owner)
        return found

    def remembered(self, values: Sequence[Any]) -> dict[str, Any]:
        return {part.name: part.remembered(self._tab, own) for part, own in self._shares(values)}

    def recalled(self, kept: Any) -> list[Any]:
        known = kept if isinstance(kept, dict) else {}
        return [update for part in self._parts for update in part.recalled(self._tab, known.get(part.name))]

    def filled(self, infotext: str) -> list[Any]:
        return [update for part in self._parts for update in part.filled(self._tab, infotext)]

    def _shares(self, values: Sequence[Any]) -> list[tuple[FormPart, Sequence[Any]]]:
        shares, start = [], 0
        for part in self._parts:
            end = start + len(part.components(self._tab))
            shares.append((part, values[start:end]))
            start = end
        return shares
