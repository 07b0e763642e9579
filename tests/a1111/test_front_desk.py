"""The Extensions tab over the bridge: what its owner does there is what is loaded after a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modules.studio.app import App
from tests.a1111.words import word

FLAGGED = "def preload(parser):\n    parser.add_argument('--wild-dir', default='usual')\n"


def brought(app: App, folder: Path) -> str:
    """Installs a folder as the tab does it."""
    extensions = word("bridge.front_desk").extensions_of(app)
    staged = extensions.intake.bring(str(folder))
    assert staged.scan.verdict == "works"
    name: str = extensions.install(staged.id)
    return name


def enabled(app: App) -> dict[str, str]:
    """Why each extension is not on, by name; "" where it is."""
    return {each.name: each.why_not for each in word("bridge.found").find_extensions(app)}


@pytest.fixture
def wild(tmp_path: Path) -> Path:
    """An extension of one script, somewhere on the machine."""
    folder = tmp_path / "brought" / "wild"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/wild.py").write_text("from modules import scripts\n")
    return folder


def test_what_changed_since_it_was_installed_is_not_loaded(open_extended: Callable[..., App], wild: Path) -> None:
    app = open_extended()
    name = brought(app, wild)
    assert enabled(app) == {"wild": ""}
    program = app.folders.data / "extensions/wild/scripts/wild.py"
    program.write_text("open('/evil', 'w')")
    app = open_extended()
    assert enabled(app) == {"wild": "scripts/wild.py changed since it was installed"}
    desk = word("bridge.front_desk").make_desk(app)
    assert [(row["state"], row["changed"]) for row in desk.state()["extensions"]] == [("changed", ["scripts/wild.py"])]
    desk.do("approve", {"name": name})
    assert enabled(app) == {"wild": ""}
    desk.do("off", {"name": name})
    assert enabled(open_extended()) == {"wild": "it is turned off"}


def test_flags_of_extensions_are_in_cmd_opts(open_extended: Callable[..., App], wild: Path) -> None:
    (wild / "preload.py").write_text(FLAGGED)
    brought(open_extended(), wild)
    open_extended(flags=["--wild-dir", "mine"])
    assert word("shared_cmd_options").cmd_opts.wild_dir == "mine"
    open_extended()
    assert word("shared_cmd_options").cmd_opts.wild_dir == "usual"


def test_where_an_extension_failed_is_told(open_extended: Callable[..., App], wild: Path) -> None:
    (wild / "scripts/wild.py").write_text("def deep():\n    raise KeyError('lost')\ndeep()\n")
    app = open_extended()
    brought(app, wild)
    app = open_extended()
    (row,) = word("bridge.front_desk").make_desk(app).state()["extensions"]
    assert (row["faults"], row["last_error"]) == (1, "loading wild.py: KeyError: 'lost'")
    assert "in deep" in row["traceback"]


def test_the_words_of_the_scan_are_those_of_the_ring(open_extended: Callable[..., App]) -> None:
    extensions = word("bridge.front_desk").extensions_of(open_extended())
    words = extensions._words
    assert words.has("", "shared")
    assert words.has("scripts", "AlwaysVisible")
    assert words.has("processing", "StableDiffusionProcessing")
    assert not words.has("scripts", "no_such_word")
