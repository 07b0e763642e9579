"""What the tests of the web ring share."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.web.accounts import Accounts
from modules.web.gate import Gate, Rules
from modules.web.login import Login, Sessions
from tests.web.asgi import echo


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
