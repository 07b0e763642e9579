"""Wildcards: lists of words in files, by name, and the hook that draws each picture's prompt from its template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from modules.diffusion.errors import AquatintError
from modules.diffusion.finding import walk
from modules.studio.hooks import Hooks
from modules.studio.templates import draw

if TYPE_CHECKING:
    from modules.studio.job import Job

LARGEST = 20 * 2**20
"""Bytes of a file."""
MOST_LINES = 200_000
"""Of a file; names in YAML can stand for each other over and over."""
_REMARK = re.compile(r"(?:^|\s)#.*")


class _File(NamedTuple):
    """What a file held when it was read last."""

    identity: tuple[int, int]
    lists: dict[str, list[str]]
    problem: str = ""


class WildcardFolder:
    """The lists in the text, YAML and JSON files below a folder.

    A text file is one list, by its path below the folder without its ending: a line each, # begins a remark. A YAML or
    JSON file holds lists by the path of keys that lead to them. Names are compared with what was found, never joined to
    a path: no name leads out of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, _File] = {}
        self.lists: dict[str, list[str]] = {}
        self._found: dict[str, list[str]] = {}
        """What was looked for, and all names, in lower case."""

    @property
    def problems(self) -> list[str]:
        """A sentence for each file that cannot be read."""
        return [file.problem for file in self._files.values() if file.problem]

    def refresh(self) -> None:
        """Looks at the disk again; files that have not changed are not read."""
        files: dict[Path, _File] = {}
        for place, folders, names in walk(self._folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for path in (place / name for name in sorted(names)):
                if path.suffix.lower() in READERS:
                    files[path] = self._read(path)
        lists: dict[str, list[str]] = {}
        for file in files.values():
            for name, lines in file.lists.items():
                lists[name] = lists.get(name, []) + lines
        self._files, self.lists = files, lists
        self._found = {name.casefold(): lines for name, lines in lists.items()}

    def find(self, name: str) -> list[str]:
        """The lines of a list, or, where the name has * in it, of all that match; a list in a folder is found also
        without the folder's name, and whatever the case.

        Raises: AquatintError saying what there is.
        """
        wanted, lists, found = name.strip("/").casefold(), self.lists, self._found  # another thread may refresh
        if wanted not in found:
            patterns = (_escaped(pattern) for pattern in (wanted, f"*/{wanted}"))
            matches = ([each for each in lists if fnmatchcase(each.casefold(), pattern)] for pattern in patterns)
            names = next(filter(None, matches), [])
            found[wanted] = [line for each in names for line in lists[each]]
        if found[wanted]:
            return found[wanted]
        near = get_close_matches(wanted, lists, 3) or list(lists)[:10]
        there = f"There is: {', '.join(near)}." if near else f"The folder {self._folder.name} is empty."
        raise AquatintError(" ".join([f"There is no wildcard called {name:.80}. {there}", *self.problems]))

    def _read(self, path: Path) -> _File:
        try:
            found = path.stat()
            identity = found.st_size, found.st_mtime_ns
            known = self._files.get(path)
            if known is not None and known.identity == identity:
                return known
            if found.st_size > LARGEST:
                return _File(identity, {}, f"{path.name} is left out: it is larger than {LARGEST // 2**20} MB.")
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            return _File(identity, {}, f"{path.name} is left out: it is not UTF-8 text.")
        except OSError as error:
            return _File((0, 0), {}, f"{path.name} cannot be read: {error.strerror or error}.")
        relative = path.relative_to(self._folder)
        try:
            return _File(identity, dict(READERS[path.suffix.lower()](text, relative)))
        except _UnreadableError as error:
            return _File(identity, {}, f"{path.name} is left out: {error}.")


class Wildcards(Hooks):
    """Draws the prompts of each picture with the picture's own seed, so that a seed gives the same words again."""

    def __init__(self, folder: WildcardFolder) -> None:
        self._folder = folder

    def job_begins(self, job: Job) -> None:
        if not job.options.dynamic_prompts:
            return
        # The second pass has the words of the first where it has the same template.
        sides = (
            (job.prompts, "positive", "Template"),
            (job.negative_prompts, "negative", "Negative Template"),
            (job.hr_prompts, "positive", ""),
            (job.hr_negative_prompts, "negative", ""),
        )
        if any("__" in text for texts, _, _ in sides for text in texts):
            self._folder.refresh()
        for texts, kind, label in sides:
            before = list(texts)
            texts[:] = [self._drawn(job, text, f"{seed} {kind}") for text, seed in zip(texts, job.seeds, strict=False)]
            if label and texts != before:
                job.extra_generation_params[label] = before[0]

    def _drawn(self, job: Job, template: str, seed: str) -> str:
        drawn = draw(template, self._folder.find, Random(seed))
        for problem in drawn.problems:
            job.comment(problem)
        return drawn.text


class _UnreadableError(Exception):
    """Why a file holds no lists, to be put after its name."""


def _text_lists(text: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    lines = [_REMARK.sub("", line).strip() for line in text.splitlines()]
    yield path.with_suffix("").as_posix(), [line for line in lines if line]


def _yaml_lists(text: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        tree = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise _UnreadableError(f"{line}{error.problem or 'it is no YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _UnreadableError("it is no YAML") from None
    yield from _lists(tree, path)


def _json_lists(text: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _UnreadableError(f"it is no JSON ({error})") from None
    yield from _lists(tree, path)


def _lists(tree: Any, path: Path) -> Iterator[tuple[str, list[str]]]:
    """All lists below the keys of a tree, and single values as lists of one."""
    waiting = [("" if path.parent == Path() else path.parent.as_posix(), tree)]
    budget = MOST_LINES
    if not isinstance(tree, dict):
        waiting = [(path.with_suffix("").as_posix(), tree)]
    while waiting:
        name, node = waiting.pop()
        budget -= len(node) if isinstance(node, (dict, list)) else 1
        if budget < 0:
            raise _UnreadableError(f"it holds more than {MOST_LINES} lines")
        if isinstance(node, dict):
            below = [(f"{name}/{key}".strip("/"), value) for key, value in node.items()]
            waiting += reversed(below)
        elif node is not None:
            lines = node if isinstance(node, list) else [node]
            yield name, [str(line).strip() for line in lines if isinstance(line, (str, int, float))]


def _escaped(pattern: str) -> str:
    """For fnmatch: only * and ? stand for others."""
    return pattern.replace("[", "[[]")


READERS = {".txt": _text_lists, ".yaml": _yaml_lists, ".yml": _yaml_lists, ".json": _json_lists}
