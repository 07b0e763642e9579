"""What the tests of the studio ring share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from modules.studio.folders import Folders, find_folders
from modules.studio.gallery import Gallery
from modules.studio.queue import Queue


@dataclass(frozen=True)
class NoFlags:
    """A command line that says where the data folder is, and nothing else of folders."""

    data_dir: Path
    models_dir: Path | None = None
    ckpt_dir: Path | None = None
    vae_dir: Path | None = None
    lora_dir: Path | None = None
    embeddings_dir: Path | None = None
    styles_file: tuple[str, ...] = ()


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """The folders of a fresh data folder."""
    found = find_folders(NoFlags(tmp_path / "data"))
    found.make()
    return found


@pytest.fixture
def gallery(folders: Folders) -> Gallery:
    """An empty gallery."""
    return Gallery(folders.state / "gallery.db", folders)


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """An empty queue."""
    return Queue(tmp_path / "queue.db")
