"""diffusers and transformers are imported by one thread at a time, however many ask."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import ModuleType

import pytest

from modules.diffusion import libraries


def test_threads_that_ask_at_the_same_moment_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[int] = []
    seen: list[int] = []

    def slow_import(name: str) -> ModuleType:
        inside.append(threading.get_ident())
        time.sleep(0.02)
        seen.append(len(inside))
        inside.remove(threading.get_ident())
        return import_module(name)

    monkeypatch.setattr(libraries, "import_module", slow_import)
    with ThreadPoolExecutor(8) as pool:
        asked = pool.map(lambda name: libraries.taken_from("json", name), ["loads", "dumps"] * 8)
    assert [names[0].__name__ for names in asked] == ["loads", "dumps"] * 8
    assert seen == [1] * 16


def test_what_a_library_does_not_have_is_an_error() -> None:
    with pytest.raises(AttributeError, match="CLIPPainter"):
        libraries.taken_from("transformers", "CLIPTokenizer", "CLIPPainter")
