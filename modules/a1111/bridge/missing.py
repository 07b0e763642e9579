"""What is not here by design: names that exist, and whose use says why not, and what to use instead."""

from __future__ import annotations

from typing import Any, NoReturn

from modules.diffusion.errors import AquatintError


class NotHereError(AquatintError, AttributeError):
    """Something of A1111's insides was asked for that Aquatint does not have."""


class Missing:
    """Stands for it: may be handed around and tested; used, it says what it is and what replaces it."""

    def __init__(self, name: str, instead: str) -> None:
        self.__dict__["_name"], self.__dict__["_instead"] = name, instead

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<{self._name}, which Aquatint does not have>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(f"{self._name}.{name}", self._instead)

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        refuse(self._name, self._instead)


def refuse(name: str, instead: str) -> NoReturn:
    """Raises: NotHereError."""
    raise NotHereError(f"{name} is part of A1111's insides, which Aquatint does not have: {instead}")
