"""A folder's batch with the starter: every picture is painted over, what cannot be is named, nothing is lost."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from modules.diffusion.model import Model
from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.studio.folder_batch import told_by
from modules.studio.hooks import Hooks
from modules.studio.infotext import read_infotext
from modules.studio.job import LOCAL, Batch, Job, SavedImage
from modules.studio.request import FolderBatch, Img2Img, RequestError
from tests.studio.conftest import Make

SAID = "a tree\nNegative prompt: fog\nSteps: 2, Sampler: Euler a, Schedule type: Karras, CFG scale: 3, Seed: 4711"
QUICK: dict[str, Any] = {"prompt": "apple", "seed": 7, "steps": 3, "width": 64, "height": 64, "denoising_strength": 0.7}


def write(path: Path, colour: str, infotext: str = "", size: tuple[int, int] = (64, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = PngInfo()
    if infotext:
        texts.add_text("parameters", infotext)
    Image.new("RGB", size, colour).save(path, pnginfo=texts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures."""
    write(tmp_path / "in/blue.png", "blue")
    write(tmp_path / "in/red.png", "red", SAID)
    return tmp_path / "in"


def batch(app: App, folder: Path | str, each: dict[str, Any] | None = None, **wanted: Any) -> Ticket:
    request = FolderBatch(input_dir=str(folder), each={**QUICK, **(each or {})}, **wanted)
    return app.engine.submit(request, LOCAL)


def finished(ticket: Ticket) -> tuple[SavedImage, ...]:
    progress = ticket.wait(120)
    assert (progress.state, progress.error) == ("done", "")
    return progress.images


def params(image: SavedImage) -> dict[str, str]:
    return read_infotext(image.infotext).params


def test_each_picture_is_painted_over_and_saved_under_its_name(app: App, folder: Path, tmp_path: Path) -> None:
    ticket = batch(app, folder, output_dir=str(tmp_path / "new/out"))
    made = finished(ticket)
    assert [image.path for image in made] == [tmp_path / "new/out/blue.png", tmp_path / "new/out/red.png"]
    blue, red = (Image.open(image.path).resize((1, 1)).getpixel((0, 0)) for image in made if image.path)
    assert blue != red
    assert [image.id for image in app.gallery.of_job(ticket.id)] == [image.id for image in made]
    assert ticket.job.progress.fraction == 1


def test_a_picture_of_a_folder_is_made_as_if_it_were_alone(app: App, folder: Path) -> None:
    data = (folder / "blue.png").read_bytes()
    alone = Img2Img.model_validate({**QUICK, "init_images": [app.uploads.add(data, LOCAL)]})
    (one,) = finished(app.engine.submit(alone, LOCAL))
    made = finished(batch(app, folder))[0]
    assert one.path is not None
    assert made.path is not None
    assert made.path.name == "blue.png"
    assert made.path.parent == one.path.parent
    assert Image.open(made.path).tobytes() == Image.open(one.path).tobytes()


def test_what_is_there_already_is_left_out_unless_it_shall_be_made_again(
    app: App, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write(out / "blue.jpg", "black")
    ticket = batch(app, folder, output_dir=str(out))
    assert [image.path.name for image in finished(ticket) if image.path] == ["red.png"]
    assert ticket.job.progress.comments == (f"1 of 2 were in the folder {out} already and are left out.",)
    again = finished(batch(app, folder, output_dir=str(out), leave_out_done=False))
    assert [image.path.name for image in again if image.path] == ["blue.png", "red-1.png"]


def test_one_that_cannot_be_read_is_named_and_the_others_are_made(app: App, folder: Path, tmp_path: Path) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    ticket = batch(app, folder, output_dir=str(tmp_path / "out"))
    assert len(finished(ticket)) == 2
    assert [text.partition(":")[0] for text in ticket.job.progress.comments] == ["broken.png"]


def test_a_job_of_which_nothing_can_be_done_fails_in_words(app: App, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    progress = batch(app, tmp_path / "in").wait(60)
    assert (progress.state, "damaged" in progress.error) == ("failed", True)


def test_names_that_differ_by_their_endings_only_stay_apart(app: App, folder: Path, tmp_path: Path) -> None:
    write(folder / "red.webp", "orange")
    made = finished(batch(app, folder, output_dir=str(tmp_path / "out")))
    assert [image.path.name for image in made if image.path] == ["blue.png", "red.png.png", "red.webp.png"]


def test_parameters_of_a_picture_count_as_far_as_they_are_wanted(app: App, folder: Path, tmp_path: Path) -> None:
    props = ("Prompt", "Seed", "Sampler", "Steps")
    blue, red = finished(batch(app, folder, png_info_props=props))
    assert read_infotext(red.infotext).prompt == "apple, a tree"
    assert read_infotext(red.infotext).negative_prompt == ""
    told = [params(red)[key] for key in ("Seed", "Sampler", "Schedule type", "Steps", "CFG scale")]
    assert told == ["4711", "Euler a", "Karras", "2", "7"]
    assert (read_infotext(blue.infotext).prompt, params(blue)["Seed"]) == ("apple", "7")
    write(tmp_path / "originals/blue.png", "black", SAID)
    write(tmp_path / "originals/red.png", "black")
    blue, red = finished(batch(app, folder, png_info_props=("Seed",), png_info_dir=str(tmp_path / "originals")))
    assert (params(blue)["Seed"], params(red)["Seed"]) == ("4711", "7")


def test_a_picture_without_parameters_changes_nothing() -> None:
    request = Img2Img(init_images=("x",), prompt="apple", seed=5)
    assert told_by(request, "", ("Prompt", "Seed")) == {"prompt": "apple"}


def test_masks_go_by_names_and_one_that_is_missing_is_said(app: App, folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "masks/red.webp", "white")
    wanted: dict[str, Any] = {"each_kind": "inpaint", "each": {"inpaint_full_res": False, "inpainting_fill": 1}}
    one_for_all = finished(batch(app, folder, **wanted, inpaint_mask_dir=str(tmp_path / "masks")))
    assert len(one_for_all) == 2
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 16, 16))
    mask.save(tmp_path / "masks/other.png")
    ticket = batch(app, folder, **wanted, inpaint_mask_dir=str(tmp_path / "masks"))
    assert [image.path.name for image in finished(ticket) if image.path] == ["red-1.png"]
    assert ticket.job.progress.comments == ("blue.png: there is no mask of this name.",)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"input_dir": "/not/there"}, "/not/there cannot be read"),
        ({"output_dir": "IN"}, "name another"),
        ({"output_dir": "IN/blue.png"}, "cannot be made"),
        ({"inpaint_mask_dir": "/not/there", "each_kind": "inpaint"}, "/not/there cannot be read"),
        ({"each": {"sampler_name": "Nonsense"}}, "Nonsense"),
        ({"each_kind": "inpaint"}, "mask"),
    ],
)
def test_what_cannot_be_begun_is_said_at_once(app: App, folder: Path, wanted: dict[str, Any], words: str) -> None:
    told: dict[str, Any] = {
        key: value.replace("IN", str(folder)) if isinstance(value, str) else value for key, value in wanted.items()
    }
    with pytest.raises(Exception, match=words):
        batch(app, told.pop("input_dir", folder), told.pop("each", None), **told)
    assert app.queue.rows(limit=None) == []


class Interrupts(Hooks):
    """Ends the second picture's job while it is painted."""

    def __init__(self) -> None:
        self.painted = 0

    def batch_begins(self, job: Job, batch: Batch, model: Model) -> None:
        self.painted += 1
        job.interrupted = self.painted == 2


def test_an_interrupted_folder_goes_on_where_it_was(app: App, folder: Path, tmp_path: Path) -> None:
    out, hook = tmp_path / "out", Interrupts()
    app.engine.hooks.append(hook)
    first = batch(app, folder, output_dir=str(out))
    assert first.wait(120).state == "cancelled"
    assert [path.name for path in out.iterdir()] == ["blue.png"]
    before = (out / "blue.png").read_bytes()
    assert [image.path.name for image in finished(batch(app, folder, output_dir=str(out))) if image.path] == ["red.png"]
    assert (out / "blue.png").read_bytes() == before


def test_after_a_restart_pictures_that_were_made_are_not_made_again(
    open_studio: Make, folder: Path, tmp_path: Path
) -> None:
    app, out = open_studio("--no-half"), tmp_path / "out"
    each = {"steps": 16, "batch_size": 2, "denoising_strength": 1.0}
    ticket = batch(app, folder, each, leave_out_done=False, output_dir=str(out))
    next(news for news in ticket if news.batch == 1 and news.step > 2)
    app.close()
    with closing(sqlite3.connect(app.folders.state / "queue.db")) as killed, killed:
        killed.execute("UPDATE jobs SET attempts = 1")
    (out / ".red.tmp").write_bytes(b"half")
    (out / ".mine.tmp").write_bytes(b"somebody's")
    again = open_studio("--no-half")
    job = again.engine.job(ticket.id)
    assert job is not None
    made = finished(Ticket(job))
    assert [image.path.name for image in made if image.path] == ["blue.png", "blue-1.png", "red.png", "red-1.png"]
    assert [image.id for image in made[:2]] == [image.id for image in ticket.job.progress.images[:2]]
    assert [path.name for path in out.iterdir() if path.suffix == ".tmp"] == [".mine.tmp"]


def test_a_mask_that_is_painted_is_needed_until_the_job_has_run(app: App, folder: Path) -> None:
    with pytest.raises(Exception, match="not on the server"):
        batch(app, folder, {"mask": "0" * 32}, each_kind="inpaint")
    white = io.BytesIO()
    Image.new("L", (64, 64), 255).save(white, "PNG")
    mask = app.uploads.add(white.getvalue(), LOCAL)
    assert len(finished(batch(app, folder, {"mask": mask}, each_kind="inpaint"))) == 2
    with pytest.raises(RequestError, match="denoising_strength"):
        batch(app, folder, {"denoising_strength": 7})
