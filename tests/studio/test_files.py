from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.files import DiskFullError, write_atomically
from modules.studio.folders import REPOSITORY


def failing(number: int) -> Any:
    """A system call that fails with this error."""

    def call(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return call


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_the_disk_has_the_bytes_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(os, "write", _recorded(order, "write", os.write))
    monkeypatch.setattr(os, "fsync", _recorded(order, "fsync", os.fsync))
    monkeypatch.setattr(Path, "replace", _recorded(order, "rename", Path.replace))
    write_atomically(tmp_path / "file", b"x")
    assert order == ["write", "fsync", "rename", "fsync"]


def _recorded(order: list[str], name: str, call: Any) -> Any:
    def recorded(*arguments: Any) -> Any:
        order.append(name)
        return call(*arguments)

    return recorded


@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, call, failing(number))
    with pytest.raises(DiskFullError, match="full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_faults_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", failing(errno.EIO))
    with pytest.raises(AquatintError, match="settings"):
        write_atomically(tmp_path / "settings", b"x")


LIMITED = """
import resource, signal, sys
from pathlib import Path
from modules.studio.files import DiskFullError, write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(Path(sys.argv[1]), b"x" * 100_000)
except DiskFullError:
    print("full")
"""


def test_a_file_that_the_system_cuts_short_is_not_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, path], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert child.stdout == "full\n"
    assert list(tmp_path.iterdir()) == []
