"""A1111's `modules.hashes`: SHA-256 of files, remembered while they stay as they are."""

from __future__ import annotations

import hashlib
import struct
from functools import cache as _once
from pathlib import Path
from typing import Any

from modules.diffusion.file_facts import PIECE, FileFacts

from .bridge.host import host


def facts() -> FileFacts:
    """What is remembered, beside the other things that the studio keeps."""
    return _facts_in(host.app.folders.state / "extension_hashes.json")


@_once
def _facts_in(path: Path) -> FileFacts:
    return FileFacts(path)


def calculate_sha256(filename: str) -> str:
    """Of the whole file."""
    digest = hashlib.sha256()
    with Path(filename).open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def sha256_from_cache(filename: str, title: str, use_addnet_hash: bool = False) -> str | None:
    """The hash if it needs no computing. Checkpoints are known by the store."""
    path = Path(filename)
    for checkpoint in host.app.store.checkpoints if not use_addnet_hash else ():
        if path in (checkpoint.path, checkpoint.weights_path) and checkpoint.known_sha256:
            return checkpoint.known_sha256
    known = facts().get(path, "addnet" if use_addnet_hash else "sha256") if path.is_file() else None
    return known if isinstance(known, str) else None


def sha256(filename: str, title: str, use_addnet_hash: bool = False) -> str | None:
    """The hash, computed if it must be; `use_addnet_hash`: of a LoRA's weights alone. None when there is no file."""
    known = sha256_from_cache(filename, title, use_addnet_hash)
    path = Path(filename)
    if known is not None or not path.is_file():
        return known
    if not use_addnet_hash:
        return facts().sha256(path)
    with path.open("rb") as file:
        found = addnet_hash_safetensors(file)
    facts().put(path, "addnet", found)
    return found


def addnet_hash_safetensors(b: Any) -> str:
    """Of what follows the header of a safetensors file."""
    b.seek(0)
    (length,) = struct.unpack("<Q", b.read(8))
    b.seek(8 + length)
    digest = hashlib.sha256()
    while piece := b.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def dump_cache() -> None:
    """What is remembered is written at once."""


def cache(subsection: str) -> Any:
    """A dictionary that is kept; see `modules.cache`."""
    from .cache import cache as kept

    return kept(subsection)
