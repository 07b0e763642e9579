"""The Extras as jobs: uploads and folders go in, saved pictures with A1111's names and texts come out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.studio.gallery import Gallery
from modules.studio.image_files import read_parameters
from modules.studio.job import LOCAL, SavedImage
from modules.studio.request import Extras, Finished, RequestError
from tests.studio.conftest import Make
from tests.upscalers import save_compact

INFOTEXT = "a cat\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 4711, Size: 20x10"


def file_of(image: Image.Image, infotext: str = "") -> bytes:
    file, texts = io.BytesIO(), PngInfo()
    if infotext:
        texts.add_text("parameters", infotext)
    image.save(file, "PNG", pnginfo=texts)
    return file.getvalue()


def noise(width: int = 20, height: int = 10) -> Image.Image:
    return Image.effect_noise((width, height), 80).convert("RGB")


@pytest.fixture
def studio(open_studio: Make, tmp_path: Path) -> App:
    """A studio with a network that repeats pixels."""
    save_compact(tmp_path / "models/ESRGAN/2x-Repeat.safetensors")
    return open_studio("--no-half")


def extras(studio: App, *pictures: Image.Image, **wanted: object) -> Ticket:
    images = [Finished(id=studio.uploads.add(file_of(image), LOCAL), infotext=INFOTEXT) for image in pictures]
    return studio.engine.submit(Extras.model_validate({"images": images, **wanted}), LOCAL)


def finished(ticket: Ticket) -> tuple[SavedImage, ...]:
    progress = ticket.wait(60)
    assert (progress.state, progress.error) == ("done", "")
    return progress.images


def opened(image: SavedImage) -> Image.Image:
    assert image.path is not None
    return Image.open(image.path)


def test_a_picture_goes_through_a_network_and_is_saved_as_a1111_does(studio: App, tmp_path: Path) -> None:
    source = noise()
    (image,) = finished(extras(studio, source, upscaler_1="2x-repeat", upscaling_resize=2))
    assert image.path == tmp_path / "outputs/extras-images/00000.png"
    made = opened(image)
    assert made.convert("RGB").tobytes() == source.resize((40, 20), Image.Resampling.NEAREST).tobytes()
    done = "Postprocess upscale by: 2, Postprocess upscaler: 2x-Repeat"
    assert made.info == {"parameters": INFOTEXT, "postprocessing": done, "extras": done}
    assert image.infotext == f"{INFOTEXT}, {done}"
    assert image.seed == 4711
    assert [item.id for item in studio.gallery.find(LOCAL, words="cat")] == [image.id]


def test_no_checkpoint_is_loaded_for_it(studio: App) -> None:
    finished(extras(studio, noise(), upscaler_1="2x-Repeat"))
    assert studio.store.loaded == ()


def test_two_upscalers_are_mixed_and_both_are_named(studio: App) -> None:
    source = noise()
    wanted = {"upscaler_1": "2x-Repeat", "upscaler_2": "Lanczos", "extras_upscaler_2_visibility": 0.5}
    (image,) = finished(extras(studio, source, **wanted))
    first, second = (source.resize((40, 20), how) for how in (Image.Resampling.NEAREST, Image.Resampling.LANCZOS))
    assert opened(image).convert("RGB").tobytes() == Image.blend(first, second, 0.5).tobytes()
    assert image.infotext.endswith("Postprocess upscaler: 2x-Repeat, Postprocess upscaler 2: Lanczos")


def test_several_pictures_keep_their_names_and_nothing_is_overwritten(studio: App, tmp_path: Path) -> None:
    def ask() -> list[str]:
        ids = [studio.uploads.add(file_of(noise(8, side)), LOCAL) for side in (8, 9, 10)]
        names = ("cat.jpeg", "../../evil.png", "")
        images = [Finished(id=id, name=name) for id, name in zip(ids, names, strict=True)]
        ticket = studio.engine.submit(Extras(images=tuple(images), upscaler_1="Nearest"), LOCAL)
        return [str(image.path.relative_to(tmp_path)) for image in finished(ticket) if image.path]

    folder = "outputs/extras-images"
    assert ask() == [f"{folder}/cat.png", f"{folder}/evil.png", f"{folder}/00000.png"]
    assert ask() == [f"{folder}/cat-1.png", f"{folder}/evil-1.png", f"{folder}/00001.png"]


def test_a_folder_is_worked_through_and_what_is_broken_in_it_is_told(studio: App, tmp_path: Path) -> None:
    folder = tmp_path / "my pictures"
    (folder / "below").mkdir(parents=True)
    (folder / "one.png").write_bytes(file_of(noise(), INFOTEXT))
    (folder / "three.png").write_bytes(file_of(noise()))
    (folder / "two.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (folder / "words.txt").write_text("no picture")
    (folder / "below/four.png").write_bytes(file_of(noise()))
    ticket = extras(studio, input_dir=str(folder), upscaler_1="2x-Repeat")
    made = finished(ticket)
    assert [image.path.name for image in made if image.path] == ["one.png", "three.png"]
    assert made[0].infotext.startswith(INFOTEXT)
    assert [text.partition(":")[0] for text in ticket.job.progress.comments] == ["two"]


@pytest.mark.parametrize("name", ["not there", "empty"])
def test_a_folder_without_pictures_is_refused_at_once(studio: App, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match=name):
        extras(studio, input_dir=str(tmp_path / name), upscaler_1="Lanczos")


def test_what_cannot_be_done_is_refused_before_it_is_queued(studio: App) -> None:
    with pytest.raises(RequestError, match="Put in a picture"):
        extras(studio, upscaler_1="Lanczos")
    with pytest.raises(AquatintError, match=r"No upscaler called '4x-Gone'.*2x-Repeat"):
        extras(studio, noise(), upscaler_1="4x-Gone")
    with pytest.raises(AquatintError, match="not on the server"):
        studio.engine.submit(Extras(images=(Finished(id="0" * 32),)), LOCAL)
    assert studio.queue.rows(limit=None) == []


def test_a_picture_that_would_be_too_large_fails_the_job_in_words(studio: App) -> None:
    wanted = {"resize_mode": 1, "upscaling_resize_w": 32_000, "upscaling_resize_h": 32_000}
    progress = extras(studio, noise(), upscaler_1="Lanczos", **wanted).wait(60)
    assert progress.state == "failed"
    assert "at most" in progress.error


def test_a_broken_network_fails_the_job_and_the_next_one_runs(studio: App, tmp_path: Path) -> None:
    (tmp_path / "models/ESRGAN/broken.safetensors").write_bytes(b"no weights")
    studio.upscalers.refresh()
    progress = extras(studio, noise(), upscaler_1="broken").wait(60)
    assert progress.state == "failed"
    assert "broken.safetensors" in progress.error
    assert finished(extras(studio, noise(), upscaler_1="2x-Repeat"))


def test_a_job_is_interrupted_between_tiles_and_keeps_what_is_finished(studio: App) -> None:
    studio.settings.change({"ESRGAN_tile": 16, "ESRGAN_tile_overlap": 0})
    ticket = extras(studio, noise(16, 16), noise(3000, 2000), upscaler_1="2x-Repeat")
    steps = []
    for news in ticket:
        steps.append(news.steps)
        if news.batch == 1 and news.step > 3:
            studio.engine.interrupt(ticket.id, LOCAL)
    last = ticket.job.progress
    assert last.state == "cancelled"
    assert [(image.width, image.height) for image in last.images] == [(32, 32)]
    assert max(steps) == 188 * 125
    assert last.step < 1000


def test_a_picture_that_is_not_to_be_saved_lives_in_memory(studio: App, tmp_path: Path) -> None:
    (image,) = finished(extras(studio, noise(), upscaler_1="2x-Repeat", do_not_save_samples=True))
    assert image.path is None
    data, mime = studio.gallery.read(image.id, LOCAL)
    assert mime == "image/png"
    assert read_parameters(data) == INFOTEXT
    assert not (tmp_path / "outputs/extras-images").exists()


def test_a_restart_goes_on_behind_the_pictures_that_are_finished(open_studio: Make, tmp_path: Path) -> None:
    save_compact(tmp_path / "models/ESRGAN/2x-Repeat.safetensors")
    studio = open_studio("--no-half")
    studio.settings.change({"ESRGAN_tile": 16})
    ticket = extras(studio, noise(16, 16), noise(640, 480), upscaler_1="2x-Repeat")
    next(news for news in ticket if news.batch == 1 and news.step > 2)
    studio.close()
    assert [row.state for row in studio.queue.rows()] == ["queued"]
    again = open_studio("--no-half")
    job = again.engine.job(ticket.id)
    assert job is not None
    images = finished(Ticket(job))
    assert [(image.width, image.height) for image in images] == [(32, 32), (1280, 960)]
    assert images[0].id == ticket.job.progress.images[0].id


def test_a_rebuilt_index_knows_what_the_extras_made(studio: App, tmp_path: Path) -> None:
    finished(extras(studio, noise(), upscaler_1="Nearest"))
    anew = Gallery(tmp_path / "anew.db", studio.folders)
    assert anew.rebuild().added == 1
    assert [(item.kind, item.prompt, item.width) for item in anew.find(LOCAL)] == [("extras", "a cat", 40)]
