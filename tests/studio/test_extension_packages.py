"""Packages of extensions: planned first, installed exactly as planned, in a folder of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modules.studio import extension_packages as packages
from modules.studio.extension_packages import PackagesError, Plan, install, installed_in, locks, plan, sites
from modules.studio.extension_process import CancelledError, Halt, TooLongError, run_aside
from modules.studio.extension_steps import step_in
from tests.studio.wheels import only_these, wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all the packages of the world."""
    only_these(tmp_path / "index", monkeypatch)
    return tmp_path / "index"


def names(found: Plan) -> list[str]:
    return [f"{each.name}=={each.version}" for each in found.packages]


def test_a_plan_names_what_would_come_and_installs_nothing(index: Path, tmp_path: Path) -> None:
    wheel(index, "brought", requires=["carried>=1", "pillow"])
    wheel(index, "carried", "2.0")
    found = plan(["brought"], locks())
    assert sorted(names(found)) == ["brought==1.0", "carried==2.0"]
    assert all(len(each.sha256) == 64 for each in found.packages)
    assert found.conflict == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index"]


def test_a_requirement_against_our_own_packages_is_shown_before_anything_is_installed(index: Path) -> None:
    wheel(index, "brought", requires=["pillow<2"])
    wheel(index, "pillow", "1.5")
    for wanted in (["pillow==1.5"], ["brought"]):
        found = plan(wanted, locks())
        assert found.packages == []
        assert "pillow" in found.conflict
        assert "Aquatint has pillow==" in found.conflict


def test_what_would_contradict_can_be_left_out(index: Path) -> None:
    wheel(index, "brought")
    found = plan(["pillow==1.5", "brought"], locks(), only_new=True)
    assert (names(found), found.left_out) == (["brought==1.0"], ["pillow==1.5"])


def test_what_there_is_no_package_of_can_be_left_out(index: Path) -> None:
    wheel(index, "brought")
    wheel(index, "needy", requires=["nowhere"])
    lines = ["needy", "brought", "absent>=2"]
    assert plan(lines, locks()).packages == []
    found = plan(lines, locks(), only_new=True)
    assert names(found) == ["brought==1.0"]
    assert sorted(found.left_out) == [
        "absent>=2: there is no ready-made package of absent>=2 for this Python and machine",
        "needy: there is no ready-made package of nowhere for this Python and machine; needy wants it",
    ]


def test_a_package_can_come_without_the_extras_that_would_contradict(index: Path) -> None:
    wheel(index, "brought", extras={"magic": "pillow<2"})
    wheel(index, "pillow", "1.5")
    conflict = plan(["brought[magic]>=1"], locks()).conflict
    assert "brought[magic]" in conflict
    assert "Aquatint has pillow==" in conflict
    found = plan(["brought[magic]>=1"], locks(), only_new=True)
    assert (names(found), found.left_out) == (["brought==1.0"], [f"the extras of brought[magic]>=1: {conflict}"])


def test_packages_that_only_the_tests_have_are_not_left_out(index: Path) -> None:
    wheel(index, "brought")
    found = plan(["brought"], [*locks(), "brought==1.0"], only_new=True)
    assert names(found) == ["brought==1.0"]


def test_packages_of_another_extension_hold_their_versions(index: Path) -> None:
    wheel(index, "brought", "1.0")
    wheel(index, "brought", "2.0")
    assert names(plan(["brought"], locks())) == ["brought==2.0"]
    assert names(plan(["brought"], locks([("Brought", "1.0", "sd-a")]))) == ["brought==1.0"]


def test_a_conflict_names_the_extension_whose_package_it_is(index: Path) -> None:
    wheel(index, "brought", "1.0")
    wheel(index, "brought", "2.0")
    wheel(index, "needy", requires=["brought>=2"])
    held = [*locks([("brought", "1.0", "sd-other")]), "plain==1.0"]
    assert plan(["brought>=2"], held).conflict == "it wants brought>=2; sd-other has brought==1.0"
    assert plan(["brought", "needy"], held).conflict.endswith("sd-other has brought==1.0")
    assert "Aquatint has pillow==" in plan(["pillow==1.5"], held).conflict


@pytest.mark.parametrize(
    "line",
    ["git+https://example.org/a/b", "--index-url https://example.org", "-r other.txt", "./local", "a @ https://example.org/a.whl",
     "https://example.org/a.whl", "-e .", "/abs/path.whl"],
)  # fmt: skip
def test_addresses_and_options_are_not_followed(index: Path, line: str) -> None:
    assert plan([line], []) == Plan(left_out=[line])


def test_a_package_that_is_nowhere_is_named(index: Path) -> None:
    assert plan(["nowhere>=3"], []).conflict.startswith("there is no ready-made package of nowhere>=3")


def test_a_package_that_would_be_built_here_is_not_taken_unless_asked(index: Path) -> None:
    (index / "built-1.0.tar.gz").write_bytes(b"no archive: it would be opened only to be built")
    assert plan(["built"], []).conflict.startswith("there is no ready-made package of built")
    assert not plan(["built"], [], from_source=True).conflict.startswith("there is no ready-made package")


def test_what_was_planned_is_installed_into_the_overlay_alone(index: Path, tmp_path: Path) -> None:
    wheel(index, "brought", requires=["carried"])
    wheel(index, "carried")
    overlay = packages.overlay_of(tmp_path, "x")
    install(plan(["brought"], locks()).packages, overlay)
    assert installed_in(overlay) == {"brought": "1.0", "carried": "1.0"}
    said = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path += sys.argv[1:]; import brought; print(brought.version)"]
        + [str(site) for site in sites(overlay)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "1.0\n"
    with pytest.raises(ModuleNotFoundError):
        __import__("brought")


def test_a_package_that_changed_since_the_plan_is_refused_and_the_overlay_stays(index: Path, tmp_path: Path) -> None:
    overlay = packages.overlay_of(tmp_path, "x")
    wheel(index, "carried")
    install(plan(["carried"], []).packages, overlay)
    wheel(index, "brought")
    planned = plan(["brought"], []).packages
    wheel(index, "brought", code="import os; os.system('evil')")
    with pytest.raises(PackagesError, match="could not be installed"):
        install(planned, overlay)
    assert installed_in(overlay) == {"carried": "1.0"}


def test_an_install_script_installs_into_the_overlay(index: Path, tmp_path: Path) -> None:
    wheel(index, "brought", requires=["pillow"])
    script = tmp_path / "ext/install.py"
    script.parent.mkdir()
    script.write_text(
        "import subprocess, sys\nprint('hello from', __name__, __file__)\n"
        "subprocess.run([sys.executable, '-m', 'pip', 'install', 'brought'], check=True)\n"
    )
    said: list[str] = []
    overlay = packages.overlay_of(tmp_path, "x")
    packages.run_installer(script, overlay, locks(), said.append)
    assert said[0] == f"hello from __main__ {script}"
    assert installed_in(overlay) == {"brought": "1.0"}


def test_a_version_that_an_install_script_replaces_leaves_nothing_behind(index: Path, tmp_path: Path) -> None:
    overlay = packages.overlay_of(tmp_path, "x")
    wheel(index, "brought", "2.0", also="only_in_two")
    install(plan(["brought"], locks()).packages, overlay)
    wheel(index, "brought", "1.0")
    script = tmp_path / "install.py"
    script.write_text(
        "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'brought<2'], check=True)"
    )
    packages.run_installer(script, overlay, locks(), lambda line: None)
    assert installed_in(overlay) == {"brought": "1.0"}
    there = {path.name for site in sites(overlay) for path in site.iterdir() if path.suffix == ".py"}
    assert there == {"brought.py"}
    assert "version = '1.0'" in next(site / "brought.py" for site in sites(overlay)).read_text()


def test_an_install_script_that_fails_is_quoted(tmp_path: Path) -> None:
    script = tmp_path / "install.py"
    script.write_text("raise SystemExit('No wheel of mine.')")
    with pytest.raises(PackagesError, match=r"exit code 1\. Its last words: No wheel of mine\."):
        packages.run_installer(script, packages.overlay_of(tmp_path, "x"), locks(), lambda line: None)


def test_an_install_script_cannot_replace_our_packages(index: Path, tmp_path: Path) -> None:
    wheel(index, "pillow", "1.5")
    script = tmp_path / "install.py"
    script.write_text(
        "import sys, subprocess\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'pillow==1.5'], check=True)"
    )
    before = packages.locks()
    with pytest.raises(PackagesError, match="exit code 1"):
        packages.run_installer(script, packages.overlay_of(tmp_path, "x"), locks(), lambda line: None)
    assert packages.locks() == before


def test_overlays_come_after_everything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    overlay = packages.overlay_of(tmp_path, "x")
    for site in sites(overlay):
        site.mkdir(parents=True, exist_ok=True)
    before = list(sys.path)
    packages.add_to_path([overlay, tmp_path / "nothing"])
    packages.add_to_path([overlay])
    assert sys.path == [*before, *(str(site) for site in sites(overlay))]


CHILD = "import time; time.sleep(600)"
PARENT = f"import subprocess, sys\nprint('on', flush=True)\nsubprocess.run([sys.executable, '-c', {CHILD!r}])"


def test_a_program_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(TooLongError, match="did not end within"):
        run_aside([sys.executable, "-c", PARENT], tmp_path, {}, said.append, 1.5)
    assert said == ["on"]


def test_a_program_that_ends_says_its_lines_and_its_code(tmp_path: Path) -> None:
    said: list[str] = []
    assert run_aside([sys.executable, "-c", "print(1); print(2); exit(3)"], tmp_path, {}, said.append, 60) == 3
    assert said == ["1", "2"]


def test_a_program_that_is_cancelled_is_ended_with_its_children_and_no_other_begins(tmp_path: Path) -> None:
    said: list[str] = []
    halt = Halt()

    def heard(line: str) -> None:
        said.append(line)
        halt.say()

    with pytest.raises(CancelledError):
        run_aside([sys.executable, "-c", PARENT], tmp_path, {}, heard, 600, halt)
    with pytest.raises(CancelledError):
        run_aside([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path, {}, said.append, 600, halt)
    assert said == ["on"]


def test_an_installation_that_is_cancelled_leaves_what_was_there(index: Path, tmp_path: Path) -> None:
    wheel(index, "brought")
    wheel(index, "carried")
    overlay = packages.overlay_of(tmp_path, "x")
    install(plan(["carried"], []).packages, overlay)
    halt = Halt()
    with pytest.raises(CancelledError):
        install(plan(["brought"], []).packages, overlay, say=lambda line: halt.say(), halt=halt)
    assert installed_in(overlay) == {"carried": "1.0"}
    assert [path.name for path in overlay.parent.iterdir()] == ["x"]


def test_planning_says_what_pip_says_and_what_it_goes_on_without(index: Path) -> None:
    wheel(index, "brought")
    said: list[str] = []
    plan(["brought", "absent>=2"], [], only_new=True, say=said.append)
    assert "pip tries again without absent>=2" in said
    assert any(line.startswith("Would install brought-1.0") for line in said)


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("Collecting timm==0.9 (from -r /x/wanted.txt (line 1))", "Looking at timm"),
        ("  Obtaining dependency information for timm from https://x/timm-0.9.whl.metadata", "Reading what timm needs"),
        ("  Downloading ultralytics-8.3.1-py3-none-any.whl (904 kB)", "Fetching ultralytics (904 kB)"),
        ("INFO: pip is looking at multiple versions of numpy to see", "Trying versions of numpy until one fits"),
        ("Would install brought-1.0", "Summing up"),
        ("pip tries again without absent>=2", "pip tries again without absent>=2"),
        ("ERROR: something", ""),
    ],
)  # fmt: skip
def test_of_what_pip_says_a_person_is_told_the_step(line: str, step: str) -> None:
    assert step_in(line) == step
