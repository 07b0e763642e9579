"""The ways through an extension's files: what is loaded at the start, what jobs call, and what fails on the way."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator
from importlib.machinery import PathFinder

from modules.studio.extension_code import Code
from modules.studio.extension_conflicts import plain_name
from modules.studio.extension_reach import AT_ONCE
from modules.studio.extension_words import LORA, LORA_INSTEAD, OF_FORGE, STUBS
from modules.studio.stand_ins import STAND_INS

TOPS = frozenset({"modules", "launch", "webui", "scripts", "extensions", "BLIP", "repositories"})
HERE = TOPS | OF_FORGE | STUBS | STAND_INS.keys()


def loaded_of(codes: list[Code], *, later: bool = False) -> list[Code]:
    """The files that are run when the server starts: those in scripts/, preload.py, and what they import; `later`, also
    those that are imported at any time."""
    by_path = {code.path: code for code in codes}
    waiting = [code for path, code in by_path.items() if path == "preload.py" or re.fullmatch(r"scripts/[^/]+", path)]
    found: list[Code] = []
    searches = any(code.searches for code in codes)
    while waiting:
        code = waiting.pop()
        if code not in found:
            found.append(code)
            needs = [*code.needs, *code.later] if later else code.needs
            paths = [path for need in needs for path in (f"{need}.py", f"{need}/__init__.py")]
            there = [path for path in paths if path in by_path]
            further = [each for path in paths if searches and path not in there for each in _below(path, by_path)]
            waiting += [by_path[path] for path in there + further]
    return sorted(found, key=lambda code: code.path)


def _below(path: str, paths: Iterable[str]) -> list[str]:
    """Where an extension that changes the search path may find it: the only file whose path ends like that."""
    head = path.partition("/")[0].removesuffix(".py")
    found = [each for each in paths if each.endswith(f"/{path}")]
    if len(found) != 1 or head in TOPS or head in sys.stdlib_module_names or PathFinder.find_spec(head):
        return []
    return found


def lora_modules(loaded: list[Code], own: Collection[str]) -> Iterator[str]:
    """Imports of A1111's Lora extension by files that are loaded."""
    for code in loaded:
        for need in sorted(LORA.intersection(code.needs).difference(own)):
            yield f"{code.path} imports {need} of A1111's Lora extension: {LORA_INSTEAD}"


def failing(loaded: list[Code], own: Collection[str]) -> Iterator[str]:
    """What is reached for, and is not here, by functions that the start or a job calls, and by what they call."""
    by_path = {code.path: code for code in loaded}
    waiting = [(code, name) for code in loaded for name in (AT_ONCE, *code.roots)]
    seen: set[tuple[str, str]] = set()
    said: set[tuple[str, str]] = set()
    while waiting:
        code, name = waiting.pop(0)
        if (code.path, name) in seen or name not in code.functions:
            continue
        seen.add((code.path, name))
        for line, text in code.functions[name].reaches:
            own_import = any(text.startswith(f"imports {each} ") for each in own)
            if not own_import and (code.path, text) not in said:
                said.add((code.path, text))
                yield f"{code.path}:{line} {text}"
        for called in code.functions[name].calls:
            waiting += _where(called, code, by_path)


def _where(called: str, code: Code, by_path: dict[str, Code]) -> Iterator[tuple[Code, str]]:
    """The functions that a call may mean: of the same file, or of the one that the name was imported from."""
    module, _, name = called.rpartition(".")
    if not module or module in ("self", "cls"):
        yield code, name
    paths = (f"{module.replace('.', '/')}{ending}" for ending in (".py", "/__init__.py"))
    yield from ((by_path[path], name) for path in paths if path in by_path)


def own_modules(codes: list[Code]) -> set[str]:
    """What an import without dots finds of the extension itself: what lies at its top, or further below too when it
    changes the search path."""
    paths = [code.path.removesuffix(".py").removesuffix("/__init__") for code in codes]
    own = {path.partition("/")[0] for path in paths} - {"scripts"}
    return own | {part for path in paths for part in path.split("/")} if any(code.searches for code in codes) else own


def unbrought(loaded: list[Code], own: Collection[str], named: Collection[str]) -> Iterator[str]:
    """Packages that are imported for certain, and are neither here nor named."""
    known = {*HERE, *LORA, *own, *named, *sys.stdlib_module_names}
    found: dict[str, str] = {}
    for code in loaded:
        for need in dict.fromkeys(need.partition("/")[0] for need in code.needs):
            if need.isidentifier() and known.isdisjoint({need, plain_name(need)}) and not PathFinder.find_spec(need):
                found.setdefault(need, code.path)
    if found:
        packages = ", ".join(f"{need} ({path})" for need, path in found.items())
        yield f"imports what is not here and no line of its names, though a package may bring it: {packages}"
