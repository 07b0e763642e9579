"""The doctor: each check finds what it looks for, and a healthy installation has nothing to mend."""

from __future__ import annotations

import collections
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio import doctor, folders
from modules.studio.command_line import ROOT, Flags
from modules.studio.doctor import CHECKS, FLOORS, Finding, examine
from modules.studio.installation import installed_version
from modules.studio.queue import DataLock

Usage = collections.namedtuple("Usage", "total used free")


@pytest.fixture
def flags(tmp_path: Path) -> Flags:
    """A server of this machine with a data folder of its own."""
    return Flags(data_dir=tmp_path, port=0, device="cpu")


def test_a_healthy_installation_can_make_pictures(flags: Flags) -> None:
    lines: list[str] = []
    assert examine(flags, lines.append) == 0
    assert [line[5:18].strip() for line in lines if not line.startswith(" ")] == list(CHECKS)
    assert "starter" in lines[-1]


def test_a_complaint_is_followed_by_its_remedy_and_counts(flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", {"one": lambda f: Finding("broken", "glue it", stops=True)})
    lines: list[str] = []
    assert examine(flags, lines.append) == 1
    assert lines == ["STOP one          broken", "                  -> glue it"]


def test_a_remark_does_not_count(flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", {"one": lambda f: Finding("old", "polish it")})
    assert examine(flags, print) == 0


@pytest.mark.parametrize("error", [AquatintError("no such device"), ImportError("No module named 'torch'")])
def test_a_check_that_fails_is_a_complaint(flags: Flags, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def check(flags: Flags) -> Finding:
        raise error

    monkeypatch.setattr(doctor, "CHECKS", {"one": check})
    lines: list[str] = []
    assert examine(flags, lines.append) == 1
    assert str(error) in lines[0]


def test_an_untested_python_is_remarked(flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert "3.99.0 is untested" in doctor.check_python(flags).text


def test_a_missing_package_is_named(flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "pins", lambda file: {"torch": "2.14.1", "nonesuch": "1.0", "xformers": "0"})
    found = doctor.check_packages(flags)
    assert found.stops
    assert "missing: nonesuch" in found.text


def test_another_version_is_remarked(flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "pins", lambda file: {"pillow": "1.0"})
    found = doctor.check_packages(flags)
    assert "instead of 1.0" in found.text
    assert found.remedy
    assert not found.stops


def test_an_old_package_is_remarked_with_what_the_hole_is_about(flags: Flags, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed_version", {"torch": "2.9.1", "gradio": "6.31.0"}.get)
    assert doctor.check_floors(flags).text == "torch 2.9.1 is older than 2.10 (reading a pickle safely)"


@pytest.mark.parametrize("package", FLOORS)
def test_what_is_installed_and_what_is_pinned_is_no_older_than_the_floor(package: str) -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = [line.partition("==")[2].partition(" ")[0] for line in lines if line.startswith(f"{package}==")]
    assert pinned
    floor = doctor._numbers(FLOORS[package][0])
    assert all(doctor._numbers(version) >= floor for version in [*pinned, installed_version(package) or "0"])


def test_versions_are_compared_by_their_numbers() -> None:
    assert doctor._numbers("2.14.1rc2") == (2, 14, 1)
    assert doctor._numbers("2.9.1") < doctor._numbers("2.10")


def test_a_device_that_is_not_there_is_a_complaint(tmp_path: Path) -> None:
    lines: list[str] = []
    assert examine(Flags(data_dir=tmp_path, port=0, device="mps"), lines.append) == 1
    assert any(line.startswith("STOP device") for line in lines)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("a file where a folder should be")
    found = doctor.check_folders(Flags(data_dir=tmp_path))
    assert found.stops
    assert str(tmp_path / "outputs") in found.text


def test_looking_at_folders_leaves_nothing_behind(tmp_path: Path) -> None:
    assert not doctor.check_folders(Flags(data_dir=tmp_path / "new")).remedy
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("free", "remedy", "stops"), [(5 << 30, False, False), (1 << 30, True, False), (9, True, True)]
)
def test_little_room_is_remarked_and_none_is_a_complaint(
    flags: Flags, monkeypatch: pytest.MonkeyPatch, free: int, remedy: bool, stops: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, free))
    found = doctor.check_room(flags)
    assert (bool(found.remedy), found.stops) == (remedy, stops)


def test_a_server_that_would_let_anybody_in_is_a_complaint(tmp_path: Path) -> None:
    lines: list[str] = []
    assert examine(Flags(data_dir=tmp_path, port=0, device="cpu", listen=True), lines.append) == 1
    assert any(line.startswith("STOP login") and "--gradio-auth" in line for line in lines)


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (Flags(), "this machine only"),
        (Flags(listen=True, insecure_no_login=True), "anybody"),
        (Flags(listen=True, gradio_auth="a:b"), "unencrypted"),
    ],
)
def test_the_login_is_told(flags: Flags, text: str) -> None:
    assert text in doctor.check_login(flags).text


def test_a_taken_port_is_a_complaint(tmp_path: Path) -> None:
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = Flags(data_dir=tmp_path, port=other.getsockname()[1], device="cpu")
        assert examine(taken, lines.append) == 1
    assert any(line.startswith("STOP port") for line in lines)


@pytest.fixture
def another_server(tmp_path: Path) -> Iterator[int]:
    """The number of a process that holds the data folder, as a server does."""
    script = (
        "import sys; from pathlib import Path; from modules.studio.queue import DataLock\n"
        "with DataLock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "aquatint")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid


def test_another_server_on_the_data_folder_is_named(flags: Flags, another_server: int) -> None:
    found = doctor.check_data(flags)
    assert f"process {another_server}" in found.text
    assert found.remedy


def test_a_data_folder_that_nobody_holds_is_free(flags: Flags, tmp_path: Path) -> None:
    assert doctor.check_data(flags).text == "unused"
    DataLock(tmp_path / "aquatint").release()
    assert "is free" in doctor.check_data(flags).text


def test_without_a_checkpoint_there_is_no_picture(
    flags: Flags, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "REPOSITORY", tmp_path)
    found = doctor.check_checkpoints(flags)
    assert found.stops
    assert str(tmp_path / "models/Stable-diffusion") in found.remedy


def test_a_broken_checkpoint_is_named_and_the_others_count(flags: Flags, tmp_path: Path) -> None:
    place = tmp_path / "models/Stable-diffusion"
    place.mkdir(parents=True)
    (place / "half.safetensors").write_bytes(b"\x00" * 100)
    found = doctor.check_checkpoints(flags)
    assert not found.stops
    assert "half.safetensors" in found.text
