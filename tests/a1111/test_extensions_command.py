"""`webui.py extensions`, and the trial that the tab starts with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import PACKAGE_SWITCHES, ROOT, Flags, read_switches
from modules.studio.extension_trial import run_trial
from tests.a1111.words import word
from tests.studio.wheels import only_these, wheel

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


class Terminal:
    """Somebody at the command line, with an extension that wants `wanted`."""

    def __init__(self, data: Path, brought: Path) -> None:
        self.data, self.brought, self.said = data, brought, list[str]()

    def run(self, *words: str) -> str:
        """What is said then."""
        self.said.clear()
        switches, names, _ = read_switches(words, PACKAGE_SWITCHES)
        command = word("bridge.extensions_command").Command(Flags(data_dir=self.data), self.said.append, switches)
        assert command.run(names) == 0
        return "\n".join(self.said)


@pytest.fixture
def terminal(tmp_path: Path, brought: Path, closed: None, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    only_these(tmp_path / "index", monkeypatch)
    (brought / "requirements.txt").write_text("brought\n")
    wheel(tmp_path / "index", "brought", "2.0")
    terminal = Terminal(tmp_path / "data", brought)
    assert "webui.py extensions packages wild" in terminal.run("install", str(brought))
    return terminal


def test_packages_are_planned_shown_and_installed_when_somebody_agreed(terminal: Terminal) -> None:
    said = terminal.run("packages", "wild", "--yes")
    assert said.index("pip looks for brought") < said.index("These would be installed") < said.index("brought 2.0")
    assert said.endswith("wild has its packages. They count from the next start of the server on.")
    assert [path.name for path in terminal.data.rglob("brought.py")] == ["brought.py"]
    assert terminal.run("packages", "wild", "--yes").count("These would be installed") == 1


def test_nothing_is_installed_while_nobody_agrees(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AquatintError, match="--yes agrees"):
        terminal.run("packages", "wild")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert terminal.run("packages", "wild").endswith("Nothing was installed.")
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert list(terminal.data.rglob("brought.py")) == []
    assert terminal.run("packages", "wild").endswith("from the next start of the server on.")


def test_packages_that_cannot_come_are_told_with_the_ways_to_go_on(terminal: Terminal) -> None:
    (terminal.data / "extensions/wild/requirements.txt").write_text("brought\nabsent>=2\n")
    with pytest.raises(
        AquatintError, match=r"(?s)no ready-made package of absent>=2.*--leave-out  goes.*--from-source"
    ):
        terminal.run("packages", "wild", "--yes")
    said = terminal.run("packages", "wild", "--yes", "--leave-out")
    assert "Left out: absent>=2: there is no ready-made package" in said
    assert list(terminal.data.rglob("brought.py"))


@pytest.mark.parametrize(
    "words", [["nothing"], ["install"], ["packages"], ["packages", "nobody"], ["list", "x"], ["on", "nobody"]]
)
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


LASTING = """
import os, pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
print("It goes on", flush=True)
child.wait()
"""
"""An install.py that has begun another program and waits for it."""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def within(seconds: float, condition: Callable[[], object]) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


@pytest.mark.server
@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_install_script_that_is_interrupted_at_the_terminal_ends_with_what_it_began(
    terminal: Terminal, tmp_path: Path, sign: signal.Signals
) -> None:
    folder = terminal.data / "extensions/wild"
    (folder / "install.py").write_text(LASTING, "utf-8")
    command = [sys.executable, str(ROOT / "webui.py"), "extensions", "packages", "wild", "--yes"]
    words = ["--data-dir", str(terminal.data), "--skip-install"]
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert within(60, (folder / "pids").exists)
        pids = [int(pid) for pid in (folder / "pids").read_text("utf-8").split()]
        process.send_signal(sign)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "It was cancelled."
    assert "Traceback" not in said
    assert within(10, lambda: not any(map(is_alive, pids)))
    assert "wild" in terminal.run("list")
    assert list(terminal.data.rglob("brought.py"))
