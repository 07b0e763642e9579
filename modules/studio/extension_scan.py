"""What an extension's sources say before any of it runs: whether it works here, what it hooks and may do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from modules.studio.extension_code import read_code
from modules.studio.extension_conflicts import requirement_name
from modules.studio.extension_needs import BROUGHT, taken_for_granted
from modules.studio.extension_paths import failing, loaded_of, lora_modules, own_modules, unbrought
from modules.studio.extension_words import Words

Verdict = Literal["works", "shimmed", "cannot"]

MOST_SOURCES = 3000
LARGEST_SOURCE = 4 << 20
SKIPPED = frozenset({".git", "__pycache__", "node_modules", "venv", ".venv", "tests", "test"})
HOST = re.compile(r"(?:https?|wss?)://[\w.-]+")
REACHES = re.compile(r"\b(fetch|XMLHttpRequest|\.open|WebSocket|EventSource|import|src|sendBeacon)\b")
PIP = re.compile(r"""(?:run_pip\(\s*f?|pip["']?,\s*["']install["'],\s*)["'](?:install\s+)?([^"']+)""")
NAMES_A_PACKAGE = re.compile(r"[A-Za-z0-9][\w.-]*[\s\w.\[\],<>=~!*-]*")
DEPENDENCIES = re.compile(r"^\[project\]\s*$[^\0]*?^dependencies\s*=\s*(\[[^\0]*?\])\s*(?:#.*)?$", re.MULTILINE)
"""The list of a pyproject.toml, which is written as Python's lists are."""


@dataclass(frozen=True)
class Scan:
    """The report on an extension's folder."""

    verdict: Verdict
    reasons: list[str] = field(default_factory=list)
    """Why it cannot, or what is translated for it."""
    hooks: list[str] = field(default_factory=list)
    """The moments of a job and of the page that it takes part in."""
    notes: list[str] = field(default_factory=list)
    """What else it does that its owner may want to know."""
    requirements: list[str] = field(default_factory=list)
    """Lines of its requirements.txt or pyproject.toml, and packages that it takes for granted: A1111 brings them."""
    installs: list[str] = field(default_factory=list)
    """What its install.py asks pip for, as far as its text tells; it may ask for more."""
    has_installer: bool = False
    has_flags: bool = False
    """A preload.py, which adds to the command line."""
    sources: int = 0


def scan(folder: Path, words: Words) -> Scan:
    """Reads every source of an extension; runs nothing."""
    codes = [read_code(path, path.relative_to(folder).as_posix(), words) for path in sources(folder)]
    loaded, own = loaded_of(codes), own_modules(codes)
    impossible = _unique(reason for code in loaded for reason in code.impossible)
    impossible += _unique(lora_modules(loaded, own))
    impossible += _unique(failing(loaded, own))
    shims = _unique(shim for code in codes for shim in code.shims)
    doubts = _unique(reason for code in codes if code not in loaded for reason in code.impossible)
    notes = _unique([*(note for code in codes for note in code.notes), *_script_notes(folder)])
    notes += [f"may lack: {doubt}" for doubt in doubts[:8]]
    if not any((loaded, _javascript(folder), (folder / "style.css").exists(), (folder / "localizations").is_dir())):
        impossible.append("there is nothing of an extension in it: no scripts/, no javascript/, no style.css")
    installer = folder / "install.py"
    requirements = requirements_of(folder)
    at_first = [code for code in codes if code in loaded or code.path == installer.name]
    needs = (need for code in at_first for need in code.needs if need not in own)
    doubtful = notes if requirements or installer.is_file() else impossible
    later = (need for code in loaded_of(codes, later=True) for need in code.later if need not in own)
    requirements += taken_for_granted([*needs, *later], requirements)
    named = [*BROUGHT, *(requirement_name(line) for line in [*requirements, *_installs(installer)])]
    doubtful += unbrought(loaded, own, named)
    verdict: Verdict = "cannot" if impossible else "shimmed" if shims else "works"
    return Scan(
        verdict=verdict,
        reasons=impossible or shims,
        hooks=_unique(hook for code in codes for hook in code.hooks),
        notes=notes,
        requirements=requirements,
        installs=_installs(installer),
        has_installer=installer.is_file(),
        has_flags=(folder / "preload.py").is_file(),
        sources=len(codes),
    )


def sources(folder: Path) -> list[Path]:
    """The Python files below a folder, not those that only test or belong to git."""
    found = (path for path in sorted(folder.rglob("*.py")) if not SKIPPED.intersection(path.relative_to(folder).parts))
    return [path for path, _ in zip(found, range(MOST_SOURCES), strict=False) if path.stat().st_size < LARGEST_SOURCE]


def requirements_of(folder: Path) -> list[str]:
    """The lines of requirements.txt that name a package; where there is no such file, pyproject.toml's."""
    text = _text(folder / "requirements.txt")
    if text is None:
        return _dependencies(_text(folder / "pyproject.toml") or "")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _dependencies(text: str) -> list[str]:
    found = DEPENDENCIES.search(text.replace("\r\n", "\n"))
    try:
        lines = ast.literal_eval(found[1]) if found else []
    except (ValueError, SyntaxError):
        return []
    return [line.strip() for line in lines if isinstance(line, str) and line.strip()]


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8-sig", "replace")
    except OSError:
        return None


def _installs(installer: Path) -> list[str]:
    found = (found.strip() for found in PIP.findall(_text(installer) or ""))
    return _unique(each for each in found if NAMES_A_PACKAGE.fullmatch(each) and each != "install")


def _javascript(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "javascript").glob("*") if path.suffix in (".js", ".mjs"))


def _script_notes(folder: Path) -> Iterator[str]:
    for path in _javascript(folder):
        text = path.read_bytes()[:LARGEST_SOURCE].decode("utf-8", "replace")
        if hosts := {host for line in text.splitlines() if REACHES.search(line) for host in HOST.findall(line)}:
            yield f"javascript/{path.name} asks other servers: {', '.join(sorted(hosts)[:3])}"
        if re.search(r"\beval\(|new Function\(", text):
            yield f"javascript/{path.name} runs text as a program"


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
