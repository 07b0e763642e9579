"""Faces are found where they were drawn, and where the package whose weights these are finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from modules.diffusion.errors import CheckpointError
from modules.diffusion.faces import FaceFinder, distinct
from tests.faces import MARKS, bring_finder, drawn_face


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> FaceFinder:
    return FaceFinder(bring_finder(tmp_path_factory.mktemp("models")))


@pytest.mark.parametrize("side", [60, 200, 900])
def test_eyes_nose_and_mouth_lie_where_they_were_drawn(finder: FaceFinder, side: int) -> None:
    (face,) = finder.find(drawn_face(side))
    drawn = torch.tensor(MARKS) * side / 100 + side / 2
    assert (face.marks - drawn).abs().max() < 0.07 * side
    assert face.score > 0.9
    left, top, right, bottom = face.box.tolist()
    assert left < drawn[:, 0].min() < drawn[:, 0].max() < right
    assert top < drawn[:, 1].min() < drawn[:, 1].max() < bottom


def test_several_faces_are_those_that_facenet_finds(finder: FaceFinder) -> None:
    facenet = pytest.importorskip("facenet_pytorch")
    image = Image.new("RGB", (700, 420), "gray")
    for side, turn, place in ((100, 0, (0, 0)), (150, 15, (200, 50)), (70, -20, (520, 200))):
        image.paste(drawn_face(side).rotate(turn, fillcolor=(120, 140, 160)), place)
    boxes, scores, marks = facenet.MTCNN(keep_all=True).detect(image, landmarks=True)
    found = finder.find(image)
    assert len(found) == len(boxes) == 3
    for face, which in zip(found, np.argsort([float(box[0] - box[2]) for box in boxes]), strict=True):
        assert np.abs(np.array(boxes[which], dtype=float) - face.box.numpy()).max() < 0.01
        assert np.abs(np.array(marks[which], dtype=float) - face.marks.numpy()).max() < 0.01
        assert abs(float(scores[which]) - face.score) < 1e-4


@pytest.mark.parametrize("size", [(5, 5), (30, 19), (200, 120)])
def test_where_there_is_no_face_none_is_found(finder: FaceFinder, size: tuple[int, int]) -> None:
    assert finder.find(Image.new("RGB", size, "gray")) == []
    assert finder.find(Image.effect_noise(size, 60).convert("RGB")) == []


def test_of_boxes_on_each_other_the_surest_stays() -> None:
    boxes = torch.tensor([[0, 0, 9, 9], [1, 1, 10, 10], [3, 3, 6, 6], [50, 50, 60, 60]]).float()
    scores = torch.tensor([0.8, 0.9, 0.7, 0.6])
    assert distinct(boxes, scores, 0.5).tolist() == [1, 2, 3]
    assert distinct(boxes, scores, 0.5, of_the_smaller=True).tolist() == [1, 3]


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_file({"pnet.conv1.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"other\.safetensors holds no MTCNN"):
        FaceFinder(tmp_path / "other.safetensors")
