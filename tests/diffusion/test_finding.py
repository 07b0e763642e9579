"""What the store lists, and by which names it is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from modules.diffusion.errors import AquatintError
from modules.diffusion.store import ModelStore

Open = Callable[..., ModelStore]


def test_the_store_lists_checkpoints_and_what_is_broken(open_store: Open) -> None:
    store = open_store()
    assert [one.name for one in store.checkpoints] == ["one.safetensors", "sub/Two Words.safetensors", "v1.5 folder"]
    assert [file.path.name for file in store.broken] == ["broken.safetensors"]
    assert store.vaes == ("sub/Fine.safetensors",)
    assert store.loaded == ()


def test_a_file_that_arrives_is_listed_after_a_refresh_and_a_download_is_not(open_store: Open, models: Path) -> None:
    store = open_store()
    (models / "coming.safetensors.part").write_bytes(b"x")
    shutil.copy(models / "one.safetensors", models / "new.safetensors")
    (models / "one.safetensors").unlink()
    store.refresh()
    assert [one.name for one in store.checkpoints][:2] == ["new.safetensors", "sub/Two Words.safetensors"]
    assert [file.path.name for file in store.broken] == ["broken.safetensors"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("one.safetensors", "one.safetensors"),
        ("ONE", "one.safetensors"),
        (" one ", "one.safetensors"),
        ("sub/Two Words.safetensors", "sub/Two Words.safetensors"),
        ("sub/Two Words", "sub/Two Words.safetensors"),
        ("two words", "sub/Two Words.safetensors"),
        ("v1.5 folder", "v1.5 folder"),
        ("one.safetensors [0123456789]", "one.safetensors"),
    ],
)
def test_a_checkpoint_is_found_by_its_names(text: str, name: str, open_store: Open) -> None:
    assert open_store().find(text).name == name


def test_a_checkpoint_is_found_by_its_hash_and_by_its_title(open_store: Open) -> None:
    store = open_store()
    one = store.find("one")
    sha256 = one.sha256
    for text in (sha256, sha256[:10], sha256[:10].upper(), one.title, f"renamed.safetensors [{sha256[:10]}]"):
        assert open_store().find(text) == one


def test_the_better_name_wins(open_store: Open, models: Path) -> None:
    (models / "a").mkdir()
    for name in ("a/one.safetensors", "ONE.safetensors", "a/v1.5 folder.safetensors"):
        shutil.copy(models / "one.safetensors", models / name)
    store = open_store()
    for name in ("one.safetensors", "ONE.safetensors", "a/one.safetensors", "v1.5 folder"):
        assert store.find(name).name == name
    assert store.find("one").name == "one.safetensors"


def test_an_unknown_name_says_what_there_is(open_store: Open, models: Path) -> None:
    with pytest.raises(
        AquatintError, match=r"No checkpoint called 'foo' in .*models\. Found: one\.safetensors, sub/Two"
    ):
        open_store().find("foo")
    for nonsense in ("", "broken.safetensors", "[", "../one"):
        with pytest.raises(AquatintError, match="No checkpoint called"):
            open_store().find(nonsense)


def test_checkpoints_of_one_name_in_two_folders_are_both_found(open_store: Open, models: Path, tmp_path: Path) -> None:
    other = tmp_path / "more"
    other.mkdir()
    shutil.copy(models / "sub/Two Words.safetensors", other / "one.safetensors")
    store = open_store(models, other)
    assert store.find("one.safetensors").path == models / "one.safetensors"
    assert store.find("more/one.safetensors").path == other / "one.safetensors"


def test_a_vae_is_found_by_its_names(open_store: Open) -> None:
    store = open_store()
    for text in ("sub/Fine.safetensors", "fine.safetensors", "FINE"):
        assert store.find_vae(text) == "sub/Fine.safetensors"
    assert [store.find_vae(text) for text in ("", "automatic", "none")] == ["Automatic", "Automatic", "None"]
    with pytest.raises(AquatintError, match=r"No VAE called 'x' in .* Found: sub/Fine"):
        store.find_vae("x")
