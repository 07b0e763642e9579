"""Face restorers as people have them: files in folders, found by A1111's names, used by the Extras."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.diffusion.hardware import Hardware
from modules.studio.app import App
from modules.studio.face_restoring import FaceRestorers
from modules.studio.job import LOCAL
from modules.studio.request import Extras, Finished
from tests.faces import bring_finder, drawn_face, save_restorer
from tests.studio.conftest import Make

CPU = Hardware(torch.device("cpu"), torch.float32, torch.float32, "")


def test_those_that_there_is_a_file_for_are_listed_the_newest_first(tmp_path: Path) -> None:
    faces = FaceRestorers(tmp_path, CPU)
    assert faces.names() == []
    names = "GFPGAN/GFPGANv1.3.pth GFPGAN/GFPGANv1.4.pth GFPGAN/parsing_parsenet.pth Codeformer/codeformer-v0.1.0.pth"
    for name in names.split():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert faces.names() == ["CodeFormer", "GFPGAN"]
    assert faces.find_file("gfpgan").path.name == "GFPGANv1.4.pth"


def test_what_is_missing_is_named_and_where_it_belongs(tmp_path: Path) -> None:
    faces = FaceRestorers(tmp_path, CPU)
    with pytest.raises(AquatintError, match=r"No face restorer called 'Beauty'.*CodeFormer, GFPGAN"):
        faces.find("Beauty")
    with pytest.raises(AquatintError, match=r"put GFPGANv1\.4\.pth into .*GFPGAN"):
        faces.find("GFPGAN")
    (tmp_path / "GFPGAN").mkdir()
    (tmp_path / "GFPGAN/GFPGANv1.4.pth").write_bytes(b"")
    with pytest.raises(AquatintError, match=r"mtcnn\.safetensors.*webui\.py upscalers"):
        faces.find("GFPGAN")


def test_another_folder_may_be_named(open_studio: Make, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/GFPGANv1.4.pth").write_bytes(b"")
    assert open_studio("--gfpgan-models-path", str(tmp_path / "mine")).faces.names() == ["GFPGAN"]


@pytest.fixture
def studio(open_studio: Make, tmp_path: Path) -> App:
    """A studio with a small restorer and what finds faces."""
    bring_finder(tmp_path / "models")
    save_restorer(tmp_path / "models/GFPGAN/GFPGANsmall.safetensors")
    return open_studio("--no-half")


def extras(studio: App, image: Image.Image, **wanted: object) -> tuple[Image.Image, str, tuple[str, ...]]:
    file = io.BytesIO()
    image.save(file, "PNG")
    source = Finished(id=studio.uploads.add(file.getvalue(), LOCAL))
    request = Extras.model_validate({"images": [source], **wanted})
    progress = studio.engine.submit(request, LOCAL).wait(120)
    assert (progress.state, progress.error) == ("done", "")
    (made,) = progress.images
    assert made.path is not None
    return Image.open(made.path).convert(image.mode), made.infotext, progress.comments


def test_a_face_is_restored_and_the_rest_of_the_picture_stays(studio: App) -> None:
    image = drawn_face(150)
    made, infotext, _ = extras(studio, image, gfpgan_visibility=0.8)
    assert infotext == "GFPGAN visibility: 0.8"
    assert made.getpixel((150, 150)) != image.getpixel((150, 150))
    assert made.crop((0, 0, 300, 30)).tobytes() == image.crop((0, 0, 300, 30)).tobytes()


def test_a_picture_without_a_face_stays_as_it_is_and_that_is_told(studio: App) -> None:
    image = Image.new("RGBA", (60, 50), (10, 90, 30, 120))
    made, infotext, comments = extras(studio, image, gfpgan_visibility=1, upscaler_1="Nearest", upscaling_resize=2)
    assert made.getcolors() == [(120 * 100, (10, 90, 30, 120))]
    assert infotext == "Postprocess upscale by: 2, Postprocess upscaler: Nearest, GFPGAN visibility: 1"
    assert comments == ("No face was found.",)


def test_a_restorer_that_is_not_there_is_refused_before_the_job_is_queued(studio: App) -> None:
    with pytest.raises(AquatintError, match=r"no CodeFormer yet"):
        extras(studio, drawn_face(50), codeformer_visibility=1)
    assert studio.queue.rows(limit=None) == []
