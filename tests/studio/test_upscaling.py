"""The upscalers that there are: listed, found, lent out one at a time, and used for any size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from modules.diffusion.errors import AquatintError, CheckpointError
from modules.diffusion.hardware import Hardware
from modules.diffusion.tiles import Tiles
from modules.studio.job import Stopped
from modules.studio.request import RequestError
from modules.studio.upscaling import Upscalers
from tests.studio.conftest import Make
from tests.upscalers import save_compact

CPU = Hardware(torch.device("cpu"), torch.float32, torch.float32, "")
NEAREST = Image.Resampling.NEAREST


def noise(width: int = 20, height: int = 10) -> Image.Image:
    return Image.effect_noise((width, height), 80).convert("RGB")


@pytest.fixture
def upscalers(tmp_path: Path) -> Upscalers:
    """A network of scale 2 and one of scale 4 that repeat pixels, and one that draws."""
    save_compact(tmp_path / "ESRGAN/2x-Repeat.safetensors", 2)
    save_compact(tmp_path / "RealESRGAN/RealESRGAN_x4plus.pth", 4)
    save_compact(tmp_path / "DAT/deep/draws.safetensors", 2, 0.1)
    return Upscalers(tmp_path, CPU)


def test_what_lies_in_the_folders_is_listed_after_what_needs_no_network(upscalers: Upscalers, tmp_path: Path) -> None:
    assert upscalers.names() == ["None", "Lanczos", "Nearest", "2x-Repeat", "draws", "R-ESRGAN 4x+"]
    (tmp_path / "ESRGAN/readme.txt").write_text("no network")
    save_compact(tmp_path / "SwinIR/New.safetensors")
    upscalers.refresh()
    assert upscalers.names()[4] == "draws"
    assert "New" in upscalers.names()
    assert "readme" not in upscalers.names()


def test_a_file_that_is_new_is_found_by_whoever_names_it(upscalers: Upscalers, tmp_path: Path) -> None:
    assert "New" not in upscalers.names()
    save_compact(tmp_path / "SwinIR/New.safetensors")
    assert upscalers.find("new").path == tmp_path / "SwinIR/New.safetensors"


def test_a_folder_that_the_command_line_names_comes_first(open_studio: Make, tmp_path: Path) -> None:
    save_compact(tmp_path / "models/ESRGAN/Same.safetensors")
    mine = save_compact(tmp_path / "elsewhere/Same.safetensors")
    only = save_compact(tmp_path / "far/deep/Only.pth")
    app = open_studio("--esrgan-models-path", str(mine.parent), "--dat-models-path", str(tmp_path / "far"))
    assert app.upscalers.find("same").path == mine
    assert app.upscalers.find("only").path == only


def test_an_upscaler_is_found_by_name_or_stem_and_an_unknown_one_is_named(upscalers: Upscalers) -> None:
    assert upscalers.find(" r-esrgan 4X+ ").path == upscalers.find("RealESRGAN_x4plus").path
    assert upscalers.find("").name == "None"
    with pytest.raises(AquatintError, match=r"No upscaler called '4x-UltraSharp'.*None, Lanczos, Nearest, 2x-Repeat"):
        upscalers.find("4x-UltraSharp")


def test_a_network_goes_over_a_picture_until_it_is_large_enough(upscalers: Upscalers) -> None:
    image = noise()
    twice = upscalers.upscale(image, "2x-Repeat", 80, 40)
    assert twice.tobytes() == image.resize((80, 40), NEAREST).tobytes()
    between = upscalers.upscale(image, "2x-Repeat", 60, 30)
    assert between.tobytes() == twice.resize((60, 30), Image.Resampling.LANCZOS).tobytes()


def test_a_network_runs_once_also_when_nothing_is_to_grow(upscalers: Upscalers) -> None:
    image = noise()
    same = upscalers.upscale(image, "draws", *image.size)
    assert same.size == image.size
    assert same.tobytes() != image.tobytes()


def test_tiles_are_counted_and_the_work_can_be_ended_at_each(upscalers: Upscalers) -> None:
    heard: list[tuple[int, int]] = []
    upscalers.upscale(noise(100, 40), "2x-Repeat", 400, 160, Tiles(64, 8), progress=lambda *done: heard.append(done))
    total = 2 + 4 * 2
    assert heard == [(done, total) for done in range(total + 1)]

    def check() -> None:
        if len(heard) >= 3:
            raise Stopped

    heard.clear()
    with pytest.raises(Stopped):
        upscalers.upscale(noise(100, 40), "2x-Repeat", 400, 160, Tiles(64, 8), check, lambda *done: heard.append(done))
    assert len(heard) == 3


def test_transparency_is_enlarged_beside_the_colors(upscalers: Upscalers) -> None:
    made = upscalers.upscale(Image.new("RGBA", (8, 8), (10, 20, 30, 40)), "2x-Repeat", 16, 16)
    assert made.getcolors() == [(256, (10, 20, 30, 40))]


def test_a_file_that_was_replaced_is_read_again_and_one_that_went_is_named(
    upscalers: Upscalers, tmp_path: Path
) -> None:
    image, path = noise(), tmp_path / "ESRGAN/2x-Repeat.safetensors"
    before = upscalers.upscale(image, "2x-Repeat", 40, 20)
    save_compact(path, 2, 0.1)
    os.utime(path, (1, 1))
    assert upscalers.upscale(image, "2x-Repeat", 40, 20).tobytes() != before.tobytes()
    path.unlink()
    with pytest.raises(CheckpointError, match=r"2x-Repeat\.safetensors cannot be opened"):
        upscalers.upscale(image, "2x-Repeat", 40, 20)


def test_the_network_is_lent_again_after_its_memory_was_given_back(upscalers: Upscalers) -> None:
    before = upscalers.upscale(noise(8, 8), "draws", 16, 16).size
    upscalers.free()
    assert upscalers.upscale(noise(8, 8), "draws", 16, 16).size == before


def test_what_would_be_too_large_is_refused_before_it_is_made(upscalers: Upscalers) -> None:
    with pytest.raises(RequestError, match="at most"):
        upscalers.upscale(noise(), "Lanczos", 40_000, 10)
    with pytest.raises(RequestError, match="too large for R-ESRGAN"):
        upscalers.upscale(Image.new("RGB", (5000, 4000)), "R-ESRGAN 4x+", 5000, 4000)
