"""What an extension finds while it is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from modules.studio.app import App
from tests.a1111.words import word


def test_names_that_an_extension_has_not_imported_are_there_below_the_package(
    open_extended: Callable[..., App], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("generation_parameters_copypaste", "shared_items", "hypernetworks.ui"):
        word(name)
        monkeypatch.delitem(sys.modules, f"modules.{name}")
        monkeypatch.delattr(f"modules.{name}")
    open_extended("whole_package")
    specimen: Any = sys.modules["scripts.whole_package"]
    assert [each.__name__ for each in specimen.seen] == [
        "parse_generation_parameters",
        "train_hypernetwork",
        "sd_vae_items",
    ]
