"""An extension whose native libraries end the process while it is loaded is set aside after two starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modules.studio.app import App
from tests.a1111.words import word


@pytest.fixture
def file(tmp_path: Path) -> Path:
    containment: Any = word("bridge.containment").containment
    containment.open(tmp_path / "extensions.json")
    return tmp_path / "loading.json"


def start(file: Path, *names: str, ends: bool = True) -> str:
    """A start at which these are loaded in turn; the one that is set aside."""
    turns = word("bridge.turns").Turns(file)
    turns.blame()
    aside = [name for name in ("first", "crasher") if not word("bridge.containment").containment.conduct(name).runs]
    for name in names:
        turns.begins(name)
    if ends:
        turns.over()
    return " ".join(aside)


def test_two_starts_in_a_row_that_end_at_one_extension_set_it_aside(file: Path) -> None:
    assert start(file, "first", "crasher", ends=False) == ""
    assert start(file, "first", "crasher", ends=False) == ""
    assert start(file, "first") == "crasher"
    conduct = word("bridge.containment").containment.conduct("crasher")
    assert "2 starts in a row ended without a word" in conduct.last_error


def test_one_start_that_somebody_ended_is_no_fault(file: Path) -> None:
    start(file, "first", "crasher", ends=False)
    start(file, "first", "crasher")
    start(file, "first", "crasher", ends=False)
    assert start(file, "first", "crasher") == ""


def test_starts_that_ended_at_two_extensions_blame_neither(file: Path) -> None:
    start(file, "first", ends=False)
    start(file, "first", "crasher", ends=False)
    assert start(file, "first", "crasher") == ""


@pytest.mark.parametrize("text", ["", "[]", '{"turn": "crasher"}', '{"turn": "crasher", "ended": 3}', "\ufffe"])
def test_a_damaged_file_blames_nobody(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    assert start(file, "first", "crasher", ends=False) == ""
    assert json.loads(file.read_text("utf-8")) == {"turn": "crasher", "ended": {}}


def test_after_a_start_nothing_of_it_is_left(open_extended: Callable[..., App]) -> None:
    app = open_extended("leaver")
    assert not (app.folders.state / "loading.json").exists()
