"""What on_before_image_saved has left is where the picture goes and what its file says, as far as that is allowed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.studio.app import App
from modules.studio.image_files import read_parameters
from modules.studio.request import Txt2Img
from tests.a1111.test_face import run
from tests.a1111.test_order import QUICK


def filer(**chosen: Any) -> list[tuple[str, dict[str, str]]]:
    """Lets the specimen do that; what it was told afterwards."""
    module: Any = sys.modules["scripts.filer"]
    module.chosen.clear()
    module.chosen.update(chosen)
    module.seen.clear()
    seen: list[tuple[str, dict[str, str]]] = module.seen
    return seen


def paths(app: App, **more: Any) -> list[Path]:
    return [image.path for image in run(app, Txt2Img(**{**QUICK, **more})).images if image.path is not None]


def latest(app: App) -> str:
    found = app.gallery.get(app.gallery.find("local")[0].id, "local")
    assert found is not None
    return found.infotext


def test_it_is_told_the_name_that_the_file_will_have(open_extended: Callable[..., App]) -> None:
    app = open_extended("filer")
    seen = filer()
    saved = paths(app, batch_size=2)
    assert [name for name, _ in seen] == list(map(str, saved))
    assert all(path.with_suffix(".csv").exists() for path in saved)


def test_another_name_is_its_name_and_another_ending_its_format(open_extended: Callable[..., App]) -> None:
    app = open_extended("filer")
    seen = filer(filename="{folder}/mine/{stem}-heart.jpg")
    (first,) = paths(app)
    assert (first.name, first.parent.name) == ("00000-7-heart.jpg", "mine")
    assert Image.open(first).format == "JPEG"
    assert "Seed: 7" in read_parameters(first.read_bytes())
    assert seen[0][0] == str(first)
    filer(filename="{folder}/always.png")
    assert [paths(app)[0].name for _ in range(2)] == ["always.png", "always-1.png"]
    assert len(app.gallery.find("local")) == 3


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("{folder}/../../../outside.png", "neither in outputs"),
        ("/etc/passwd.png", "neither in outputs"),
        ("{folder}/program.py", "saved as png"),
        ("{folder}/.hidden.png", "not every system"),
        ("{folder}/a<b.png", "not every system"),
    ],
)
def test_a_name_that_is_not_allowed_is_refused_in_words(
    open_extended: Callable[..., App], wanted: str, why: str
) -> None:
    app = open_extended("filer")
    filer(filename=wanted)
    end = app.engine.submit(Txt2Img(**QUICK), "local").wait()
    assert [image.path.name for image in end.images if image.path] == ["00000-7.png"]
    assert why in end.comments[0]
    assert "it is saved as 00000-7.png" in end.comments[0]


def test_a_folder_that_is_a_link_to_elsewhere_is_refused(open_extended: Callable[..., App], tmp_path: Path) -> None:
    app = open_extended("filer")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (app.folders.outputs / "link").symlink_to(elsewhere)
    filer(filename=f"{app.folders.outputs}/link/x.png")
    end = app.engine.submit(Txt2Img(**QUICK), "local").wait()
    assert "neither in outputs" in end.comments[0]
    assert list(elsewhere.iterdir()) == []


def test_further_texts_are_chunks_of_a_png_and_parameters_may_be_taken_out(open_extended: Callable[..., App]) -> None:
    app = open_extended("filer")
    seen = filer(pnginfo={"workflow": '{"nodes": []}', "rating": 5}, without=["parameters"])
    (path,) = paths(app)
    texts = Image.open(path).info
    assert (texts["workflow"], texts["rating"], "parameters" in texts) == ('{"nodes": []}', "5", False)
    assert seen[0][1] == {"workflow": '{"nodes": []}', "rating": "5"}
    assert "Seed: 7" in latest(app)
    filer(pnginfo={"parameters": "a text\nSteps: 1, Seed: 99", "aquatint": "not theirs"})
    (path,) = paths(app)
    assert read_parameters(path.read_bytes()) == "a text\nSteps: 1, Seed: 99"
    assert Image.open(path).info["aquatint"] != "not theirs"


def test_a_text_whose_name_no_png_can_have_is_left_out(open_extended: Callable[..., App]) -> None:
    app = open_extended("filer")
    filer(pnginfo={"n" * 80: "too long", "Größe": "not Latin enough", "": "none"})
    end = app.engine.submit(Txt2Img(**QUICK), "local").wait()
    assert [comment.count("no name that a PNG can have") for comment in end.comments] == [1, 1, 1]
