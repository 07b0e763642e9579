from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio import gallery as gallery_module
from modules.studio.database import Database
from modules.studio.files import DiskFullError
from modules.studio.filing import Filing
from modules.studio.folders import REPOSITORY, Folders
from modules.studio.gallery import Gallery, NoSuchPictureError, Rebuilt
from modules.studio.image_files import open_picture, read_parameters
from modules.studio.infotext import write_infotext
from modules.studio.job import Job, SavedImage
from modules.studio.picture_index import Picture, PictureIndex
from tests.studio.samples import MODEL, as_bytes, make_job, make_picture


def save(gallery: Gallery, job: Job, index: int = 0, **how: Any) -> SavedImage:
    return gallery.save(Filing(make_picture(), write_infotext(job, index, MODEL)), job, index, **how)


def path_of(saved: SavedImage) -> Path:
    assert saved.path is not None
    return saved.path


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# Saving


def test_a_picture_lies_where_a1111_puts_it(gallery: Gallery, folders: Folders) -> None:
    saved = save(gallery, make_job())
    folder = folders.outputs / "txt2img-images"
    assert path_of(saved).parent.parent == folder
    assert re.fullmatch(r"\d{4}-\d\d-\d\d/00000-1000\.png", path_of(saved).relative_to(folder).as_posix())


def test_a_saved_picture_carries_its_infotext(gallery: Gallery) -> None:
    job = make_job()
    saved = save(gallery, job)
    assert read_parameters(path_of(saved).read_bytes()) == saved.infotext == write_infotext(job, 0, MODEL)
    assert open_picture(path_of(saved).read_bytes()).tobytes() == make_picture().tobytes()
    assert (saved.seed, saved.width, saved.height) == (1000, 64, 48)


@pytest.mark.parametrize(
    ("kind", "grid", "folder"),
    [
        ("txt2img", False, "txt2img-images"),
        ("img2img", False, "img2img-images"),
        ("inpaint", False, "img2img-images"),
        ("txt2img", True, "txt2img-grids"),
        ("inpaint", True, "img2img-grids"),
    ],
)
def test_each_kind_has_its_folder(gallery: Gallery, folders: Folders, kind: str, grid: bool, folder: str) -> None:
    saved = save(gallery, make_job(kind), grid=grid)
    assert path_of(saved).is_relative_to(folders.outputs / folder)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["00000-1000.png", "00001-1001.png"]),
        ({"samples_format": "jpg"}, ["00000-1000.jpg", "00001-1001.jpg"]),
        ({"samples_format": "webp"}, ["00000-1000.webp", "00001-1001.webp"]),
        ({"samples_filename_pattern": "[prompt_spaces]"}, ["00000-a cat.png", "00001-a cat.png"]),
        ({"samples_filename_pattern": "[none]"}, ["00000.png", "00001.png"]),
        ({"save_images_add_number": False}, ["1000.png", "1001.png"]),
        (
            {"save_images_add_number": False, "samples_filename_pattern": "[prompt]"},
            ["a_cat-1.png", "a_cat.png"],
        ),
        ({"save_images_add_number": False, "samples_filename_pattern": "[none]"}, ["00000.png", "00001.png"]),
        ({"save_txt": True}, ["00000-1000.png", "00000-1000.txt", "00001-1001.png", "00001-1001.txt"]),
    ],
)
def test_options_decide_names(gallery: Gallery, options: dict[str, Any], names: list[str]) -> None:
    job = make_job(options=options, prompts=("a cat", "a cat"))
    folder = path_of(save(gallery, job, 0)).parent
    save(gallery, job, 1)
    assert below(folder) == names


def test_options_decide_folders(gallery: Gallery, folders: Folders) -> None:
    flat = save(gallery, make_job(options={"save_to_dirs": False, "outdir_txt2img_samples": "outputs/mine"}))
    assert path_of(flat) == folders.outputs / "mine" / "00000-1000-a cat.png"
    nested = save(gallery, make_job(options={"directories_filename_pattern": "[steps]/../[prompt]"}))
    assert path_of(nested).parent == folders.outputs / "txt2img-images" / "20" / "a_cat"


def test_grids_have_their_own_numbers(gallery: Gallery) -> None:
    job = make_job(options={"grid_format": "jpg"})
    assert [path_of(save(gallery, job, grid=True)).name for _ in range(2)] == ["grid-0000.jpg", "grid-0001.jpg"]


def test_numbers_go_on_after_what_lies_there(gallery: Gallery) -> None:
    folder = path_of(save(gallery, make_job())).parent
    (folder / "00041-5.png").touch()
    assert path_of(save(gallery, make_job())).name == "00042-1000.png"


def test_the_parameters_may_be_kept_out_of_the_file(gallery: Gallery) -> None:
    saved = save(gallery, make_job(options={"enable_pnginfo": False}))
    assert read_parameters(path_of(saved).read_bytes()) == ""
    assert saved.infotext


def test_parameters_too_long_for_a_jpeg_are_written_beside_it(gallery: Gallery) -> None:
    saved = save(gallery, make_job(options={"samples_format": "jpg"}, prompts=("猫" * 40_000,)))
    assert path_of(saved).with_suffix(".txt").read_text("utf-8") == f"{saved.infotext}\n"


def test_a_file_says_nothing_of_its_owner(gallery: Gallery, folders: Folders) -> None:
    saved = save(gallery, make_job(owner="alice"))
    assert b"alice" not in path_of(saved).read_bytes()
    assert "alice" not in str(path_of(saved).relative_to(folders.data))


@pytest.mark.parametrize("prompt", ["../../x", "/etc/x", "🐈" * 4000, "CON", "nul\0l", "a.", "-rf"])
def test_a_hostile_prompt_in_the_name_stays_in_the_folder(gallery: Gallery, folders: Folders, prompt: str) -> None:
    options = {"samples_filename_pattern": "[prompt]", "directories_filename_pattern": "[prompt_spaces]"}
    saved = save(gallery, make_job(options=options, prompts=(prompt,)))
    assert path_of(saved).resolve().is_relative_to(folders.outputs.resolve())
    assert gallery.read(saved.id, "local")[0] == path_of(saved).read_bytes()


# Faults


def test_the_order_on_disk_is_file_name_folder_row(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, folders: Folders
) -> None:
    save(gallery, make_job())
    order: list[str] = []
    database: Database = gallery._index._database
    database.connection.set_trace_callback(lambda statement: order.append(statement.split()[0]))
    for owner, name in ((os, "write"), (os, "fsync"), (Path, "replace")):
        monkeypatch.setattr(owner, name, _recorded(order, name, getattr(owner, name)))
    save(gallery, make_job())
    assert [step for step in order if step in ("write", "fsync", "replace", "COMMIT")] == [
        "write", "fsync", "replace", "fsync", "COMMIT",
    ]  # fmt: skip


def _recorded(order: list[str], name: str, call: Any) -> Any:
    def recorded(*arguments: Any) -> Any:
        order.append(name)
        return call(*arguments)

    return recorded


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_leaves_no_file_and_no_row(
    gallery: Gallery, folders: Folders, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(DiskFullError, match="disk is full"):
        save(gallery, make_job())
    monkeypatch.undo()
    assert below(folders.outputs) == []
    assert gallery.find("local") == []
    assert path_of(save(gallery, make_job())).name == "00000-1000.png"


def test_a_picture_that_did_not_fit_can_still_be_downloaded(gallery: Gallery) -> None:
    job = make_job()
    kept = gallery.keep_in_memory(Filing(make_picture(), write_infotext(job, 0, MODEL)), job, 0)
    assert read_parameters(gallery.read(kept.id, "local")[0]) == kept.infotext


CHILD = """
import sys
from pathlib import Path
from modules.studio.filing import Filing
from modules.studio.folders import find_folders
from modules.studio.gallery import Gallery
from tests.studio.conftest import NoFlags
from tests.studio.samples import make_job, make_picture
folders = find_folders(NoFlags(Path(sys.argv[1])))
gallery = Gallery(folders.state / "gallery.db", folders)
for number in range(int(sys.argv[2])):
    print(gallery.save(Filing(make_picture(), ""), make_job(), 0).path, flush=True)
"""


def child(folders: Folders, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, folders.data, str(count)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_four_processes_save_two_hundred_different_files(gallery: Gallery, folders: Folders) -> None:
    children = [child(folders, 50) for _ in range(4)]
    paths = [line for running in children for line in running.communicate()[0].split()]
    assert len(paths) == len(set(paths)) == 200
    assert len({Path(path).name[:5] for path in paths}) == 200
    assert len(gallery.find("local", limit=500)) == 200
    assert all(open_picture(Path(path).read_bytes()).size == (64, 48) for path in paths[::20])


def test_a_kill_leaves_only_whole_pictures(gallery: Gallery, folders: Folders) -> None:
    killed = child(folders, 100_000)
    assert killed.stdout is not None
    for _ in range(5):
        killed.stdout.readline()
    killed.kill()
    killed.communicate()
    gallery.recover()
    files = [path for path in folders.outputs.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.name.startswith(".")] == []
    assert all(open_picture(path.read_bytes()).size == (64, 48) for path in files)
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    connection = sqlite3.connect(folders.state / "gallery.db")
    rows = connection.execute("SELECT path, sha256 FROM pictures").fetchall()
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert len(rows) >= 5
    assert all(hashes[Path(path).name] == sha256 for path, sha256 in rows)


def test_what_a_kill_left_half_written_is_removed(gallery: Gallery) -> None:
    folder = path_of(save(gallery, make_job())).parent
    (folder / ".00001.tmp").write_bytes(b"half a picture")
    assert path_of(save(gallery, make_job())).name == "00002-1000.png"
    gallery.recover()
    assert below(folder) == ["00000-1000.png", "00002-1000.png"]


def test_outputs_that_vanished_are_made_again(gallery: Gallery, folders: Folders) -> None:
    first = save(gallery, make_job())
    folders.outputs.rename(folders.data / "moved")
    second = save(gallery, make_job())
    assert second.path == first.path
    assert gallery.get(first.id, "local") is None
    assert [item.id for item in gallery.find("local", words="cat")] == [second.id]


def test_a_folder_that_cannot_be_made_fails_the_picture_with_words(gallery: Gallery, folders: Folders) -> None:
    folders.outputs.rmdir()
    folders.outputs.write_text("in the way")
    with pytest.raises(AquatintError, match="cannot be written"):
        save(gallery, make_job())


def test_threads_save_side_by_side(gallery: Gallery) -> None:
    threads = [threading.Thread(target=save, args=(gallery, make_job())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(gallery.find("local")) == 8


# Owners


def test_a_picture_is_its_owners_alone(gallery: Gallery) -> None:
    saved = save(gallery, make_job(owner="alice"))
    assert gallery.get(saved.id, "alice") == saved
    assert gallery.get(saved.id, "bob") is None
    assert gallery.find("bob") == []
    assert gallery.delete(saved.id, "bob") is False
    for read in (gallery.read, gallery.thumbnail):
        with pytest.raises(NoSuchPictureError):
            read(saved.id, "bob")
    assert gallery.read(saved.id, "alice")[1] == "image/png"


@pytest.mark.parametrize("id", ["", "../../config.json", "/etc/passwd", "0" * 32, "x\0", "' OR 1=1 --", "%", "*"])
def test_an_id_is_never_a_path(gallery: Gallery, id: str) -> None:
    save(gallery, make_job())
    assert gallery.get(id, "local") is None
    assert gallery.delete(id, "local") is False
    with pytest.raises(NoSuchPictureError):
        gallery.read(id, "local")
    with pytest.raises(NoSuchPictureError):
        gallery.thumbnail(id, "local")


def test_ids_are_random(gallery: Gallery) -> None:
    ids = {save(gallery, make_job()).id for _ in range(5)}
    assert len(ids) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", id) for id in ids)


def test_a_link_in_a_pictures_place_is_not_followed(gallery: Gallery, tmp_path: Path) -> None:
    saved = save(gallery, make_job())
    secret = tmp_path / "secret.png"
    secret.write_bytes(as_bytes(make_picture()))
    path_of(saved).unlink()
    path_of(saved).symlink_to(secret)
    with pytest.raises(NoSuchPictureError):
        gallery.read(saved.id, "local")


def test_a_file_that_is_no_picture_any_more_is_not_handed_out(gallery: Gallery) -> None:
    saved = save(gallery, make_job())
    path_of(saved).write_text("<html>")
    with pytest.raises(NoSuchPictureError):
        gallery.read(saved.id, "local")


def test_a_vanished_file_is_said_in_words(gallery: Gallery) -> None:
    saved = save(gallery, make_job())
    path_of(saved).unlink()
    with pytest.raises(NoSuchPictureError, match="no such picture"):
        gallery.read(saved.id, "local")


# In memory


def test_unsaved_pictures_are_known_to_their_owner_until_newer_ones_push_them_out(
    gallery: Gallery, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_module, "KEPT_IN_MEMORY", 2)
    job = make_job(owner="alice")
    kept = [gallery.keep_in_memory(Filing(make_picture(), "text"), job, 0) for _ in range(3)]
    assert gallery.get(kept[0].id, "alice") is None
    assert gallery.get(kept[2].id, "alice") == kept[2]
    assert gallery.get(kept[2].id, "bob") is None
    assert kept[2].path is None
    data, mime = gallery.read(kept[2].id, "alice")
    assert (open_picture(data).size, mime) == ((64, 48), "image/png")
    assert Image.open(io.BytesIO(gallery.thumbnail(kept[2].id, "alice"))).format == "WEBP"
    assert gallery.find("alice") == []
    assert below(folders.outputs) == []
    assert gallery.delete(kept[2].id, "alice") is True
    assert gallery.get(kept[2].id, "alice") is None


# Finding


def test_the_newest_come_first_and_pages_continue(gallery: Gallery) -> None:
    saved = [save(gallery, make_job()).id for _ in range(7)]
    first = gallery.find("local", limit=3)
    second = gallery.find("local", limit=3, before=first[-1].cursor)
    third = gallery.find("local", limit=3, before=second[-1].cursor)
    assert [item.id for item in (*first, *second, *third)] == saved[::-1]


def test_a_page_continues_though_pictures_came_and_went(gallery: Gallery) -> None:
    saved = [save(gallery, make_job()).id for _ in range(4)]
    first = gallery.find("local", limit=2)
    save(gallery, make_job())
    gallery.delete(first[-1].id, "local")
    assert [item.id for item in gallery.find("local", before=first[-1].cursor)] == [saved[1], saved[0]]


@pytest.mark.parametrize("cursor", ["", "x", "1", "1-2-3", "-1-1", "9" * 40 + "-1", "1-1; DROP TABLE pictures"])
def test_a_place_that_is_none_is_refused(gallery: Gallery, cursor: str) -> None:
    with pytest.raises(AquatintError, match="place"):
        gallery.find("local", before=cursor)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", ["cat", "dog", "猫"]),
        ("cat", ["cat"]),
        ("CAT", ["cat"]),
        ("ca sit", ["cat"]),
        ("cafe", ["dog"]),
        ("blurry", ["cat", "dog", "猫"]),
        ("cat dog", []),
        ("猫", ["猫"]),
        ('"', ["cat", "dog", "猫"]),
        ("cat\" OR 'dog", []),
        ("NOT cat", []),
        ("prompt: cat", []),
        ("* - + ^ ( ) :", ["cat", "dog", "猫"]),
        ("x" * 5000, []),
        ("cat " * 5000, ["cat"]),
    ],
)
def test_words_are_looked_for_in_both_prompts(gallery: Gallery, words: str, found: list[str]) -> None:
    for prompt in ("a cat, sitting", "a dog in a Café", "猫"):
        save(gallery, make_job(prompts=(prompt,), negative_prompts=("blurry",)))
    prompts = [item.prompt for item in gallery.find("local", words=words)]
    assert sorted(prompts) == sorted(
        {"cat": "a cat, sitting", "dog": "a dog in a Café", "猫": "猫"}[name] for name in found
    )


def test_model_sampler_and_day_narrow_the_list(gallery: Gallery) -> None:
    save(gallery, make_job())
    item = gallery.find("local")[0]
    day = path_of(save(gallery, make_job(sampler_name="Heun"))).parent.name
    assert (item.model, item.sampler, item.kind, item.grid) == ("sd_xl_base_1.0", "Euler a", "txt2img", False)
    assert len(gallery.find("local", model="sd_xl_base_1.0")) == 2
    assert len(gallery.find("local", model="other")) == 0
    assert len(gallery.find("local", sampler="Heun")) == 1
    assert [len(gallery.find("local", date=date)) for date in (day, day[:7], day[:4], "1999")] == [2, 2, 2, 0]


def test_a_list_holds_the_beginning_of_a_long_prompt(gallery: Gallery) -> None:
    save(gallery, make_job(prompts=("word " * 4000,)))
    assert gallery.find("local")[0].prompt == ("word " * 60)


def test_the_pictures_of_a_job_are_told_in_their_order_without_its_grid(gallery: Gallery) -> None:
    job = make_job(id="mine", prompts=("a", "b"))
    saved = [save(gallery, job, index) for index in range(2)]
    save(gallery, job, grid=True)
    save(gallery, make_job(id="other"))
    assert gallery.of_job("mine") == saved


# Thumbnails and deleting


def test_a_thumbnail_is_small_and_bare_and_made_once(gallery: Gallery, folders: Folders) -> None:
    job = make_job()
    saved = gallery.save(Filing(make_picture(1200, 600), write_infotext(job, 0, MODEL)), job, 0)
    small = gallery.thumbnail(saved.id, "local")
    image = Image.open(io.BytesIO(small))
    assert (image.format, image.size) == ("WEBP", (384, 192))
    assert b"Steps" not in small
    assert gallery.thumbnail(saved.id, "local") == small
    assert len(below(folders.state / "thumbnails")) == 1


def test_a_deleted_picture_leaves_nothing(gallery: Gallery, folders: Folders) -> None:
    saved = save(gallery, make_job(options={"save_txt": True}, prompts=("a secret wish",)))
    gallery.thumbnail(saved.id, "local")
    assert gallery.delete(saved.id, "local") is True
    assert below(folders.outputs) == []
    assert below(folders.state / "thumbnails") == []
    assert gallery.find("local", words="secret") == []
    assert gallery.delete(saved.id, "local") is False


# Rebuilding


def test_pictures_that_lie_there_already_come_in(gallery: Gallery, folders: Folders) -> None:
    job = make_job(prompts=("from before",))
    for name, format in (("txt2img-images/old/00000-1.png", "png"), ("img2img-images/2023/00007-9.jpg", "jpg")):
        path = folders.outputs / name
        path.parent.mkdir(parents=True)
        saved = gallery.keep_in_memory(
            Filing(make_picture(), write_infotext(job, 0, MODEL)),
            replace(job, options=job.options.model_copy(update={"samples_format": format})),
            0,
        )
        path.write_bytes(gallery.read(saved.id, "local")[0])
    assert gallery.rebuild() == Rebuilt(added=2, removed=0, skipped=0)
    items = {item.kind: item for item in gallery.find("local", words="before")}
    assert items["txt2img"].model == items["img2img"].model == "sd_xl_base_1.0"
    assert items["txt2img"].seed == 1000
    assert gallery.read(items["img2img"].id, "local")[1] == "image/jpeg"
    assert gallery.rebuild() == Rebuilt(added=0, removed=0, skipped=0)


def test_one_bad_file_does_not_keep_the_others_out(gallery: Gallery, folders: Folders) -> None:
    folder = folders.outputs / "txt2img-images"
    folder.mkdir()
    (folder / "good.png").write_bytes(as_bytes(make_picture()))
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "notes.html").write_text("<html>")
    (folder / ".00001.tmp").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.png")).write_bytes(as_bytes(make_picture()))
    assert gallery.rebuild() == Rebuilt(added=1, removed=0, skipped=2)


def test_links_do_not_lead_a_rebuild_out_or_round_in_circles(
    gallery: Gallery, folders: Folders, tmp_path: Path
) -> None:
    secret = tmp_path / "private"
    secret.mkdir()
    (secret / "secret.png").write_bytes(as_bytes(make_picture()))
    (folders.outputs / "way-out").symlink_to(secret)
    (folders.outputs / "circle").symlink_to(folders.outputs)
    (folders.outputs / "file.png").symlink_to(secret / "secret.png")
    assert gallery.rebuild() == Rebuilt(added=0, removed=0, skipped=0)


def test_rows_without_a_file_go_but_not_when_a_drive_is_missing(gallery: Gallery, folders: Folders) -> None:
    saved = [save(gallery, make_job(owner="alice")) for _ in range(2)]
    path_of(saved[0]).unlink()
    assert gallery.rebuild() == Rebuilt(added=0, removed=1, skipped=0)
    folders.outputs.rename(folders.data / "unplugged")
    assert gallery.rebuild() == Rebuilt(added=0, removed=0, skipped=0)
    assert [item.id for item in gallery.find("alice")] == [saved[1].id]


def test_a_picture_saved_while_files_are_looked_through_keeps_its_owner(tmp_path: Path) -> None:
    index = PictureIndex(tmp_path / "gallery.db")
    saved = replace(_row(1), owner="alice")
    index.add(saved)
    assert index.bring_in([replace(saved, id="found", owner="local"), _row(2)]) == 1
    assert index.get("1", "alice") == saved
    index.add(replace(saved, id="again"))
    assert [item.id for item in index.find("alice")] == ["again"]


def test_a_damaged_index_is_kept_and_made_anew(gallery: Gallery, folders: Folders) -> None:
    saved = [save(gallery, make_job(owner="alice")) for _ in range(3)]
    gallery.close()
    (folders.state / "gallery.db").write_bytes(b"not a database" * 1000)
    again = Gallery(folders.state / "gallery.db", folders)
    again.recover()
    assert (folders.state / "gallery.db.damaged-1").exists()
    assert len(again.find("local")) == 3
    assert all(path_of(image).exists() for image in saved)


def test_owners_survive_damage_where_their_rows_can_still_be_read(gallery: Gallery, folders: Folders) -> None:
    saved = [save(gallery, make_job(owner="alice", prompts=(f"{number} " * 2000,))) for number in range(60)]
    path = folders.state / "gallery.db"
    gallery.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 8192] = b"\xa5" * 8192
    path.write_bytes(content)
    again = Gallery(path, folders)
    again.recover()
    kept = {item.id for item in again.find("alice", limit=100)}
    assert kept < {image.id for image in saved} or kept == {image.id for image in saved}
    assert {saved[0].id, saved[-1].id} <= kept
    assert len(kept) + len(again.find("local", limit=100)) == 60


def test_a_hundred_thousand_pictures_are_found_without_reading_them_all(tmp_path: Path) -> None:
    index = PictureIndex(tmp_path / "gallery.db")
    index.bring_in(_row(number) for number in range(3000))
    plan = index._database.connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM pictures WHERE owner = 'local' AND (created, number) < (5, 5) "
        "ORDER BY created DESC, number DESC LIMIT 60"
    ).fetchall()
    assert "USING INDEX pictures_of_owner" in plan[0]["detail"]
    assert all("TEMP B-TREE" not in step["detail"] for step in plan)


def _row(number: int) -> Picture:
    facts: dict[str, Any] = {"kind": "txt2img", "grid": False, "created": number, "day": "2026-11-22", "seed": number}
    texts: dict[str, Any] = dict.fromkeys(("job", "model", "sampler", "prompt", "negative", "infotext", "sha256"), "x")
    return Picture(id=str(number), owner="local", path=str(number), width=1, height=1, **facts, **texts)
