"""How long 10,000 cards take to open: `python -m benchmarks.cards [folder]`.

Cold: nothing is remembered; warm: a server that was started again; again: one that has shown them before. Five pairs of
cold and warm, one after another, so that a busy moment of the machine meets both.
"""

from __future__ import annotations

import json
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from modules.diffusion.lora_files import LoraFolder
from modules.studio.network_cards import Cards, Source

FILES = 10_000
FOLDERS = 50
PAIRS = 5
SHOWN = 60
"""Cards of the first page, whose headers are read."""


class Taken(NamedTuple):
    """Milliseconds. On a busy machine others have the processor for the rest of the time."""

    wall: float
    cpu: float


def main() -> None:
    """Prints a line a measurement."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as place:
        folder, cache = Path(place) / "Lora", Path(place) / "cards.json"
        _make(folder)
        opening: dict[str, list[Taken]] = {"cold": [], "warm": []}
        again: dict[str, list[Taken]] = {"cold": [], "warm": []}
        searching: list[Taken] = []
        for _ in range(PAIRS):
            for each in (cache, cache.with_name("loras.json")):
                each.unlink(missing_ok=True)
            for name, times in opening.items():
                loras = LoraFolder([folder], cache.with_name("loras.json"))
                cards = Cards({"lora": Source(lambda loras=loras: _look(loras), (folder,))}, cache)  # type: ignore[misc]
                times.append(_timed(lambda cards=cards, loras=loras: _open(cards, loras)))  # type: ignore[misc]
                again[name].append(_timed(lambda cards=cards, loras=loras: _open(cards, loras)))  # type: ignore[misc]
                if name == "warm":
                    searching.append(_timed(lambda cards=cards: cards.find("lora", "word7 of")))  # type: ignore[misc]
        for name, times in {**opening, "again": again["cold"] + again["warm"], "search": searching}.items():
            wall, cpu = ([getattr(taken, kind) for taken in times] for kind in Taken._fields)
            line = f"{name:8} median {statistics.median(wall):8.1f} ms   worst {max(wall):8.1f} ms"
            print(f"{line}   of which the processor {statistics.median(cpu):8.1f} ms")


def _look(loras: LoraFolder) -> dict[str, str]:
    loras.refresh()
    return {name: file.file for name, file in loras.files.items()}


def _open(cards: Cards, loras: LoraFolder) -> None:
    """What the server does for the first page."""
    for card in cards.find("lora")[:SHOWN]:
        cards.notes(card)
        cards.tags(card)
        loras.text_width(loras.files[card.name])
    cards.save()
    loras.save()


def _make(folder: Path) -> None:
    """Files with a training's header; every tenth with notes, every second with a picture."""
    for number in range(FILES):
        path = folder / f"folder {number % FOLDERS}" / f"network {number:05}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        tags = {f"word{number % 100} of {tag}": tag + 1 for tag in range(200)}
        header = json.dumps({"__metadata__": {"ss_tag_frequency": json.dumps({"1_a": tags})}}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header)
        if number % 10 == 0:
            path.with_suffix(".json").write_text(json.dumps({"activation text": f"word{number % 100} of it"}))
        if number % 2 == 0:
            path.with_suffix(".png").touch()


def _timed(call: Callable[[], object]) -> Taken:
    start = time.perf_counter(), time.process_time()
    call()
    return Taken((time.perf_counter() - start[0]) * 1000, (time.process_time() - start[1]) * 1000)


if __name__ == "__main__":
    main()
