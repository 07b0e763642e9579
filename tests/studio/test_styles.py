from __future__ import annotations

import csv
import threading
from pathlib import Path

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.folders import REPOSITORY
from modules.studio.styles import Styles


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "styles.csv"


def test_a_style_is_appended_after_a_comma(path: Path) -> None:
    styles = Styles([path])
    styles.save("Oil", "oil painting", "photo")
    assert styles.apply("a cat", "", ["Oil"]) == ("a cat, oil painting", "photo")
    assert styles.apply("", "dog", ["Oil"]) == ("oil painting", "dog, photo")


def test_the_prompt_goes_where_the_style_says(path: Path) -> None:
    styles = Styles([path])
    styles.save("Photo", "photo of {prompt}, 50mm", "not {prompt}")
    styles.save("Grain", "grain", "")
    assert styles.apply("a cat", "dogs", ["Photo", "Grain"]) == ("photo of a cat, 50mm, grain", "not dogs")


def test_names_that_do_not_exist_are_left_out(path: Path) -> None:
    assert Styles([path]).apply("a cat", "dog", ["None", "nothing"]) == ("a cat", "dog")


def test_what_is_saved_reads_back_exactly(path: Path) -> None:
    prompt = 'a "quoted", prompt\nof two lines, 猫, (x:1.2), =1+1'
    Styles([path]).save("Mine, own", prompt, "")
    found = Styles([path]).all()["Mine, own"]
    assert (found.prompt, found.negative_prompt) == (prompt, "")


def test_the_file_is_as_a1111_writes_it(path: Path) -> None:
    Styles([path]).save("Mine", "a", "b")
    assert path.read_bytes() == b"\xef\xbb\xbfname,prompt,negative_prompt\r\nMine,a,b\r\n"


def test_old_files_with_a_text_column_are_read_and_brought_up_to_date(path: Path) -> None:
    path.write_text("name,text\nOld, an old style\n")
    styles = Styles([path])
    assert styles.all()["Old"].prompt == "an old style"
    styles.save("New", "a new style", "")
    assert path.read_text("utf-8-sig").startswith("name,prompt,negative_prompt\n")
    assert styles.names() == ["Old", "New"]


def test_remarks_are_hidden_but_kept(path: Path) -> None:
    path.write_text("name,prompt,negative_prompt\n# my favourites,,\nA,a,\n")
    styles = Styles([path])
    assert styles.names() == ["A"]
    styles.save("B", "b", "")
    assert "# my favourites" in path.read_text("utf-8-sig")


def test_columns_of_other_programs_are_kept(path: Path) -> None:
    path.write_text("name,prompt,negative_prompt,notes\nA,a,b,remember\n")
    Styles([path]).save("A", "changed", "b")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"name": "A", "prompt": "changed", "negative_prompt": "b", "notes": "remember"}
        ]


def test_the_file_before_is_kept(path: Path) -> None:
    styles = Styles([path])
    styles.save("A", "one", "")
    styles.save("A", "two", "")
    assert "one" in path.with_name("styles.csv.bak").read_text("utf-8-sig")
    assert "two" in path.read_text("utf-8-sig")


def test_a_style_is_changed_in_the_file_where_it_lies(tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    Styles([second]).save("B", "b", "")
    styles = Styles([first, second])
    styles.save("B", "changed", "")
    styles.save("A", "a", "")
    assert Styles([first]).names() == ["A"]
    assert Styles([second]).all()["B"].prompt == "changed"


def test_a_deleted_style_is_gone(path: Path) -> None:
    styles = Styles([path])
    styles.save("A", "a", "")
    assert styles.delete("A") is True
    assert styles.delete("A") is False
    assert styles.names() == []


@pytest.mark.parametrize("name", ["", "  ", "# remark"])
def test_a_style_needs_a_name(path: Path, name: str) -> None:
    with pytest.raises(AquatintError, match="name"):
        Styles([path]).save(name, "a", "b")


@pytest.mark.parametrize("damage", ["a,b,c\n1,2,3\n", "name,prompt\nA," + "x" * 200_000])
def test_a_file_that_cannot_be_understood_is_reported_and_never_overwritten(path: Path, damage: str) -> None:
    path.write_text(damage)
    styles = Styles([path])
    assert styles.names() == []
    assert len(styles.problems) == 1
    assert "styles.csv" in styles.problems[0]
    with pytest.raises(AquatintError):
        styles.save("A", "a", "b")
    assert path.read_text() == damage


def test_a_spreadsheets_encoding_is_understood(path: Path) -> None:
    path.write_bytes("name,prompt\nCafé,crème\n".encode("cp1252"))
    assert Styles([path]).all()["Café"].prompt == "crème"


def test_what_another_program_writes_counts_at_once(path: Path) -> None:
    styles = Styles([path])
    path.write_text("name,prompt\nA,a\n")
    assert styles.names() == ["A"]


def test_styles_saved_at_the_same_time_are_all_kept(path: Path) -> None:
    styles = Styles([path])
    threads = [threading.Thread(target=styles.save, args=(f"S{number}", "x", "")) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(styles.names()) == sorted(f"S{number}" for number in range(12))


def test_the_styles_that_come_with_the_program_are_sound() -> None:
    styles = Styles([REPOSITORY / "styles.csv"])
    assert styles.problems == []
    assert len(styles.names()) >= 20
    assert styles.apply("red heart", "", ["Starter: blue ground"]) == ("red heart on a blue background", "")


@pytest.mark.parametrize(
    ("style", "merged"),
    [("in ink", "a cat # or a dog\n, in ink"), ("ink of {prompt} here", "ink of a cat # or a dog\n here")],
)
def test_a_remark_at_the_end_of_a_prompt_does_not_swallow_the_style(tmp_path: Path, style: str, merged: str) -> None:
    styles = Styles([tmp_path / "styles.csv"])
    styles.save("ink", style, "")
    assert styles.apply("a cat # or a dog", "", ["ink"])[0] == merged
