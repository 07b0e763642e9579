from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from modules.studio.image_files import PictureError
from modules.studio.uploads import NoSuchUploadError, Uploads
from tests.studio.samples import as_bytes, damaged_pictures, make_picture

DAMAGED = damaged_pictures()


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads")


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]


def test_an_upload_comes_back_as_pixels(uploads: Uploads) -> None:
    id = uploads.add(as_bytes(make_picture()), "alice")
    assert uploads.open(id, "alice").tobytes() == make_picture().tobytes()
    assert uploads.read(id, "alice").startswith(b"\x89PNG")


def test_an_upload_is_its_owners_alone(uploads: Uploads) -> None:
    data = as_bytes(make_picture())
    id = uploads.add(data, "alice")
    with pytest.raises(NoSuchUploadError):
        uploads.read(id, "bob")
    assert uploads.add(data, "bob") != id


def test_nothing_but_pixels_is_kept(uploads: Uploads, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "CANARY camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (47.0, 8.0, 15.0)
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0CANARY"
    data = as_bytes(make_picture(), "JPEG", exif=exif, comment=b"CANARY", icc_profile=b"CANARY" * 30, xmp=b"<CANARY/>")
    data += b"PK\x03\x04CANARY"
    assert data.count(b"CANARY") > 5
    id = uploads.add(data, "alice")
    assert b"CANARY" not in uploads.read(id, "alice")
    assert all(b"CANARY" not in path.read_bytes() for path in files(tmp_path))
    assert all("alice" not in str(path.relative_to(tmp_path)) for path in files(tmp_path))


def test_a_turned_photograph_is_kept_upright(uploads: Uploads) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 8
    id = uploads.add(as_bytes(make_picture(64, 48), "PNG", exif=exif), "alice")
    assert uploads.open(id, "alice").size == (48, 64)


def test_transparency_is_kept(uploads: Uploads) -> None:
    image = make_picture().convert("RGBA")
    image.putalpha(100)
    assert uploads.open(uploads.add(as_bytes(image), "alice"), "alice").getpixel((0, 0)) == (255, 255, 255, 100)


def test_the_same_picture_is_kept_once(uploads: Uploads, tmp_path: Path) -> None:
    ids = {uploads.add(as_bytes(make_picture(), "BMP"), "alice"), uploads.add(as_bytes(make_picture()), "alice")}
    assert len(ids) == 1
    assert len(files(tmp_path)) == 1


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("fault", DAMAGED)
def test_a_damaged_file_is_refused_and_nothing_written(uploads: Uploads, tmp_path: Path, fault: str) -> None:
    with pytest.raises(PictureError):
        uploads.add(DAMAGED[fault], "alice")
    assert files(tmp_path) == []


@pytest.mark.parametrize("id", ["", "..", "../../../etc/hostname", "/etc/hostname", "0" * 32, "0" * 31 + "\n", "x\0"])
def test_an_id_is_never_a_path(uploads: Uploads, id: str) -> None:
    with pytest.raises(NoSuchUploadError, match="Put it in again"):
        uploads.open(id, "alice")


@pytest.mark.parametrize("owner", ["../..", "/etc", "", "a/b", "x" * 5000, "\0", "猫"])
def test_an_owner_may_be_called_anything(uploads: Uploads, tmp_path: Path, owner: str) -> None:
    id = uploads.add(as_bytes(make_picture()), owner)
    assert uploads.open(id, owner).size == (64, 48)
    assert len(files(tmp_path)) == 1


def test_old_uploads_that_nothing_needs_are_swept(uploads: Uploads, tmp_path: Path) -> None:
    ids = [uploads.add(as_bytes(make_picture(colour=colour)), "alice") for colour in ("red", "green", "blue")]
    half = files(tmp_path)[0].with_name(".half.png.1.tmp")
    half.touch()
    yesterday = time.time() - 86_400
    for path in files(tmp_path):
        os.utime(path, (yesterday, yesterday))
    assert uploads.add(as_bytes(make_picture(colour="red")), "alice") == ids[0]
    assert uploads.sweep({ids[1]}, older_than=3600) == 2
    assert {path.stem for path in files(tmp_path)} == {ids[0], ids[1]}


def test_sweeping_before_anything_was_brought_is_nothing(uploads: Uploads) -> None:
    assert uploads.sweep(set(), older_than=0) == 0
