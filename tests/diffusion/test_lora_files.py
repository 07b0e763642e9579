"""LoRA files: found by name and alias, hashed as A1111 does, ten thousand of them in a moment."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from modules.diffusion import lora_files
from modules.diffusion.errors import AquatintError
from modules.diffusion.lora_files import LoraFolder

TENSORS = {
    "lora_unet_x.lora_up.weight": torch.ones(2, 1),
    "lora_unet_x.lora_down.weight": torch.ones(1, 2),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files, one in a folder below, one with an alias."""
    (tmp_path / "styles").mkdir()
    save_file(TENSORS, tmp_path / "plain.safetensors")
    save_file(TENSORS, tmp_path / "styles" / "Ink.safetensors", {"ss_output_name": "ink-v2"})
    torch.save(TENSORS, tmp_path / "old.pt")
    (tmp_path / "notes.txt").write_text("not a LoRA")
    return tmp_path


def test_files_are_found_by_name_whatever_its_case_and_by_alias(folder: Path) -> None:
    loras = LoraFolder([folder])
    assert list(loras.files) == ["Ink", "old", "plain"]
    assert loras.find("plain").path == folder / "plain.safetensors"
    assert loras.find(" ink ").name == "Ink"
    assert loras.find("ink-v2").name == "Ink"
    assert len(loras.read("old").parts) == 1


def test_a_name_that_is_not_there_is_an_error_that_says_what_there_is(folder: Path) -> None:
    with pytest.raises(AquatintError, match=r"'inkk'.*Ink, old, plain"):
        LoraFolder([folder]).find("inkk")
    with pytest.raises(AquatintError, match="none"):
        LoraFolder([folder / "nowhere"]).find("ink")


def test_the_hash_is_that_of_the_weights_without_the_header(folder: Path) -> None:
    loras = LoraFolder([folder])
    data = (folder / "plain.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    expected = hashlib.sha256(data[8 + length :]).hexdigest()[:12]
    assert loras.short_hash(loras.find("plain")) == expected
    assert loras.short_hash(loras.find("Ink")) == expected
    assert loras.short_hash(loras.find("old")) == hashlib.sha256((folder / "old.pt").read_bytes()).hexdigest()[:12]
    save_file(TENSORS, folder / "own.safetensors", {"sshs_model_hash": "0123456789abcdef"})
    loras.refresh()
    assert loras.short_hash(loras.find("own")) == "0123456789ab"


def test_what_was_read_is_remembered_until_the_file_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = folder / "facts.json"
    loras = LoraFolder([folder], cache)
    assert loras.alias(loras.find("Ink")) == "ink-v2"
    loras.save()
    monkeypatch.setattr(lora_files, "open_weights", None)
    again = LoraFolder([folder], cache)
    assert again.alias(again.find("Ink")) == "ink-v2"
    monkeypatch.undo()
    save_file(TENSORS, folder / "styles" / "Ink.safetensors", {"ss_output_name": "another-name"})
    assert again.alias(again.find("Ink")) == "another-name"


def test_a_broken_file_is_listed_and_has_no_metadata(folder: Path) -> None:
    (folder / "broken.safetensors").write_bytes(b"\x00" * 20)
    loras = LoraFolder([folder])
    assert "broken" in loras.files
    assert loras.metadata(loras.find("broken")) == {}


def test_ten_thousand_files_are_listed_without_opening_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10_000):
        (tmp_path / f"style-{number}.safetensors").touch()
    monkeypatch.setattr(lora_files, "open_weights", None)
    loras = LoraFolder([tmp_path])
    assert len(loras.files) == 10_000
    assert loras.find("STYLE-9999").name == "style-9999"


def test_a_file_that_came_later_is_there_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = LoraFolder([tmp_path])
    save_file(TENSORS, tmp_path / "new.safetensors")
    assert not folder.has("new")
    monkeypatch.setattr("modules.diffusion.lora_files.LOOK_AGAIN", 0.0)
    assert folder.has("new")
    assert "new" in folder.files
