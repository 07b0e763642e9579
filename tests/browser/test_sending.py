"""Buttons of extensions that send a picture and its parameters to the tabs of the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, Visit, Visitor, serving_with


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The finished program with an extension whose buttons send things on."""
    with serving_with("sender", tmp_path_factory.mktemp("sender")) as server:
        yield server


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """Somebody with the extension's tab open, and a picture in it."""
    visitor = visit()
    visitor.open("sender")
    visitor.page.click("#sender_make")
    visitor.page.wait_for_selector("#sender_gallery img")
    return visitor


@pytest.mark.parametrize("tab", ["img2img", "inpaint"])
def test_a_picture_and_its_parameters_are_sent_to_a_form(visitor: Visitor, tab: str) -> None:
    visitor.page.click(f"#sender_buttons #{tab}_tab")
    expect(visitor.prompt(tab)).to_have_value("a blue star")
    expect(visitor.number(tab, "steps")).to_have_value("7")
    visitor.page.wait_for_function(f"document.querySelector('#{tab}_image img').naturalWidth === 40")
    visitor.page.wait_for_selector(f"#tab_{tab}", state="visible")


def test_parameters_are_sent_to_txt2img_and_written_into_its_prompts(visitor: Visitor) -> None:
    visitor.page.click("#sender_buttons #txt2img_tab")
    expect(visitor.prompt()).to_have_value("a blue star")
    expect(visitor.number("txt2img", "width")).to_have_value("192")
    visitor.open("sender")
    visitor.page.click("#sender_copy")
    visitor.page.wait_for_selector("#tab_img2img", state="visible")
    expect(visitor.number("img2img", "height")).to_have_value("64")
    visitor.open("sender")
    visitor.page.click("#sender_write")
    visitor.open("txt2img")
    expect(visitor.prompt()).to_have_value("written")


def test_a_picture_is_sent_to_the_extras(visitor: Visitor) -> None:
    visitor.page.click("#sender_buttons #extras_tab")
    visitor.page.wait_for_selector("#tab_extras", state="visible")
    visitor.page.wait_for_selector("#extras_image .aq-frame img")
