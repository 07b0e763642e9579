"""Networks that a picture names and that have another name here: found by the hash that its parameters recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modules.diffusion.errors import AquatintError
from modules.diffusion.hypernetworks import find_hypernetworks
from modules.diffusion.prompt_parts import LORA_KINDS, network_tags

if TYPE_CHECKING:
    from modules.studio.again import Again
    from modules.studio.app import App

PROMPTS = ("prompt", "negative_prompt", "hr_prompt", "hr_negative_prompt")
HYPERNETWORK = "hypernetwork "
MOST = 100
"""Networks of a kind in one picture."""
DIGITS = re.compile("[0-9a-f]{8,64}")
Rename = Callable[[str, str, str], str]
"""(text, name, other name) -> the text with the other name."""


class _Kind(NamedTuple):
    """One kind of network: what it is called, the files that are here, and how a prompt names one."""

    word: str
    files: Mapping[str, Callable[[], str]]
    """{name: what computes the hash of the file}"""
    rename: Rename


def by_their_hashes(again: Again, app: App) -> Again:
    """The request with the names that its networks have here, where the file of the recorded name is not here or is
    another one, and a file of the recorded hash is. All files of that kind may have to be read for it."""
    for entry, look in (("Lora hashes", _loras), ("TI hashes", _embeddings)):
        again = _all_renamed(again, app, look, list(_pairs(again.extra.get(entry, ""))))
    marked = {what: hash for what, hash in again.networks.items() if what.startswith(HYPERNETWORK)}
    hypernetworks = [(what.removeprefix(HYPERNETWORK), hash) for what, hash in marked.items()]
    return _all_renamed(again, app, _hypernetworks, hypernetworks)


def _all_renamed(again: Again, app: App, look: Callable[[App], _Kind], recorded: list[tuple[str, str]]) -> Again:
    """Looks for the files of a kind only where networks of it are recorded."""
    if recorded:
        kind = look(app)
        for name, hash in recorded:
            again = _renamed(again, kind, name, hash)
    return again


def _loras(app: App) -> _Kind:
    def hash_of(name: str) -> Callable[[], str]:
        return lambda: app.loras.short_hash(app.loras.find(name))

    app.loras.refresh()
    return _Kind("LoRA", {name: hash_of(name) for name in app.loras.files}, _in_tags(LORA_KINDS))


def _embeddings(app: App) -> _Kind:
    def hash_of(name: str) -> Callable[[], str]:
        return lambda: app.embeddings.short_hash(app.embeddings.files[name])

    app.embeddings.refresh()
    return _Kind("embedding", {name: hash_of(name) for name in app.embeddings.files}, _in_words)


def _hypernetworks(app: App) -> _Kind:
    def hash_of(path: Path) -> Callable[[], str]:
        return lambda: app.facts.hash_of(path)

    files = {name: hash_of(path) for name, path in find_hypernetworks(app.folders.hypernetworks).items()}
    return _Kind("hypernetwork", files, _in_tags(("hypernet",)))


def _pairs(entry: str) -> Iterator[tuple[str, str]]:
    """Of an entry like "style: 0123456789ab, other: ba9876543210"."""
    for pair in entry.split(", ", MOST)[:MOST]:
        name, _, hash = pair.rpartition(": ")
        if name:
            yield name, hash


def _renamed(again: Again, kind: _Kind, name: str, hash: str) -> Again:
    other = _here(kind, name, hash) if DIGITS.fullmatch(hash) else None
    if other is None:
        return again
    texts = {field: text for field in PROMPTS if (text := getattr(again.request, field, None))}
    changed = {field: kind.rename(text, name, other) for field, text in texts.items()}
    if changed == texts:
        return again
    entries = {
        key: ", ".join(f"{other if was == name else was}: {digits}" for was, digits in _pairs(text))
        for key, text in again.extra.items()
    }
    what = {f"{HYPERNETWORK}{name}": f"{HYPERNETWORK}{other}"} if kind.word == "hypernetwork" else {}
    return replace(
        again,
        request=again.request.model_copy(update=changed),
        extra=entries,
        networks={what.get(key, key): digits for key, digits in again.networks.items()},
        notes=(*again.notes, f"The {kind.word} {name:.80} is called {other:.80} here."),
    )


def _here(kind: _Kind, name: str, hash: str) -> str | None:
    """The name of another file of that hash; None when the one of this name has it, and when there is none."""
    same = [each for each in kind.files if each.casefold() == name.casefold()]
    if any(_has(kind.files[each], hash) for each in same):
        return None
    return next((each for each in kind.files if each not in same and _has(kind.files[each], hash)), None)


def _has(compute: Callable[[], str], hash: str) -> bool:
    try:
        here = compute()
    except (AquatintError, OSError):
        return False
    return here[: len(hash)] == hash[: len(here)] != ""


def _in_tags(kinds: Iterable[str]) -> Rename:
    """For networks that prompts name as `<kind:name:...>`."""

    def rename(text: str, name: str, other: str) -> str:
        if set(other) & set(":>="):
            return text
        pieces, end = list[str](), 0
        for tag in network_tags(text):
            named = [argument for argument in tag.arguments if "=" not in argument]
            if tag.kind in kinds and named and named[0].strip().casefold() == name.casefold():
                arguments = [other if argument is named[0] else argument for argument in tag.arguments]
                pieces += [text[end : tag.span.start], f"<{':'.join([tag.kind, *arguments])}>"]
                end = tag.span.end
        return "".join([*pieces, text[end:]])

    return rename


def _in_words(text: str, name: str, other: str) -> str:
    """For embeddings, whose name is a word of the prompt; one that the grammar would take apart cannot be."""
    if set(other) & set(":|<>{}#,\\"):
        return text
    escaped = re.sub(r"[()\[\]]", r"\\\g<0>", other)
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda _: escaped, text, flags=re.IGNORECASE)
