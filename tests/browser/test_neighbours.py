"""What extensions put beside A1111's results, into its large view and among its cards stands beside ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, Server, Visit, Visitor, serving_with

NEIGHBOUR = "#neighbour_of_txt2img_send_to_extras"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The finished program with an extension that has something to put there, and one that brings cards."""
    data = tmp_path_factory.mktemp("neighbours")
    shutil.copytree(ROOT / "tests/specimens/cardholder", data / "extensions/cardholder")
    with serving_with("neighbours", data) as server:
        yield server


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """Somebody with a picture, for whom the page, scripts and all, is there."""
    visitor = visit()
    visitor.page.wait_for_function("window.executedOnLoaded")
    visitor.ask_for("red heart", steps=3, seed=5)
    visitor.pictures_of(visitor.generate)
    return visitor


def test_a_button_of_an_extension_stands_below_ours_and_works(visitor: Visitor) -> None:
    button = visitor.page.locator(NEIGHBOUR)
    ours, theirs = visitor.page.locator("#image_buttons_txt2img").bounding_box(), button.bounding_box()
    assert ours is not None
    assert theirs is not None
    assert 0 < theirs["y"] - ours["y"] < 80
    button.click()
    expect(visitor.page.locator(f"{NEIGHBOUR}_text textarea")).to_have_value("pressed")


def test_the_components_that_stood_for_our_buttons_are_not_on_the_page(visitor: Visitor) -> None:
    found = "[...document.querySelectorAll('[id=txt2img_send_to_extras]')].map((each) => each.textContent)"
    assert visitor.page.evaluate(found) == ["To Extras"]


def test_scripts_read_the_parameters_of_the_picture_and_find_it_as_in_a1111(visitor: Visitor) -> None:
    page = visitor.page
    text = page.wait_for_selector("#html_info_txt2img > div > #html_info_txt2img > p", state="attached")
    assert text is not None
    assert "Seed: 5" in (text.text_content() or "")
    kept = json.loads(page.locator("#generation_info_txt2img textarea").input_value())
    shown = page.evaluate("selected_gallery_index()")
    assert kept["all_seeds"][shown] == 5
    assert "Seed: 5" in kept["infotexts"][shown]
    head = "div[id^='tab_'] div[id$='_results'] #txt2img_gallery_container .thumbnail-item.selected > img"
    page.wait_for_selector(head)


def test_what_an_extension_puts_into_the_large_view_is_seen_in_ours(visitor: Visitor) -> None:
    page = visitor.page
    page.locator("#txt2img_gallery .aq-picture").click()
    assert page.evaluate("document.activeElement.id") == "lightboxModal"
    page.locator("dialog.aq-lightbox #neighbour_note").click()
    shown = page.locator("img.aq-large").get_attribute("src")
    assert str(page.evaluate("window.noted")).endswith(str(shown))
    with page.expect_download():
        page.evaluate("document.getElementById('modal_save').click()")
    page.evaluate("closeModal()")
    page.wait_for_selector("body > #lightboxModal", state="hidden")
    expect(page.locator("#neighbour_note")).to_have_count(0)


def test_a_click_on_a_card_of_an_extension_puts_its_words_into_the_prompt_and_another_takes_them_out(
    visitor: Visitor,
) -> None:
    page, prompt = visitor.page, visitor.prompt()
    visitor.unfold(page.locator("#txt2img_weather_cards_cards_fold button.label-wrap"))
    page.locator("#txt2img_weather_cards_cards .card", has_text="fog").click()
    expect(prompt).to_have_value("red heart <lora:fog:0.7>")
    prompt.fill("red heart <lora:fog:1.2>")
    page.locator("#txt2img_weather_cards_cards .card", has_text="fog").click()
    expect(prompt).to_have_value("red heart")
    page.locator("#txt2img_neg_prompt textarea").focus()
    page.locator("#txt2img_weather_cards_cards .card", has_text="rain").click()
    expect(page.locator("#txt2img_neg_prompt textarea")).to_have_value("heavy rain")
    page.locator(".extra-network-search:visible").fill("sky/f")
    expect(page.locator("#txt2img_weather_cards_cards .card:visible .name")).to_have_text(["fog"])


def test_places_that_a1111s_page_has_besides_are_there_for_scripts(visitor: Visitor) -> None:
    page = visitor.page
    wanted = (
        "#footer.versions, #interrogate, #deepbooru, #txt2img_extra_refresh, #tab_txt2img .aq-work > .resize-handle"
    )
    assert page.locator(wanted).count() == 5
    assert page.locator(wanted).filter(visible=True).count() == 1
    assert page.evaluate("document.querySelector('#txt2img_steps> input').type") == "range"
    page.evaluate("extensions_apply = ((before) => (...given) => before(...given))(extensions_apply)")
    assert page.evaluate("extensions_apply(1, 2)") == [1, 2]


def test_interrupt_is_visible_to_scripts_only_while_something_runs(visitor: Visitor) -> None:
    asked = "uiElementIsVisible(document.getElementById('txt2img_interrupt'))"
    assert visitor.page.evaluate(asked) is False
    assert visitor.page.evaluate("uiElementIsVisible(document.getElementById('txt2img_generate'))") is True


def test_the_tabs_of_a1111s_img2img_are_found_in_its_settings(visitor: Visitor) -> None:
    within = "document.getElementById('img2img_settings').querySelector('.tabs').querySelector('.tab-nav')"
    assert visitor.page.evaluate(f"{within}.children.length") == 6


def test_the_buttons_of_png_info_have_a1111s_names(visitor: Visitor) -> None:
    found = "[...document.querySelectorAll('#tab_pnginfo button[id$=_tab]')].map((button) => button.id)"
    assert visitor.page.evaluate(found) == ["txt2img_tab", "img2img_tab", "inpaint_tab", "extras_tab"]


def test_a_script_that_waits_for_the_first_tab_finds_what_is_in_the_others(visitor: Visitor) -> None:
    assert visitor.page.evaluate("window.counted") is True
    assert visitor.page.evaluate("Object.keys(gradioApp()).includes('querySelector')") is False
