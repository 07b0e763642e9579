"""A studio opened on a data folder of its own, with the starter checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modules.studio.app import App, open_app
from modules.studio.command_line import read_flags
from modules.studio.request import Txt2Img

Make = Callable[..., App]


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
