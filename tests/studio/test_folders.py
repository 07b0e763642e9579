from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags
from modules.studio.folders import REPOSITORY, find_folders
from tests.studio.conftest import NoFlags


def test_without_flags_everything_lies_below_this_checkout() -> None:
    folders = find_folders(Flags())
    assert folders.data == REPOSITORY
    assert folders.checkpoints == (REPOSITORY / "models" / "Stable-diffusion",)
    assert folders.styles == (REPOSITORY / "styles.csv",)
    assert folders.outputs == REPOSITORY / "outputs"


def test_another_data_folder_still_finds_the_starter_checkpoint(tmp_path: Path) -> None:
    folders = find_folders(NoFlags(tmp_path))
    assert folders.checkpoints == (
        tmp_path / "models" / "Stable-diffusion",
        REPOSITORY / "models" / "Stable-diffusion",
    )
    assert folders.config == tmp_path / "config.json"
    assert folders.state == tmp_path / "aquatint"


def test_each_folder_may_be_named(tmp_path: Path) -> None:
    flags = replace(
        NoFlags(tmp_path),
        models_dir=tmp_path / "m",
        ckpt_dir=tmp_path / "c",
        vae_dir=tmp_path / "v",
        lora_dir=tmp_path / "l",
        embeddings_dir=tmp_path / "e",
    )
    folders = find_folders(flags)
    assert folders.checkpoints[:2] == (tmp_path / "c", tmp_path / "m" / "Stable-diffusion")
    assert (folders.vae, folders.lora, folders.embeddings) == (tmp_path / "v", tmp_path / "l", tmp_path / "e")


def test_style_files_may_be_named_by_wildcards_and_before_they_exist(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).touch()
    flags = replace(NoFlags(tmp_path), styles_file=(str(tmp_path / "*.csv"), "new.csv"))
    assert find_folders(flags).styles == (tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "new.csv")


def test_missing_folders_are_made(tmp_path: Path) -> None:
    folders = find_folders(NoFlags(tmp_path / "deep" / "er"))
    folders.make()
    assert folders.outputs.is_dir()
    assert folders.vae.is_dir()
    assert folders.state.is_dir()


def test_a_new_data_folder_begins_with_the_styles_that_ship_and_keeps_its_own(tmp_path: Path) -> None:
    folders = find_folders(NoFlags(tmp_path))
    folders.make()
    assert folders.styles[0].read_bytes() == (REPOSITORY / "styles.csv").read_bytes()
    folders.styles[0].write_text("name,prompt,negative_prompt\nmine,,\n", "utf-8")
    folders.make()
    assert "mine" in folders.styles[0].read_text("utf-8")


def test_style_files_that_were_named_are_not_made(tmp_path: Path) -> None:
    folders = find_folders(replace(NoFlags(tmp_path), styles_file=("mine.csv",)))
    folders.make()
    assert not (tmp_path / "mine.csv").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    with pytest.raises(AquatintError, match="data"):
        find_folders(NoFlags(tmp_path / "data")).make()
