"""Cards of networks: what lies beside a file, what is written in it, and what is found by which words."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from modules.diffusion.errors import AquatintError
from modules.studio.card_facts import facts_of, training_tags
from modules.studio.card_notes import CardNotes, read_notes, write_notes
from modules.studio.network_cards import Cards, NoSuchCardError, Source, folders_of
from tests.networks import make_lora, make_picture, trained_with


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Lora"


def cards_in(folder: Path, cache: Path | None = None) -> Cards:
    def look() -> dict[str, Path]:
        return {path.stem: path for path in folder.rglob("*.safetensors")}

    return Cards({"lora": Source(look, (folder,))}, cache)


def names(cards: Cards, words: str = "", folder: str | None = None, sort: str = "name") -> list[str]:
    return [card.name for card in cards.find("lora", words, folder, sort)]


@pytest.mark.parametrize("name", ["a.png", "a.preview.png", "a.jpg", "a.preview.jpg", "a.jpeg", "a.webp"])
def test_a_preview_lies_where_a1111_has_it(folder: Path, name: str) -> None:
    make_lora(folder / "a.safetensors")
    picture = make_picture(folder / name)
    make_picture(folder / "b.png")
    assert cards_in(folder).all("lora")[0].picture == picture


def test_the_first_of_several_previews_is_a1111s(folder: Path) -> None:
    make_lora(folder / "a.safetensors")
    for name in ("a.webp", "a.jpg", "a.preview.png", "a.png"):
        make_picture(folder / name)
    assert cards_in(folder).all("lora")[0].picture == folder / "a.png"


def test_cards_are_found_by_name_folder_notes_and_tags_that_were_read(folder: Path) -> None:
    make_lora(folder / "styles/Ink Wash.safetensors", metadata=trained_with(brushwork=12, paper=3))
    make_lora(folder / "people/face.safetensors")
    (folder / "people/face.json").write_text(json.dumps({"activation text": "zqx person"}))
    cards = cards_in(folder)
    assert names(cards, "wash ink") == ["Ink Wash"]
    assert names(cards, "PEOPLE") == ["face"]
    assert names(cards, "zqx") == ["face"]
    assert names(cards, "brushwork") == []
    assert cards.tags(cards.find("lora", "wash")[0]) == ["brushwork", "paper"]
    assert names(cards, "brushwork") == ["Ink Wash"]
    assert names(cards, "nothing like it") == []


def test_folders_hold_what_is_below_them(folder: Path) -> None:
    for name in ("top", "a/one", "a/b/two", "ab/three"):
        make_lora(folder / f"{name}.safetensors")
    cards = cards_in(folder)
    assert folders_of(cards.all("lora")) == ["a", "a/b", "ab"]
    assert names(cards, folder="a") == ["one", "two"]
    assert len(names(cards)) == 4


def test_they_are_sorted_by_size(folder: Path) -> None:
    make_lora(folder / "a.safetensors", width=8)
    make_lora(folder / "b.safetensors", width=800)
    assert (names(cards_in(folder)), names(cards_in(folder), sort="size")) == (["a", "b"], ["b", "a"])


def test_a_click_inserts_the_preferred_weight_and_the_trigger_words(folder: Path) -> None:
    make_lora(folder / "a.safetensors")
    make_lora(folder / "plain.safetensors")
    (folder / "a.json").write_text(json.dumps({"activation text": "zqx, ink", "preferred weight": 0.75}))
    cards = cards_in(folder)
    assert [cards.insertion(card) for card in cards.all("lora")] == ["<lora:a:0.75> zqx, ink", "<lora:plain:1>"]


def test_notes_are_written_over_a1111s_keys_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"notes": "old", "sd version": "SD1", "civitai": {"id": 7}}))
    write_notes(path, read_notes(path).model_copy(update={"notes": "new", "preferred_weight": 0.5}))
    written = json.loads(path.read_text())
    assert written == {"notes": "new", "sd version": "SD1", "civitai": {"id": 7}, "preferred weight": 0.5}
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_damaged_file_of_notes_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{damaged")
    with pytest.raises(AquatintError, match=r"a\.json cannot be read"):
        write_notes(path, CardNotes(notes="new"))
    assert (path.read_text(), read_notes(path)) == ("{damaged", CardNotes())


def test_notes_of_wrong_types_are_read_as_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"description": ["x"], "preferred weight": NaN, "notes": "kept", "activation text": 4}')
    assert read_notes(path) == CardNotes(notes="kept")


def test_new_notes_are_seen_at_once(folder: Path) -> None:
    make_lora(folder / "a.safetensors")
    cards = cards_in(folder)
    assert names(cards, "fresh") == []
    cards.write_notes(cards.all("lora")[0], CardNotes(activation_text="fresh"))
    assert names(cards, "fresh") == ["a"]


def test_a_picture_becomes_the_cards_own(folder: Path) -> None:
    make_lora(folder / "a.safetensors")
    made = make_picture(folder.parent / "made.png", "red")
    cards = cards_in(folder)
    cards.write_picture(cards.all("lora")[0], made.read_bytes())
    assert cards.all("lora")[0].picture == folder / "a.png"
    with Image.open(BytesIO(cards.thumbnail(cards.all("lora")[0]))) as small:
        assert (small.format, small.size) == ("WEBP", (96, 96))


def test_what_is_no_picture_is_not_served(folder: Path) -> None:
    make_lora(folder / "a.safetensors")
    (folder / "a.png").write_text("secret words")
    cards = cards_in(folder)
    with pytest.raises(AquatintError):
        cards.thumbnail(cards.all("lora")[0])


def test_a_card_whose_file_is_gone_is_said(folder: Path) -> None:
    path = make_lora(folder / "a.safetensors")
    cards = cards_in(folder)
    id = cards.all("lora")[0].id
    assert cards.get(id).name == "a"
    path.unlink()
    with pytest.raises(NoSuchCardError):
        cards.get(id)


def test_what_was_read_is_remembered_until_the_file_changes(folder: Path, tmp_path: Path) -> None:
    path = make_lora(folder / "a.safetensors", metadata=trained_with(first=3))
    cards = cards_in(folder, tmp_path / "cards.json")
    assert cards.tags(cards.all("lora")[0]) == ["first"]
    cards.save()
    again = cards_in(folder, tmp_path / "cards.json")
    assert again.tags(again.all("lora")[0], read=False) == ["first"]
    make_lora(path, metadata=trained_with(second=3, third=1))
    assert again.tags(again.all("lora")[0]) == ["second", "third"]


def test_tags_of_all_folders_are_added_up() -> None:
    text = json.dumps({"a": {"cat": 3, " dog": 1}, "b": {"dog": 4, "none": 0, "wrong": "x"}, "c": 7})
    assert training_tags(text) == [("dog", 5), ("cat", 3)]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"a": {"b": 1e999}}', "[" * 100_000])
def test_damaged_tags_are_none(text: str) -> None:
    assert training_tags(text) == []


def test_facts_have_names_for_people_and_all_of_the_header() -> None:
    facts = facts_of({"ss_network_dim": "16", "ss_network_alpha": "8", "ss_base_model_version": "None", "x": "<b>"})
    assert facts.rows == [("Rank", "16"), ("Alpha", "8")]
    assert ("x", "<b>") in facts.everything
