"""A face goes to its network and back: nothing else of the picture changes, and nothing is moved."""

from __future__ import annotations

import cmath
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops

from modules.diffusion.errors import CheckpointError
from modules.diffusion.face_network import MARKS, SIDE, FaceNetwork, Turn, cut_out, put_back, turn_to_template
from modules.diffusion.hardware import Hardware
from modules.diffusion.upscale_network import image_of, read_network, tensor_of
from tests.faces import MARKS as DRAWN
from tests.faces import drawn_face, save_restorer
from tests.upscalers import save_compact

CPU = Hardware(torch.device("cpu"), torch.float32, torch.float32, "")


def marks_of(side: int) -> torch.Tensor:
    return torch.tensor(DRAWN) * side / 100 + side / 2


def worst(one: Image.Image, other: Image.Image) -> int:
    return max(high for _, high in ImageChops.difference(one, other).getextrema())  # type: ignore[misc]


def test_marks_that_were_turned_shrunk_and_moved_come_back_exactly() -> None:
    turned = cmath.rect(0.3, 0.4)
    there = [turned * complex(*mark) + complex(70, -20) for mark in MARKS]
    found = turn_to_template(torch.tensor([[z.real, z.imag] for z in there], dtype=torch.float64))
    assert abs(found.by - 1 / turned) < 1e-9
    assert abs(found.inverse.by - turned) < 1e-9
    assert abs(found.inverse.to - complex(70, -20)) < 1e-6


def test_the_eyes_of_a_face_that_was_cut_out_are_where_the_network_wants_them() -> None:
    face = cut_out(drawn_face(300), turn_to_template(marks_of(300)))
    assert face.size == (SIDE, SIDE)
    for x, y in MARKS[:2]:
        assert max(face.getpixel((round(x), round(y)))) < 70  # type: ignore[arg-type]
    assert min(face.getpixel((256, 200))) > 120  # type: ignore[arg-type]


def test_a_face_that_is_not_changed_leaves_the_picture_as_it_was() -> None:
    image = drawn_face(300)
    turn = turn_to_template(marks_of(300))
    assert worst(put_back(image, cut_out(image, turn), turn, 1.0), image) <= 6


def test_only_the_face_changes_and_by_the_share_that_was_asked_for() -> None:
    image, turn = drawn_face(150), turn_to_template(marks_of(150))
    red = Image.new("RGB", (SIDE, SIDE), (255, 0, 0))
    made = put_back(image, red, turn, 1.0)
    middle = [int(value) for value in marks_of(150).mean(0)]
    assert made.getpixel(middle) == (255, 0, 0)
    assert worst(made.crop((0, 0, 300, 40)), image.crop((0, 0, 300, 40))) == 0
    half = put_back(image, red, turn, 0.5)
    expected = Image.blend(image, red.resize(image.size), 0.5).getpixel(middle)
    assert np.abs(np.array(half.getpixel(middle)) - np.array(expected)).max() <= 2


def test_a_face_at_the_edge_and_one_beyond_it_do_no_harm() -> None:
    image = drawn_face(100)
    edge = put_back(image, Image.new("RGB", (SIDE, SIDE), "red"), Turn(1, 400), 1.0)
    assert edge.size == image.size
    assert edge.tobytes() != image.tobytes()
    assert put_back(image, Image.new("RGB", (SIDE, SIDE), "red"), Turn(1, 5000), 1.0).tobytes() == image.tobytes()


def test_a_network_gives_what_spandrel_computes_with_it(tmp_path: Path) -> None:
    path = save_restorer(tmp_path / "GFPGANsmall.safetensors")
    face = cut_out(drawn_face(200), turn_to_template(marks_of(200)))
    made = FaceNetwork(path, CPU).restore(face)
    assert worst(made, image_of(read_network(path)(tensor_of(face)))) <= 1
    assert worst(made, face) > 50


def test_an_upscaler_is_no_face_restorer(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"up\.safetensors restores no faces: a RealESRGAN Compact network"):
        FaceNetwork(save_compact(tmp_path / "up.safetensors"), CPU)
