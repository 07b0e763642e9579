"""The trial of an extension: what it may not reach, and what is read of its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modules.studio.command_line import ROOT
from modules.studio.extension_trial import Trial, outcome_line, read_outcome

FENCED = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from modules.studio.extension_trial import Fence
inside = Path(sys.argv[2])
fence = Fence([inside])
{up}
try:
    {act}
    print("done")
except PermissionError as error:
    print(error)
"""
ACTS = {
    "open('outside.txt', 'w').close()": "writing",
    "Path('outside.txt').write_text('x')": "writing",
    "__import__('os').remove('there.txt')": "remove",
    "__import__('os').rename('there.txt', 'elsewhere.txt')": "rename",
    "__import__('shutil').rmtree('folder')": "rmtree",
    "__import__('socket').create_connection(('192.0.2.1', 9), 0.1)": "connecting to 192.0.2.1",
    "__import__('socket').getaddrinfo('nowhere.invalid', 80)": "connecting to nowhere.invalid",
    "__import__('subprocess').run(['true'])": "starting",
}


def fenced(folder: Path, act: str, up: str = "fence.put_up()") -> str:
    """What a program says that does `act` in a folder beside its own."""
    (folder / "inside").mkdir()
    (folder / "folder").mkdir()
    (folder / "there.txt").touch()
    code = FENCED.format(act=act, up=up)
    words = [sys.executable, "-c", code, str(ROOT), str(folder / "inside")]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("act", "said"), ACTS.items())
def test_a_trial_keeps_an_extension_in_its_folder(tmp_path: Path, act: str, said: str) -> None:
    assert fenced(tmp_path, act).startswith(f"A trial does not allow {said}")


def test_without_the_fence_it_would_have_been_done(tmp_path: Path) -> None:
    assert fenced(tmp_path, next(iter(ACTS)), up="") == "done\n"


def test_what_it_does_in_its_own_folder_it_may(tmp_path: Path) -> None:
    act = "(inside / 'a').write_text('x'); (inside / 'a').rename(inside / 'b'); open('there.txt').read()"
    assert fenced(tmp_path, act) == "done\n"


def test_the_outcome_is_found_among_other_lines() -> None:
    trial = Trial(True, picture=True, faults=["process: KeyError: x"], hooks={"process": 0.5})
    assert read_outcome(["a warning", outcome_line(trial), "bye"], 0) == trial
    assert trial.sentence == "It failed in its trial: process: KeyError: x"


@pytest.mark.parametrize(
    "lines", [[], ["a crash"], ["AQUATINT-TRIAL {damaged"], ['AQUATINT-TRIAL {"ended": 1, "x": 2}']]
)
def test_a_program_that_says_no_outcome_did_not_come_to_its_end(lines: list[str]) -> None:
    found = read_outcome(lines, -9)
    assert not found.ended
    assert "exit code -9" in found.sentence


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (Trial(True), "no picture"),
        (Trial(True, True), "without a fault"),
        (Trial(True, True, refused=["x"]), "kept from x"),
    ],
)
def test_a_trial_is_told_in_a_sentence(trial: Trial, said: str) -> None:
    assert said in trial.sentence
