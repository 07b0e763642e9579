"""What the tests of the studio ring share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modules.studio.app import App, open_app
from modules.studio.command_line import read_flags
from modules.studio.folders import Folders, find_folders
from modules.studio.gallery import Gallery
from modules.studio.queue import Queue
from modules.studio.request import Txt2Img

Make = Callable[..., App]


@dataclass(frozen=True)
class NoFlags:
    """A command line that says where the data folder is, and nothing else of folders."""

    data_dir: Path
    models_dir: Path | None = None
    ckpt_dir: Path | None = None
    vae_dir: Path | None = None
    lora_dir: Path | None = None
    hypernetwork_dir: Path | None = None
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


@pytest.fixture
def open_studio(tmp_path: Path) -> Iterator[Make]:
    """Opens a studio; each call after the first is a restart on the same data folder."""
    opened: list[App] = []

    def make(*flags: str) -> App:
        app = open_app(read_flags(["--data-dir", str(tmp_path), *flags], {}))
        opened.append(app)
        return app

    yield make
    for app in opened:
        app.close()


@pytest.fixture
def app(open_studio: Make) -> App:
    return open_studio("--no-half")


@pytest.fixture
def heart() -> Callable[..., Txt2Img]:
    """A small quick request."""

    def make(**changes: Any) -> Txt2Img:
        values = {"prompt": "red heart", "seed": 7, "steps": 3, "width": 64, "height": 64, "cfg_scale": 4.0}
        return Txt2Img.model_validate({**values, **changes})

    return make
