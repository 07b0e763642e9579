from __future__ import annotations

from pathlib import Path

from modules.studio.forms import Forms


def test_the_last_form_of_each_owner_and_tab_comes_back_after_a_restart(tmp_path: Path) -> None:
    forms = Forms(tmp_path / "forms.db")
    forms.save("alice", "txt2img", {"prompt": "one"})
    forms.save("alice", "txt2img", {"prompt": "a cat 猫\n", "steps": 20, "styles": ["Oil"], "mask": None, "cfg": 7.5})
    forms.save("alice", "img2img", {"prompt": "other"})
    forms.save("bob", "txt2img", {"prompt": "his"})
    again = Forms(tmp_path / "forms.db")
    assert again.load("alice", "txt2img") == {
        "prompt": "a cat 猫\n",
        "steps": 20,
        "styles": ["Oil"],
        "mask": None,
        "cfg": 7.5,
    }
    assert again.load("alice", "img2img") == {"prompt": "other"}
    assert again.load("bob", "txt2img") == {"prompt": "his"}


def test_a_form_that_was_never_saved_is_empty(tmp_path: Path) -> None:
    assert Forms(tmp_path / "forms.db").load("alice", "txt2img") == {}


def test_a_damaged_file_costs_the_forms_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "forms.db").write_bytes(b"damaged" * 500)
    forms = Forms(tmp_path / "forms.db")
    assert forms.load("alice", "txt2img") == {}
    forms.save("alice", "txt2img", {"prompt": "new"})
    assert forms.load("alice", "txt2img") == {"prompt": "new"}


def test_the_words_of_all_forms_are_found_however_deep_they_lie(tmp_path: Path) -> None:
    forms = Forms(tmp_path / "forms.db")
    forms.save("ann", "img2img", {"picture": {"image": "a" * 32, "mask": None}, "steps": 20})
    forms.save("bob", "txt2img", {"styles": ["ink"]})
    assert forms.words() == {"a" * 32, "ink"}
