"""Flags that extensions add to the command line, by their preload.py: read beside our own, never instead of them."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NoReturn

from modules.studio.command_line import build_parser, unknown_flags

Guard = Callable[[str, str], AbstractContextManager[Any]]
"""(extension, what it does): contains what its code raises."""


class Wrong(Exception):  # noqa: N818  argparse's complaint, kept
    """A flag has a value that it cannot have."""


class TheirParser(argparse.ArgumentParser):
    """What preload(parser) adds to. A flag that there is already stays as it is."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.taken = set(build_parser()._option_string_actions)

    def add_argument(self, *names: Any, **words: Any) -> argparse.Action:
        """Of several names those that are free; where none is, nothing comes of it."""
        free = [name for name in names if name not in self.taken]
        if not free or not all(str(name).startswith("-") for name in free):
            return argparse.Action([], "passed_over")
        self.taken.update(free)
        return super().add_argument(*free, **words)

    def error(self, message: str) -> NoReturn:
        """Raises: Wrong, where argparse would end the program."""
        raise Wrong(message)


def read_extension_flags(
    preloads: Sequence[tuple[str, Path]], words: Sequence[str], guard: Guard
) -> tuple[argparse.Namespace, list[str]]:
    """The values of all flags that the extensions' preload.py add, and what there is to tell of the words.

    `words` are those that our own parser did not know. A wrong value leaves all of theirs at their defaults.
    """
    parser = TheirParser()
    for name, path in preloads:
        with guard(name, "preload.py"):
            spec = importlib.util.spec_from_file_location(f"preload_of_{abs(hash(name))}", path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            if hasattr(module, "preload"):
                module.preload(parser)
    try:
        values, unknown = parser.parse_known_args(list(words))
    except Wrong as error:
        return parser.parse_known_args([])[0], [f"A flag of an extension: {error}; it is ignored"]
    return values, list(unknown_flags(unknown))


def preloads_in(folders: Sequence[Path]) -> Iterator[Path]:
    """The preload.py files there are, whether their extensions are on or not."""
    return (path for folder in folders if folder.is_dir() for path in folder.glob("*/preload.py"))
