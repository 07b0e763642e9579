"""Networks that enlarge pictures: read from either kind of file, run in tiles, and nothing else is taken for one."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from modules.diffusion.errors import CheckpointError, NotANumberError, UnsafePickleError
from modules.diffusion.hardware import Hardware
from modules.diffusion.tiles import Tiles
from modules.diffusion.upscale_network import UpscaleNetwork
from tests.upscalers import compact_state, save_compact

CPU = Hardware(torch.device("cpu"), torch.float32, torch.float32, "")


def noise(width: int = 40, height: int = 30) -> Image.Image:
    random = np.random.default_rng(3)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


def distance(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.array(one).astype(int) - np.array(other).astype(int)).max())


@pytest.mark.parametrize("name", ["repeat.safetensors", "repeat.pth"])
def test_a_network_is_read_from_safetensors_and_from_what_its_authors_pickle(tmp_path: Path, name: str) -> None:
    network = UpscaleNetwork(save_compact(tmp_path / name, scale=4), CPU)
    image = noise()
    assert network.scale == 4
    assert network.enlarge(image).tobytes() == image.resize((160, 120), Image.Resampling.NEAREST).tobytes()


def test_a_network_gives_what_torch_computes_from_its_weights(tmp_path: Path) -> None:
    state = compact_state(2, 0.1)
    made = UpscaleNetwork(save_compact(tmp_path / "x.safetensors", 2, 0.1), CPU).enlarge(noise())
    x = torch.from_numpy(np.array(noise())).movedim(-1, 0)[None].float() / 255
    y = torch.nn.functional.conv2d(x, state["body.0.weight"], state["body.0.bias"], padding=1)
    y = torch.nn.functional.prelu(y, state["body.1.weight"])
    y = torch.nn.functional.conv2d(y, state["body.2.weight"], state["body.2.bias"], padding=1)
    y = torch.nn.functional.pixel_shuffle(y, 2) + torch.nn.functional.interpolate(x, scale_factor=2)
    expected = Image.fromarray((y.clamp(0, 1)[0].movedim(0, -1) * 255).round().byte().numpy())
    assert distance(made, expected) <= 1
    assert distance(made, noise().resize(made.size, Image.Resampling.NEAREST)) > 20


def test_tiles_show_no_seams_and_without_an_overlap_they_would(tmp_path: Path) -> None:
    network = UpscaleNetwork(save_compact(tmp_path / "x.safetensors", 2, 0.1), CPU)
    image = noise(128, 90)
    whole = network.enlarge(image, Tiles(0))
    assert distance(network.enlarge(image, Tiles(64, 16)), whole) <= 1
    assert distance(network.enlarge(image, Tiles(64, 0)), whole) > 10  # two tiles side by side


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (17, 2)])
def test_a_picture_of_a_few_pixels_is_enlarged_too(tmp_path: Path, size: tuple[int, int]) -> None:
    network = UpscaleNetwork(save_compact(tmp_path / "x.safetensors"), CPU)
    assert network.enlarge(noise(*size)).tobytes() == noise(*size).resize((size[0] * 2, size[1] * 2), 0).tobytes()


def test_a_network_of_one_channel_gets_gray(tmp_path: Path) -> None:
    network = UpscaleNetwork(save_compact(tmp_path / "gray.safetensors", colors=1), CPU)
    made = network.enlarge(noise())
    assert made.mode == "RGB"
    assert made.tobytes() == noise().convert("L").resize((80, 60), 0).convert("RGB").tobytes()


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "ran"),)

    torch.save({"params_ema": compact_state(), "x": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(UnsafePickleError, match=r"evil\.pth"):
        UpscaleNetwork(tmp_path / "evil.pth", CPU)
    assert not (tmp_path / "ran").exists()
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"params": 3}))
    with pytest.raises(CheckpointError, match=r"plain\.pth"):
        UpscaleNetwork(tmp_path / "plain.pth", CPU)


def test_other_weights_are_no_upscaler(tmp_path: Path) -> None:
    save_file({"lora_up.weight": torch.zeros(4, 4)}, tmp_path / "lora.safetensors")
    with pytest.raises(CheckpointError, match=r"lora\.safetensors is no upscaler.*spandrel_extra_arches"):
        UpscaleNetwork(tmp_path / "lora.safetensors", CPU)
    save_file({**compact_state(), "body.2.weight": torch.zeros(7, 7)}, tmp_path / "odd.safetensors")
    with pytest.raises(CheckpointError, match=r"odd\.safetensors is damaged"):
        UpscaleNetwork(tmp_path / "odd.safetensors", CPU)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.pth cannot be opened"):
        UpscaleNetwork(tmp_path / "gone.pth", CPU)


def test_a_network_that_gives_no_numbers_is_an_error_and_no_black_picture(tmp_path: Path) -> None:
    state = compact_state()
    state["body.2.bias"][:] = torch.nan
    save_file(state, tmp_path / "nan.safetensors")
    with pytest.raises(NotANumberError, match="nan"):
        UpscaleNetwork(tmp_path / "nan.safetensors", CPU).enlarge(noise())


def test_where_memory_does_not_suffice_tiles_are_halved_until_they_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, sizes = UpscaleNetwork(save_compact(tmp_path / "x.safetensors"), CPU), []
    run = UpscaleNetwork._tile

    def short_of_memory(self: UpscaleNetwork, image: Image.Image) -> Image.Image:
        sizes.append(image.width)
        return run(self, image) if image.width <= 70 else _out_of_memory()

    monkeypatch.setattr(UpscaleNetwork, "_tile", short_of_memory)
    image = noise(280, 90)
    assert network.enlarge(image, Tiles(0)).tobytes() == image.resize((560, 180), Image.Resampling.NEAREST).tobytes()
    assert sizes[:3] == [280, 140, 70]
    monkeypatch.setattr(UpscaleNetwork, "_tile", lambda self, image: _out_of_memory())
    with pytest.raises(torch.OutOfMemoryError):
        network.enlarge(image, Tiles(0))


def _out_of_memory() -> Image.Image:
    raise torch.OutOfMemoryError
