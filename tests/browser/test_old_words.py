"""An extension written for Gradio 3 on the whole page: its scripts, its tab, its controls, its pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import PATIENCE, Server, Visit, Visitor, serving_with

FAILS = "old words: this script fails"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The finished program with the specimen among its extensions."""
    with serving_with("old_words", tmp_path_factory.mktemp("old_words")) as server:
        yield server


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """Somebody for whom the page, scripts and all, is there."""
    return until_loaded(visit())


def until_loaded(visitor: Visitor) -> Visitor:
    visitor.page.set_default_timeout(PATIENCE)
    visitor.page.wait_for_function("window.oldWords?.loaded")
    visitor.complaints.remove(FAILS)  # its first script, which must not stop the others
    return visitor


def heard(visitor: Visitor) -> dict[str, Any]:
    """What the specimen's scripts have heard."""
    words: dict[str, Any] = visitor.page.evaluate("window.oldWords")
    return words


def test_scripts_find_and_hear_what_the_page_of_old_promised(visitor: Visitor) -> None:
    page = visitor.page
    words = heard(visitor)
    assert {name for name, found in words["found"].items() if not found} == set()
    assert (words["loaded"], words["domContentLoaded"], words["opts"]) == (1, True, "from the settings")
    assert page.evaluate("window.oldWordsModule")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--block-radius')") == "3px"
    page.hover("#old_words_write")
    assert page.get_attribute("#old_words_write", "title") == "Writes into the prompt"
    page.click("#old_words_write")
    assert visitor.prompt().input_value() == "written by a script"
    page.click("#tab_old_words-button")
    page.fill("#old_words_name input, #old_words_name textarea", "Ann")
    page.click("#old_words_greet")
    page.wait_for_function("document.querySelector('#old_words_said input, #old_words_said textarea').value")
    assert page.locator("#old_words_said").locator("input, textarea").input_value() == "Hello Ann"
    page.wait_for_function("window.oldWords.tabs.includes('Old words')")
    open_tabs = "[...document.querySelectorAll('.tabitem')].filter((tab) => tab.style.display === 'block')"
    ids = page.evaluate(f"{open_tabs}.map((tab) => tab.id).filter((id) => /old_words/.test(id))")
    assert ids == ["tab_old_words", "old_words_first"]
    within = "document.querySelector('#old_words_tabs').querySelector('div').querySelectorAll('button')"
    assert page.evaluate(f"[...{within}].map((tab) => tab.textContent.trim()).filter(Boolean)") == ["First", "Second"]
    page.evaluate(f"{within}[1].click()")
    page.wait_for_selector("#old_words_deep", state="visible")
    assert heard(visitor)["updates"] > 0


def test_a_tab_for_training_stands_in_the_train_tab_and_reads_the_form(visitor: Visitor) -> None:
    visitor.ask_for("a red heart", steps=7)
    visitor.click_tab("train")
    page = visitor.page
    page.get_by_role("tab", name="Old training").wait_for()
    page.click("#old_words_look")
    page.wait_for_function("document.querySelector('#old_words_seen textarea, #old_words_seen input').value")
    assert page.locator("#old_words_seen").locator("input, textarea").input_value() == "8: a red heart, 7 steps"


def test_controls_of_scripts_take_part_in_a_picture_and_are_remembered(visitor: Visitor) -> None:
    page = visitor.page
    visitor.ask_for("red heart", steps=2)
    page.click("#txt2img_old_words > button")
    page.check("#txt2img_old_words_on input")
    text = page.locator("#txt2img_old_words_text").locator("input, textarea")
    text.fill("very old")
    page.click("#txt2img_old_words_shout")  # an event with _js= and a class's update()
    shouted = "document.querySelector('#txt2img_old_words_text :is(input, textarea)').value === 'VERY OLD!'"
    page.wait_for_function(shouted)
    visitor.pictures_of(visitor.generate)
    assert "Old words: VERY OLD!" in visitor.details().replace("\n", ": ")
    page.locator("#txt2img_script_container #script_list input").click()
    page.get_by_role("option", name="Chosen words").click()
    instead = page.locator("#script_txt2img_chosen_words_instead").locator("input, textarea")
    instead.fill("blue star")
    visitor.pictures_of(visitor.generate)
    assert "blue star" in visitor.details()
    page.wait_for_timeout(1200)
    visitor.reload()
    until_loaded(visitor)
    assert text.input_value() == "VERY OLD!"
    assert instead.input_value() == "blue star"
    assert instead.is_visible()
