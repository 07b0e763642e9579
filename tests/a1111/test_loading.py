"""What an extension finds while it is loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
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


def test_an_extension_may_ask_pkg_resources_while_there_are_extensions(
    open_extended: Callable[..., App], tmp_path: Path
) -> None:
    script = tmp_path / "data/extensions/versions/scripts/versions.py"
    script.parent.mkdir(parents=True)
    script.write_text("import pkg_resources\nfound = pkg_resources.get_distribution('pillow').version", "utf-8")
    open_extended()
    specimen: Any = sys.modules["scripts.versions"]
    assert specimen.found == metadata.version("pillow")
    word("bridge.loader").unload()
    assert "pkg_resources" not in sys.modules
