"""The packages that are installed, and what they offer."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import Any

import packaging.version

from modules.studio.pkg_resources.errors import (
    ContextualVersionConflict,
    DistributionNotFound,
    UnknownExtra,
    VersionConflict,
)
from modules.studio.pkg_resources.requirements import (
    Requirement,
    parse_requirements,
    parse_version,
    safe_extra,
    safe_name,
    safe_version,
    to_filename,
    yield_lines,
)


class EntryPoint:
    """Something that a package offers by a name."""

    def __init__(
        self,
        name: str,
        module_name: str,
        attrs: Iterable[str] = (),
        extras: Iterable[str] = (),
        dist: Distribution | None = None,
    ) -> None:
        self.name, self.module_name, self.dist = name, module_name, dist
        self.attrs, self.extras = tuple(attrs), tuple(extras)

    def __str__(self) -> str:
        attrs = f":{'.'.join(self.attrs)}" if self.attrs else ""
        extras = f" [{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name} = {self.module_name}{attrs}{extras}"

    def __repr__(self) -> str:
        return f"EntryPoint.parse({str(self)!r})"

    def resolve(self) -> Any:
        """The thing itself. Raises: ImportError."""
        found: Any = importlib.import_module(self.module_name)
        for name in self.attrs:
            if not hasattr(found, name):
                raise ImportError(f"{self.module_name} has no {'.'.join(self.attrs)}")
            found = getattr(found, name)
        return found

    def require(self, *_: Any, **__: Any) -> None:
        """Raises: ResolutionError when something that its package wants is not there."""
        if self.dist is not None:
            working_set.require(str(self.dist.as_requirement()))

    def load(self, require: bool = True, *_: Any, **__: Any) -> Any:
        """The thing itself, once all that it wants is found to be there."""
        if require:
            self.require()
        return self.resolve()


class Distribution:
    """An installed package."""

    def __init__(self, found: metadata.Distribution) -> None:
        self._found = found
        self.project_name = safe_name(found.metadata["Name"])
        self.key, self.version = self.project_name.lower(), found.version
        self.location = os.path.normpath(str(found.locate_file("")))
        self.py_version: str | None = None
        self.platform: str | None = None

    @property
    def parsed_version(self) -> packaging.version.Version:
        return parse_version(self.version)

    @property
    def extras(self) -> list[str]:
        return [safe_extra(each) for each in self._found.metadata.get_all("Provides-Extra") or ()]

    def requires(self, extras: Iterable[str] = ()) -> list[Requirement]:
        """What it wants here, with these extras. Raises: UnknownExtra."""
        wanted = [safe_extra(each) for each in extras]
        for each in wanted:
            if each not in self.extras:
                raise UnknownExtra(f"{self} has no such extra feature {each!r}")
        lines = (Requirement(line) for line in self._found.requires or ())
        return [line for line in lines if line.holds(wanted)]

    def as_requirement(self) -> Requirement:
        return Requirement(f"{self.project_name}=={self.version}")

    def get_entry_map(self, group: str | None = None) -> dict[str, Any]:
        """{name: entry point} of a group, or {group: {name: entry point}}."""
        groups: dict[str, Any] = {}
        for each in self._found.entry_points:
            attrs = tuple(filter(None, (each.attr or "").split(".")))
            made = EntryPoint(each.name, each.module, attrs, each.extras, self)
            groups.setdefault(each.group, {})[each.name] = made
        return groups if group is None else groups.get(group, {})

    def get_entry_info(self, group: str, name: str) -> EntryPoint | None:
        return self.get_entry_map(group).get(name)

    def load_entry_point(self, group: str, name: str) -> Any:
        """Raises: ImportError where it has none of that name."""
        found = self.get_entry_info(group, name)
        if found is None:
            raise ImportError(f"Entry point {(group, name)!r} not found")
        return found.load()

    def has_metadata(self, name: str) -> bool:
        return self._found.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        """Raises: FileNotFoundError."""
        text = self._found.read_text(name)
        if text is None:
            raise FileNotFoundError(f"{self} has no {name}")
        return text

    def get_metadata_lines(self, name: str) -> Iterator[str]:
        return yield_lines(self.get_metadata(name))

    def egg_name(self) -> str:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"{to_filename(self.project_name)}-{to_filename(safe_version(self.version))}-py{python}"

    def __str__(self) -> str:
        return f"{self.project_name} {self.version}"

    def __repr__(self) -> str:
        return f"{self} ({self.location})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distribution) and (self.key, self.version, self.location) == (
            other.key,
            other.version,
            other.location,
        )

    def __hash__(self) -> int:
        return hash((self.key, self.version, self.location))

    def __lt__(self, other: Distribution) -> bool:
        return (self.parsed_version, self.key) < (other.parsed_version, other.key)


class WorkingSet:
    """All that is installed."""

    @property
    def entries(self) -> list[str]:
        return list(sys.path)

    @property
    def by_key(self) -> dict[str, Distribution]:
        """Of a package that is there twice the one that is imported."""
        found: dict[str, Distribution] = {}
        for each in metadata.distributions():
            if each.metadata["Name"]:
                made = Distribution(each)
                found.setdefault(made.key, made)
        return found

    def __iter__(self) -> Iterator[Distribution]:
        return iter(self.by_key.values())

    def __contains__(self, dist: Distribution) -> bool:
        return self.by_key.get(dist.key) == dist

    def find(self, req: Requirement) -> Distribution | None:
        """None where there is no such package. Raises: VersionConflict."""
        try:
            found = Distribution(metadata.distribution(req.name))
        except metadata.PackageNotFoundError:
            return None
        if not req.specifier.contains(found.version, prereleases=True):
            raise VersionConflict(found, req)
        return found

    def require(self, *requirements: Any) -> list[Distribution]:
        """These packages, and what they want. Raises: DistributionNotFound, VersionConflict."""
        return self.resolve(parse_requirements(requirements))

    def resolve(self, requirements: Iterable[Requirement], *_: Any, **__: Any) -> list[Distribution]:
        """The same, of what was read already."""
        waiting = [(each, "") for each in requirements]
        found: dict[str, Distribution] = {}
        seen: set[str] = set()
        while waiting:
            req, by = waiting.pop(0)
            if str(req) in seen or not (by or req.holds()):
                continue
            seen.add(str(req))
            dist = self._there(req, by)
            found.setdefault(dist.key, dist)
            waiting += [(each, dist.project_name) for each in dist.requires(req.extras)]
        return list(found.values())

    def _there(self, req: Requirement, by: str) -> Distribution:
        try:
            dist = self.find(req)
        except VersionConflict as error:
            if not by:
                raise
            raise ContextualVersionConflict(error.dist, req, {by}) from None
        if dist is None:
            raise DistributionNotFound(req, {by} if by else None)
        return dist

    def iter_entry_points(self, group: str, name: str | None = None) -> Iterator[EntryPoint]:
        for dist in self:
            entries = dist.get_entry_map(group)
            yield from (each for each in entries.values() if name is None or each.name == name)


working_set = WorkingSet()
require = working_set.require
iter_entry_points = working_set.iter_entry_points


def get_distribution(dist: Distribution | Requirement | str) -> Distribution:
    """Raises: DistributionNotFound, VersionConflict."""
    if isinstance(dist, Distribution):
        return dist
    req = Requirement.parse(dist) if isinstance(dist, str) else dist
    return working_set.find(req) or working_set.require(str(req))[0]


def load_entry_point(dist: Distribution | str, group: str, name: str) -> Any:
    return get_distribution(dist).load_entry_point(group, name)


def get_entry_map(dist: Distribution | str, group: str | None = None) -> dict[str, Any]:
    return get_distribution(dist).get_entry_map(group)


def get_entry_info(dist: Distribution | str, group: str, name: str) -> EntryPoint | None:
    return get_distribution(dist).get_entry_info(group, name)
