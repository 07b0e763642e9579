"""What the tests of the web ring share."""

from __future__ import annotations

import pytest

from modules.web.gate import Gate, Rules
from tests.web.asgi import echo, new_login


@pytest.fixture
def gate() -> Gate:
    """A gate of the default rules, without a login."""
    return Gate(echo, Rules())


@pytest.fixture
def guarded() -> Gate:
    """A gate with the logins alice:secret, bob:hidden and, for scripts, alice:token."""
    return Gate(echo, Rules(), new_login())
