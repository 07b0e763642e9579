"""The cards of networks: LoRAs, embeddings, hypernetworks and checkpoints, with pictures and notes."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.diffusion.file_facts import FileFacts
from modules.diffusion.finding import ending, walk
from modules.studio.card_facts import read_facts
from modules.studio.card_notes import CardNotes, insertion, read_notes, write_notes
from modules.studio.files import write_atomically
from modules.studio.image_files import open_picture

Kind = Literal["lora", "embedding", "hypernetwork", "checkpoint"]
KINDS: tuple[Kind, ...] = ("lora", "embedding", "hypernetwork", "checkpoint")
PICTURES = ("png", "jpg", "jpeg", "webp")
"""In A1111's order: `stem.png`, `stem.preview.png`, `stem.jpg` ..."""
THUMBNAIL = 384
"""Pixels of the longer side."""
LARGEST_PICTURE = 64 << 20
"""Bytes."""
ON_CARDS = 12
"""Training tags that are searched and shown without opening a card."""


NO_NOTES = CardNotes()


class NoSuchCardError(AquatintError):
    """The file is not there any more, or never was."""


class Card(NamedTuple):
    """One file, and what lies beside it. Paths are texts: there may be ten thousand cards, and few are looked at."""

    id: str
    """Random to look at; it says nothing of the path."""
    kind: Kind
    name: str
    """As prompts have it; a checkpoint's as the list of checkpoints has it."""
    file: str
    stem: str
    """What the names of the files beside it begin with."""
    folder: str
    """Below the kind's own folder, with "/"; empty for that itself."""
    size: int
    changed: float
    picture_file: str
    has_notes: bool

    @property
    def path(self) -> Path:
        return Path(self.file)

    @property
    def picture(self) -> Path | None:
        return Path(self.picture_file) if self.picture_file else None

    @property
    def notes_file(self) -> Path:
        return self.path.parent / f"{self.stem}.json"

    @property
    def version(self) -> int:
        """Another one when the picture changes, for its address."""
        try:
            return self.picture.stat().st_mtime_ns if self.picture else 0
        except OSError:
            return 0


@dataclass(frozen=True)
class Source:
    """Where the cards of a kind come from: `look` gives {name: path} of what is on the disk now."""

    look: Callable[[], Mapping[str, str] | Mapping[str, Path]]
    roots: tuple[Path, ...]


class Cards:
    """All cards. The disk is looked at when it is asked for; notes and headers are read once until they change."""

    def __init__(self, sources: Mapping[Kind, Source], cache: Path | None = None) -> None:
        self._sources = sources
        self._facts = FileFacts(cache)
        self._cards: dict[Kind, list[Card]] = {}
        self._by_id: dict[str, Card] = {}
        self._seen: dict[Kind, dict[str, int]] = {}
        """When the folders last changed that were looked at."""
        self._lock = threading.Lock()

    def refresh(self, kind: Kind) -> None:
        """Looks at the disk again."""
        source = self._sources[kind]
        listings = {str(place): frozenset(names) for root in source.roots for place, _, names in walk(root)}
        seen = {place: _changed(place) for place in (*map(str, source.roots), *listings)}
        cards = list(_cards(kind, source.look(), source.roots, listings))
        with self._lock:
            self._cards[kind], self._seen[kind] = cards, seen
            self._by_id = {card.id: card for each in self._cards.values() for card in each}

    def all(self, kind: Kind) -> list[Card]:
        """The cards of a kind, by name; the disk is looked at again when a file came, went or was renamed."""
        seen = self._seen.get(kind)
        if seen is None or any(_changed(place) != changed for place, changed in seen.items()):
            self.refresh(kind)
        return self._cards[kind]

    def get(self, id: str) -> Card:
        """Raises: NoSuchCardError."""
        if not self._by_id:
            for kind in self._sources:
                self.refresh(kind)
        card = self._by_id.get(id)
        if card is None or not card.path.exists():
            raise NoSuchCardError("That file is not there any more. Look for files again.")
        return card

    def find(self, kind: Kind, words: str = "", folder: str | None = None, sort: str = "name") -> list[Card]:
        """The cards that hold all of the words in their name, folder, notes or known training tags.

        `folder` keeps what is in it or below it; `sort` is name, date (the newest first) or size (the largest first).
        """
        wanted = words.casefold().split()
        inside = f"{folder}/" if folder else ""
        found = [
            card
            for card in self.all(kind)
            if (not folder or card.folder == folder or card.folder.startswith(inside))
            and (not wanted or _holds(wanted, card, self))
        ]
        if sort == "date":
            found.sort(key=lambda card: -card.changed)
        elif sort == "size":
            found.sort(key=lambda card: -card.size)
        return found

    def notes(self, card: Card) -> CardNotes:
        """What is written beside the file."""
        if not card.has_notes:
            return NO_NOTES
        beside = card.notes_file
        known = self._facts.get(beside, "notes")
        if not isinstance(known, dict):
            known = read_notes(beside).model_dump()
            if beside.exists():
                self._facts.put(beside, "notes", known, save=False)
        return CardNotes.model_construct(**known)

    def tags(self, card: Card, *, read: bool = True) -> list[str]:
        """The most frequent training tags; without `read` only if the header was read before."""
        known = self._facts.get(card.file, "tags")
        if known is None and read:
            known = [tag for tag, _ in read_facts(card.path).tags[:ON_CARDS]]
            self._facts.put(card.file, "tags", known, save=False)
        return list(known or ())

    def save(self) -> None:
        """Remembers on disk what was read."""
        self._facts.save()

    def write_notes(self, card: Card, notes: CardNotes) -> None:
        """Raises: AquatintError when the file beside is damaged or cannot be written."""
        write_notes(card.notes_file, notes)
        self.refresh(card.kind)

    def write_picture(self, card: Card, data: bytes) -> None:
        """Makes a picture the card's own, as PNG, where A1111 looks for it. Raises: AquatintError."""
        image = open_picture(data)
        file = io.BytesIO()
        image.save(file, "PNG")
        write_atomically(_place_for_picture(card), file.getvalue())
        self.refresh(card.kind)

    def thumbnail(self, card: Card) -> bytes:
        """The card's picture, small, as WebP. Raises: NoSuchCardError when it has none, PictureError."""
        try:
            if card.picture is None or card.picture.stat().st_size > LARGEST_PICTURE:
                raise NoSuchCardError("This card has no picture.")
            image = open_picture(card.picture.read_bytes())
        except OSError as error:
            raise NoSuchCardError("The picture of this card is not there any more.") from error
        return as_thumbnail(image)

    def insertion(self, card: Card) -> str:
        """What a click puts into the prompt; nothing for a checkpoint."""
        if card.kind == "lora":
            return insertion(card.name, self.notes(card))
        if card.kind == "hypernetwork":
            return insertion(card.name, self.notes(card), "hypernet")
        return card.name if card.kind == "embedding" else ""


def as_thumbnail(image: Image.Image) -> bytes:
    """The picture, small, as WebP."""
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=82)
    return file.getvalue()


def folders_of(cards: Iterable[Card]) -> list[str]:
    """Every folder that holds a card, and those above it, in order."""
    found: set[str] = set()
    for folder in {card.folder for card in cards}:
        parts = folder.split("/") if folder else []
        found.update("/".join(parts[: end + 1]) for end in range(len(parts)))
    return sorted(found, key=str.casefold)


def _holds(words: Sequence[str], card: Card, cards: Cards) -> bool:
    near = f"{card.folder}/{card.name}".casefold()
    if all(word in near for word in words):
        return True
    notes = cards.notes(card)
    told = (notes.activation_text, notes.description, notes.sd_version, *cards.tags(card, read=False))
    everything = "\n".join((near, *told)).casefold()
    return all(word in everything for word in words)


def _cards(
    kind: Kind, files: Mapping[str, str | Path], roots: Sequence[Path], listings: Mapping[str, frozenset[str]]
) -> Iterable[Card]:
    folders: dict[str, str] = {}
    pictures: dict[str, dict[str, str]] = {}
    for name, path in sorted(files.items(), key=lambda pair: pair[0].casefold()):
        parent, last = os.path.split(path)
        if parent not in folders:
            folders[parent] = _folder(Path(parent), roots)
            pictures[parent] = _pictures(listings.get(parent, ()))
        try:
            found = os.stat(path)  # noqa: PTH116 - of ten thousand files
        except OSError:  # taken away just now
            continue
        stem = last if stat.S_ISDIR(found.st_mode) else last.removesuffix(ending(last))
        beside, picture = listings.get(parent, frozenset()), pictures[parent].get(stem, "")
        yield Card(
            id=hashlib.sha256(f"{kind} {path}".encode("utf-8", "surrogateescape")).hexdigest()[:24],
            kind=kind,
            name=name,
            file=str(path),
            stem=stem,
            folder=folders[parent],
            size=found.st_size,
            changed=found.st_mtime,
            picture_file=picture and f"{parent}{os.sep}{picture}",
            has_notes=f"{stem}.json" in beside or f"{stem}.txt" in beside,
        )


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116
    except OSError:
        return 0


def _pictures(names: Iterable[str]) -> dict[str, str]:
    """{stem of a network: its picture} among the names in a folder; the first of PICTURES counts."""
    ranks = {f"{middle}.{ending}": rank for rank, (ending, middle) in enumerate(product(PICTURES, ("", ".preview")))}
    found: dict[str, tuple[int, str]] = {}
    for name in names:
        last = ending(name)
        for end in (last, f".preview{last}"):
            rank = ranks.get(end)
            if rank is not None and name.endswith(end):
                found[name[: -len(end)]] = min((rank, name), found.get(name[: -len(end)], (rank, name)))
    return {stem: name for stem, (_, name) in found.items()}


def _folder(place: Path, roots: Sequence[Path]) -> str:
    root = next((root for root in roots if place.is_relative_to(root)), None)
    inner = place.relative_to(root).as_posix() if root is not None else ""
    return "" if inner == "." else inner


def _place_for_picture(card: Card) -> Path:
    """An embeddings folder may hold pictures that are embeddings; there the name says that it is only a preview."""
    middle = ".preview" if card.kind == "embedding" else ""
    if card.picture is not None and card.picture.suffix.lower() == ".png":
        return card.picture
    return card.path.parent / f"{card.stem}{middle}.png"
