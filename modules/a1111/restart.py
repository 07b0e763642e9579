"""A1111's `modules.restart`: starting anew. The Extensions tab asks for it here."""

from __future__ import annotations

from .shared_state import State


def is_restartable() -> bool:
    """The server is started again by whoever started it."""
    return False


def restart_program() -> None:
    """Asks for it."""
    _state().server_command = "restart"


def stop_program() -> None:
    """Asks for the end."""
    _state().server_command = "stop"


def _state() -> State:
    from .shared import state

    return state
