"""Names, versions and requirements, as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import packaging.markers
import packaging.requirements
import packaging.version

if TYPE_CHECKING:
    from modules.studio.pkg_resources.installed import Distribution

parse_version = packaging.version.Version
RequirementParseError = packaging.requirements.InvalidRequirement


def safe_name(name: str) -> str:
    """What no package may have in its name becomes a dash."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name)


def safe_version(version: str) -> str:
    """A version as it is usually written."""
    try:
        return str(parse_version(version))
    except packaging.version.InvalidVersion:
        return re.sub(r"[^A-Za-z0-9.]+", "-", version.replace(" ", "."))


def safe_extra(extra: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "_", extra).lower()


def to_filename(name: str) -> str:
    return name.replace("-", "_")


def yield_lines(lines: Any) -> Iterator[str]:
    """Of a text, or of texts within texts: the lines that say something."""
    for each in lines.splitlines() if isinstance(lines, str) else lines:
        if not isinstance(lines, str):
            yield from yield_lines(each)
        elif (line := each.strip()) and not line.startswith("#"):
            yield line


def parse_requirements(lines: Any) -> Iterator[Requirement]:
    """Those of a requirements.txt: remarks left out, lines joined where one ends in a backslash."""
    begun = ""
    for each in yield_lines(lines):
        line = begun + each.partition(" #")[0]
        begun = line[:-1].strip() if line.endswith("\\") else ""
        if not begun:
            yield Requirement(line.removesuffix("\\").strip())
    if begun:
        yield Requirement(begun)


def evaluate_marker(text: str, extra: str | None = None) -> bool:
    """Whether a marker holds here. Raises: SyntaxError for what is none."""
    try:
        return packaging.markers.Marker(text).evaluate({"extra": extra or ""})
    except packaging.markers.InvalidMarker as error:
        raise SyntaxError(str(error)) from error


def invalid_marker(text: str) -> SyntaxError | bool:
    """Why it is none, or False."""
    try:
        evaluate_marker(text)
    except SyntaxError as error:
        return error
    return False


class Requirement(packaging.requirements.Requirement):
    """`name[extra]>=1`: whether something is `in` it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.unsafe_name = self.name
        self.project_name = safe_name(self.name)
        self.key = self.project_name.lower()
        self.extras = {safe_extra(each) for each in self.extras}
        self.specs = [(each.operator, each.version) for each in self.specifier]

    @staticmethod
    def parse(text: str | Iterable[str]) -> Requirement:
        """Raises: ValueError when it is not just one."""
        found = list(parse_requirements(text))
        if len(found) != 1:
            raise ValueError("Expected only one requirement" if found else "No requirements found")
        return found[0]

    def __contains__(self, item: Distribution | packaging.version.Version | str) -> bool:
        if isinstance(item, str | packaging.version.Version):
            return self.specifier.contains(item, prereleases=True)
        return item.key == self.key and self.specifier.contains(item.version, prereleases=True)

    def __repr__(self) -> str:
        return f"Requirement.parse({str(self)!r})"

    def holds(self, extras: Iterable[str] = ()) -> bool:
        """Whether its marker does, for one of these extras."""
        return self.marker is None or any(self.marker.evaluate({"extra": each}) for each in ("", *extras))
