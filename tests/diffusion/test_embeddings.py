"""Textual inversions in the forms that A1111, diffusers and SDXL's trainers write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from modules.diffusion.embeddings import find_embeddings, read_embedding
from modules.diffusion.errors import CheckpointError, UnsafePickleError


def vector(tokens: int = 2, width: int = 768) -> Tensor:
    return torch.arange(tokens * width, dtype=torch.float32).reshape(tokens, width) / 1000


def a1111(value: Any) -> dict[str, Any]:
    """What A1111's own training saves."""
    return {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": value},
        "name": "ink",
        "step": 1000,
        "sd_checkpoint": "abcdef12",
        "sd_checkpoint_name": "v1-5",
    }


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("pt", a1111(vector())),
        ("pt", a1111(nn.Parameter(vector()))),
        ("bin", {"<ink>": vector()}),
        ("pt", {"<ink>": vector().half()}),
    ],
    ids=["A1111", "A1111 with a parameter", "diffusers", "half"],
)
def test_pickled_ones_are_read(suffix: str, content: dict[str, Any], tmp_path: Path) -> None:
    torch.save(content, tmp_path / f"ink.{suffix}")
    found = read_embedding(tmp_path / f"ink.{suffix}")
    assert (found.name, found.tokens, found.widths, found.made_for) == ("ink", 2, (768,), "SD 1.x")
    assert torch.allclose(found.vectors[0], vector(), atol=1e-3)


def test_safetensors_are_read_and_a_single_vector_is_one_token(tmp_path: Path) -> None:
    save_file({"emb_params": vector(3, 1024)}, tmp_path / "a.safetensors")
    save_file({"<b>": vector(1)[0]}, tmp_path / "b.safetensors")
    assert (read_embedding(tmp_path / "a.safetensors").tokens, read_embedding(tmp_path / "b.safetensors").tokens) == (
        3,
        1,
    )
    assert read_embedding(tmp_path / "a.safetensors").made_for == "SD 2.x"


def test_one_for_sdxl_has_vectors_for_both_encoders_the_smaller_first(tmp_path: Path) -> None:
    save_file({"clip_g": vector(4, 1280), "clip_l": vector(4, 768)}, tmp_path / "xl.safetensors")
    found = read_embedding(tmp_path / "xl.safetensors")
    assert (found.widths, found.made_for, found.tokens) == ((768, 1280), "SDXL", 4)


@pytest.mark.parametrize(
    "tensors",
    [
        {"emb_params": torch.full((1, 768), float("nan"))},
        {f"layer.{number}": vector() for number in range(5)},
        {"emb_params": torch.zeros(1, 2, 768)},
        {"emb_params": torch.zeros(2, 768, dtype=torch.int64)},
        {"clip_l": vector(2), "clip_g": vector(3, 1280)},
        {"emb_params": torch.zeros(0, 768)},
    ],
    ids=["nan", "too many", "three axes", "whole numbers", "unequal lengths", "no tokens"],
)
def test_what_is_no_embedding_is_refused_by_name(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(tensors, tmp_path / "broken.safetensors")
    with pytest.raises(CheckpointError, match=r"broken\.safetensors"):
        read_embedding(tmp_path / "broken.safetensors")


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    torch.save({"string_to_param": {"*": Path("x")}}, tmp_path / "evil.pt")
    with pytest.raises(UnsafePickleError, match=r"evil\.pt"):
        read_embedding(tmp_path / "evil.pt")


def test_files_are_found_by_name_without_being_opened(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.pt", "deep/a.safetensors", "deep/b.safetensors", "a.preview.png", "notes.txt", "c.bin"):
        (tmp_path / name).touch()
    found = find_embeddings([tmp_path, tmp_path / "nowhere"])
    assert list(found) == ["a", "b", "c"]
