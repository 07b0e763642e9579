"""The extensions that are loaded, as far as their code needs to be told apart and put in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from .found import OUTSIDE, Found, sort_by_wishes


class Registered(Protocol):
    """A registered function."""

    script: str
    name: str


R = TypeVar("R", bound=Registered)


class Loaded:
    """The extensions of this run of the program."""

    def __init__(self) -> None:
        self.extensions: tuple[Found, ...] = ()
        self._owners: dict[str, str] = {}

    def set(self, extensions: Iterable[Found]) -> None:
        """From now on there are these."""
        self.extensions = tuple(extensions)
        self._owners.clear()

    def extension_of(self, file: str) -> str:
        """The name of the extension that a file belongs to."""
        if file not in self._owners:
            path = Path(file)
            owner = next((each.name for each in self.extensions if path.is_relative_to(each.path)), OUTSIDE)
            self._owners[file] = owner
        return self._owners[file]

    def callback_name(self, file: str, category: str, name: str) -> str:
        """`extension/file/moment/name`, as metadata.ini files write it."""
        owner = self.extension_of(file)
        canonical = next((each.canonical_name for each in self.extensions if each.name == owner), owner)
        return "/".join(filter(None, [canonical, Path(file).name.lower(), category, name.lower()]))

    def callbacks_in_order(self, callbacks: Sequence[R]) -> list[R]:
        """As their extensions ask for it in [callbacks/...]: Before and After name other callbacks."""
        wishes = _wishes(self.extensions, "callbacks/")
        if not wishes:
            return list(callbacks)
        by_name: dict[str, list[R]] = {}
        for each in callbacks:
            by_name.setdefault(each.name, []).append(each)
        return [each for name in _in_order(list(by_name), wishes) for each in by_name[name]]

    def scripts_in_order(self, files: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
        """(extension's name, file) as their extensions ask for it in [scripts/...]: Before and After name files
        as `extension/file.py` or `file.py`."""
        wishes = _wishes(self.extensions, "scripts/")
        if not wishes:
            return list(files)
        canonical = {each.name: each.canonical_name for each in self.extensions}
        by_name = {f"{canonical.get(name, name)}/{path.name.lower()}": (name, path) for name, path in files}
        return [by_name[name] for name in _in_order(list(by_name), wishes)]


def _wishes(extensions: Iterable[Found], prefix: str) -> list[tuple[str, list[str], list[str]]]:
    """(who, what comes after it, what comes before it) of all sections that begin like `prefix`."""
    return [
        (_full_name(each, section.removeprefix(prefix)), each.words(section, "before"), each.words(section, "after"))
        for each in extensions
        for section in each.metadata
        if section.startswith(prefix)
    ]


def _full_name(found: Found, name: str) -> str:
    return name if name.startswith(f"{found.canonical_name}/") else f"{found.canonical_name}/{name}"


def _in_order(names: Sequence[str], wishes: Sequence[tuple[str, list[str], list[str]]]) -> list[str]:
    before: dict[str, list[str]] = {name: [] for name in names}
    for who, later, earlier in wishes:
        for mine in _matching(who, names):
            before[mine] += [name for word in earlier for name in _matching(word, names) if name != mine]
            for name in (name for word in later for name in _matching(word, names) if name != mine):
                before[name].append(mine)
    return sort_by_wishes(names, before)


def _matching(word: str, names: Sequence[str]) -> list[str]:
    """The names that a word means: the whole, its beginning, or its end; of `a|b` both."""
    words = word.split("|")
    return [name for name in names if any(_means(each, name) for each in words)]


def _means(word: str, name: str) -> bool:
    return name == word or name.startswith(f"{word}/") or name.endswith(f"/{word}")


loaded = Loaded()
"""Those of this program."""
