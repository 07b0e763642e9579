"""What the tests of A1111's words share: a studio that they speak for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from modules.studio.app import App, open_app
from modules.studio.command_line import ROOT, read_flags
from tests.a1111.words import word

SPECIMENS = ROOT / "tests/specimens"


@pytest.fixture
def unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody opens the pages of the test: Gradio does not make its two web applications of each."""
    monkeypatch.setattr("gradio.routes.App.create_app", lambda *_, **__: None)


@pytest.fixture
def open_bound(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Opens a studio in a folder of its own and binds the words to it; each further call is a restart."""
    host = word("bridge.host").host
    opened: list[App] = []

    def make(*flags: str) -> App:
        app = open_app(read_flags(["--data-dir", str(tmp_path / "data"), "--no-half", *flags], {}))
        opened.append(app)
        host.bind(app)
        return app

    yield make
    host.release()
    for app in opened:
        app.close()


@pytest.fixture
def studio(open_bound: Callable[..., App], tmp_path: Path) -> App:
    """A studio with the starter checkpoint, for which the words speak."""
    (tmp_path / "VAE").mkdir()
    return open_bound("--models-dir", str(ROOT / "models"), "--vae-dir", str(tmp_path / "VAE"))


@pytest.fixture
def open_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., App]]:
    """Opens a studio with extensions out of tests/specimens/ in its folder; each further call is a restart. Those that
    come with the program are there with `own`."""
    opened: list[App] = []

    def make(*names: str, flags: Sequence[str] = (), own: bool = False) -> App:
        monkeypatch.setattr(word("bridge.found"), "ROOT", ROOT if own else tmp_path)
        for name in names:
            shutil.copytree(SPECIMENS / name, tmp_path / "data/extensions" / name, dirs_exist_ok=True)
        if opened:
            opened[-1].close()
            word("bridge.loader").unload()
        words = ["--data-dir", str(tmp_path / "data"), "--models-dir", str(ROOT / "models"), "--no-half", *flags]
        opened.append(open_app(read_flags(words, {}), hooks=word("bridge.opening").open_bridge))
        return opened[-1]

    yield make
    for app in opened[-1:]:
        app.close()
    word("bridge.loader").unload()
    word("bridge.extension_page").page.remove()
    word("bridge.host").host.release()
