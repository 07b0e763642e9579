"""Changes to somebody else's classes and modules, each of which can be taken back."""

from __future__ import annotations

from typing import Any


class Missing:
    """There was no such attribute."""


class Patches:
    """What was there before, newest last."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Puts `value` in the place of the owner's own attribute of that name; inherited ones stay where they are."""
        self._before.append((owner, name, vars(owner).get(name, Missing)))
        setattr(owner, name, value)

    def add(self, owner: Any, name: str, value: Any) -> None:
        """Adds what the owner does not have; what it has stays as it is."""
        if not hasattr(owner, name):
            self.set(owner, name, value)

    def undo(self) -> None:
        """Everything is as it was, in the order in which it came."""
        while self._before:
            owner, name, value = self._before.pop()
            if value is Missing:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
