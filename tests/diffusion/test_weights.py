"""Files of weights, told apart by their bytes, and what is wrong with some of them."""

from __future__ import annotations

import io
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from modules.diffusion.errors import CheckpointError
from modules.diffusion.weights import open_weights

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes bytes as a checkpoint."""

    def to_file(content: bytes) -> Path:
        path = tmp_path / "model.ckpt"
        path.write_bytes(content)
        return path

    return to_file


def read_all(path: Path) -> dict[str, Tensor]:
    with open_weights(path) as file:
        return {name: file.read(name) for name in file.tensors}


def test_a_name_says_nothing_about_the_format(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(pickled({"a": torch.ones(2)}))
    save_file({"a": torch.ones(2)}, tmp_path / "b.ckpt")
    assert read_all(tmp_path / "a.safetensors")["a"].tolist() == [1, 1]
    assert read_all(tmp_path / "b.ckpt")["a"].tolist() == [1, 1]


def pickled(value: Any) -> bytes:
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


def header_of(entries: Any, data: bytes = b"") -> bytes:
    """A safetensors file with this header."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        header_of({"a": ONE}),
        header_of({"a": ONE}, b"\0" * 7),
        header_of({"a": ONE}, b"\0" * 9),
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", 90 << 20) + b"{}",
        header_of({"a": {**ONE, "shape": [1 << 40, 1 << 40]}}, b"\0" * 8),
        header_of({"a": {**ONE, "shape": [-2]}}, b"\0" * 8),
        header_of({"a": {**ONE, "shape": [2.0]}}, b"\0" * 8),
        header_of({"a": {**ONE, "dtype": "F33"}}, b"\0" * 8),
        header_of({"a": {**ONE, "dtype": ["F32"]}}, b"\0" * 8),
        header_of({"a": ONE, "b": ONE}, b"\0" * 8),
        header_of({"a": {**ONE, "data_offsets": [8, 16]}}, b"\0" * 16),
        header_of({"a": {**ONE, "data_offsets": [8, 0]}}, b"\0" * 8),
        header_of(b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "a": {}}', b"\0" * 8),
        header_of(b'{"\xff": 1}'),
        header_of(b"{" * 100_000),
        header_of(b'{"a": 1}'),
        header_of(b'{"a": {}}'),
    ],
)
def test_a_malformed_safetensors_file_is_an_error_that_names_it(content: bytes, write: Write) -> None:
    with pytest.raises(CheckpointError, match=r"^model\.ckpt cannot be used"):
        read_all(write(content))


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.randn(100_000)}, path)
    with open_weights(path) as file:
        os.truncate(path, 1000)
        with pytest.raises(CheckpointError, match="cut short"):
            file.read("a")


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be opened"):
            read_all(path)
