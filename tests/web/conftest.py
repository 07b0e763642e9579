"""What the tests of the web ring share: gates before a small app, and one whole site with the starter checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from modules.studio.app import App, open_app
from modules.studio.command_line import ROOT, Flags
from modules.studio.engine import Ticket
from modules.studio.request import Txt2Img
from modules.web.accounts import Accounts
from modules.web.gate import Gate, Rules
from modules.web.login import Login, Sessions
from modules.web.server import build
from tests.web.asgi import echo, serving


@pytest.fixture
def gate() -> Gate:
    """A gate of the default rules, without a login."""
    return Gate(echo, Rules())


@pytest.fixture
def login(tmp_path: Path) -> Login:
    """alice:secret, bob:hidden and, for scripts, alice:token."""
    sessions = Sessions(tmp_path / "sessions.db")
    pairs = [("alice", "secret"), ("bob", "hidden"), ("alice", "token")]
    return Login(Accounts(pairs, sessions.salt), sessions)


@pytest.fixture
def guarded(login: Login) -> Gate:
    """A gate that asks for a login."""
    return Gate(echo, Rules(), login)


@pytest.fixture(scope="session")
def gradio_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where Gradio puts its copies of files."""
    folder = tmp_path_factory.mktemp("gradio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        yield folder


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """A studio of its own folders with the starter checkpoint; `address` closes it."""
    data = tmp_path_factory.mktemp("data")
    flags = Flags(data_dir=data, models_dir=ROOT / "models", ckpt_dir=data / "Checkpoints")
    return open_app(replace(flags, no_half=True, gradio_auth="ann:canary-password"))


@pytest.fixture(scope="session")
def site(app: App, gradio_folder: Path) -> FastAPI:
    """Everything behind the gate."""
    return build(app)


@pytest.fixture(scope="session")
def address(site: FastAPI) -> Iterator[str]:
    """The site on a port, behind a gate without a login."""
    with serving(Gate(site, Rules())) as address:
        yield address


@pytest.fixture
def open_site(site: FastAPI, address: str) -> Gate:
    """The site for `ask`, without a login."""
    return Gate(site, Rules())


@pytest.fixture
def closed_site(site: FastAPI, address: str, login: Login) -> Gate:
    """The site for `ask`, for people who log in."""
    return Gate(site, Rules(), login)


Submit = Callable[..., Ticket]


@pytest.fixture
def submit(app: App, address: str) -> Submit:
    """Submits a small quick job for somebody."""

    def submit(owner: str = "local", **changes: object) -> Ticket:
        values = {"prompt": "red heart", "seed": 7, "steps": 2, "width": 64, "height": 64, **changes}
        return app.engine.submit(Txt2Img.model_validate(values), owner)

    return submit


@pytest.fixture
def paused(app: App, address: str) -> Iterator[App]:
    """No job begins while the test runs; what it or a test before left in the queue is taken out."""
    app.engine.pause(True)
    empty_the_line(app)
    yield app
    empty_the_line(app)
    app.engine.pause(False)


def empty_the_line(app: App) -> None:
    for row in app.queue.rows(states=("queued",)):
        app.engine.cancel(row.id, row.owner)


@pytest.fixture
def options_kept(app: App) -> Iterator[None]:
    """The options are afterwards as they were."""
    before = app.settings.options.model_dump()
    yield
    app.settings.change(before)
