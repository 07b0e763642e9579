"""Archives of extensions: what is unpacked, and what is refused."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from modules.studio import extension_archive
from modules.studio.extension_archive import ArchiveError, bare_name, unpack

LINK = stat.S_IFLNK << 16


def zipped(path: Path, *entries: tuple[str, bytes], attributes: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            row = zipfile.ZipInfo(name)
            row.external_attr = attributes
            file.writestr(row, data)
    return path


def tarred(path: Path, *rows: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for row in rows:
            tar.addfile(row, io.BytesIO(b"x" * row.size))
    return path


def row(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def test_the_one_folder_of_an_archive_is_the_extension(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", ("name-main/scripts/a.py", b"a"), ("name-main/README.md", b"b"))
    found = unpack(archive, tmp_path / "out")
    assert found == tmp_path / "out/name-main"
    assert (found / "scripts/a.py").read_bytes() == b"a"


def test_a_folder_that_belongs_to_an_extension_wraps_nothing(tmp_path: Path) -> None:
    assert unpack(zipped(tmp_path / "a.zip", ("scripts/a.py", b"")), tmp_path / "out") == tmp_path / "out"


def test_files_that_lie_bare_in_a_tar_are_unpacked_too(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar.gz", row("./scripts/a.py", size=3), row("./b.py", size=1))
    found = unpack(archive, tmp_path / "out")
    assert found == tmp_path / "out"
    assert (found / "scripts/a.py").read_bytes() == b"xxx"


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/etc/evil", "C:/evil", "..\\evil", "a\\b", "a//b", "nul.txt", "a/CON", "a.", "a ",
     "b:c", "x\x01y", "a/./b", "n" * 300],
)  # fmt: skip
def test_names_that_mean_another_place_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match="is no name for a file"):
        unpack(zipped(tmp_path / "a.zip", ("good.py", b""), (name, b"x")), tmp_path / "in/out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]
    with pytest.raises(ArchiveError, match="is no name for a file"):
        unpack(tarred(tmp_path / "a.tgz", row("good.py"), row(name, size=1)), tmp_path / "in/out")


@pytest.mark.parametrize("names", [("a.py", "a.py"), ("a.py", "A.PY"), ("é.py", "é.py"), ("a", "a/b.py")])
def test_a_file_that_is_there_twice_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    archive = tarred(tmp_path / "a.tar.gz", *(row(name, size=1) for name in names))
    with pytest.raises(ArchiveError, match=r"twice|as a file and as a folder"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(ArchiveError, match="a link or a device"):
        unpack(tarred(tmp_path / "a.tar.gz", row("a", kind, link="/etc/passwd")), tmp_path / "out")
    with pytest.raises(ArchiveError, match="a link or a device"):
        unpack(zipped(tmp_path / "a.zip", ("a", b"/etc/passwd"), attributes=LINK), tmp_path / "out2")


def test_a_bomb_is_stopped_while_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension_archive, "MOST_BYTES", 1 << 20)
    archive = zipped(tmp_path / "a.zip", ("a", b"\0" * (1 << 20)), ("b", b"\0"))
    with pytest.raises(ArchiveError, match="larger than 1 MB"):
        unpack(archive, tmp_path / "out")
    monkeypatch.setattr(extension_archive, "MOST_BYTES", 2 << 20)
    assert (unpack(archive, tmp_path / "out2") / "b").exists()


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extension_archive, "MOST_FILES", 3)
    with pytest.raises(ArchiveError, match="more than 3 files"):
        unpack(zipped(tmp_path / "a.zip", *((str(n), b"") for n in range(4))), tmp_path / "out")
    unpack(zipped(tmp_path / "b.zip", *((str(n), b"") for n in range(3))), tmp_path / "out")


def locked(path: Path) -> Path:
    data = bytearray(zipped(path, ("a.py", b"a")).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    path.write_bytes(data)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(tarred(path, row("a", size=99_999)).read_bytes()[:-60])
    return path


def text(path: Path) -> Path:
    path.write_text("not an archive")
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [(locked, "locked with a password"), (cut, "damaged|neither"), (text, "neither a .zip"), (zipped, "no file in it")],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(ArchiveError, match=said):
        unpack(make(tmp_path / "a.zip"), tmp_path / "out")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.TGZ", "x.tar", "x"])
def test_an_archives_name_is_the_extensions(name: str) -> None:
    assert bare_name(name) == "x"
