"""`webui.py extensions`, and the trial that the tab starts with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags
from modules.studio.extension_trial import run_trial
from tests.a1111.words import word

SCRIPT = """
import modules.scripts as scripts

class Wild(scripts.Script):
    def title(self): return "Wild"
    def show(self, is_img2img): return scripts.AlwaysVisible
    def process(self, p):
        try:
            open("/aquatint-was-here", "w")
        except PermissionError:
            pass
"""


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    """An extension somewhere on the machine."""
    folder = tmp_path / "brought" / "wild"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/wild.py").write_text(SCRIPT)
    return folder


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """None comes with the program, and nothing is remembered for the next test."""
    monkeypatch.setattr(word("bridge.found"), "ROOT", tmp_path)
    yield
    word("bridge.containment").containment.close()


def test_extensions_are_changed_on_the_command_line(tmp_path: Path, brought: Path, closed: None) -> None:
    said: list[str] = []
    command = word("bridge.extensions_command").Command(Flags(data_dir=tmp_path / "data"), said.append)
    assert command.run(["install", str(brought)]) == 0
    assert said[0] == "wild: works"
    assert said[-1] == "Installed as wild."
    command.run(["off", "wild"])
    said.clear()
    command.run(["list"])
    assert said == ["off         wild    it is turned off"]
    command.run(["uninstall", "wild"])
    said.clear()
    command.run([])
    assert said == []


@pytest.mark.parametrize("words", [["nothing"], ["install"], ["list", "x"], ["on", "nobody"]])
def test_what_it_does_not_understand_it_says(tmp_path: Path, closed: None, words: list[str]) -> None:
    command = word("bridge.extensions_command").Command(Flags(data_dir=tmp_path / "data"), print)
    with pytest.raises(AquatintError, match=r"extensions list|There is no extension"):
        command.run(words)


@pytest.mark.server
def test_a_trial_runs_the_hooks_in_a_program_of_its_own(brought: Path) -> None:
    trial = run_trial(brought, "wild")
    assert trial.said == []
    assert (trial.ended, trial.picture, trial.faults) == (True, True, [])
    assert trial.refused == ["writing /aquatint-was-here"]
    assert {"loading wild.py", "process"} <= trial.hooks.keys()
    assert not Path("/aquatint-was-here").exists()
