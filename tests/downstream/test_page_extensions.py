"""Real extensions that live in the page: their buttons are pressed, and what these do is seen."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, browser
from tests.downstream.test_real_extensions import Recipe, page
from tests.downstream.test_without_packages import CONTROLS, person, size

__all__ = ["browser", "page"]


def with_a_picture(page: Page) -> Visitor:
    visitor = person(page)
    visitor.ask_for("red heart", steps=3, seed=5)
    visitor.pictures_of(visitor.generate)
    return visitor


def lock_a_ratio(page: Page) -> None:
    visitor = person(page)
    visitor.set_number("txt2img", "width", 512)
    page.locator("#txt2img_dims_ratio input").click()
    page.get_by_role("option", name="16:9").first.click()
    expect(visitor.number("txt2img", "height")).to_have_value("288")
    assert size(visitor, "txt2img") == ("512", "288")


def delete_the_picture(page: Page) -> None:
    with_a_picture(page)
    page.locator("#txt2img_sdelb_delete_button").click()
    expect(page.locator("#txt2img_sdelb_delete_info")).to_have_text(re.compile(r"-5\.png deleted"))


def compare_two_pictures(page: Page) -> None:
    person(page)
    page.click("#tab_sd-webui-image-comparison-button")
    for name, colour in (("A", "teal"), ("B", "red")):
        data = io.BytesIO()
        Image.new("RGB", (64, 64), colour).save(data, "PNG")
        file = {"name": f"{name}.png", "mimeType": "image/png", "buffer": data.getvalue()}
        page.locator(f"#img_comp_input_{name} input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        page.wait_for_selector(f"#img_comp_input_{name} img")
    page.get_by_role("button", name="Compare Upload").click()
    first, second = page.evaluate("[ImageComparator.img_A.src, ImageComparator.img_B.src]")
    assert first.endswith("A.png")
    assert second.endswith("B.png")


def find_the_button_at_the_top(page: Page) -> None:
    person(page)
    page.locator("#quicksettings #cls_btn").click()


def go_dark(page: Page) -> None:
    person(page)
    before = page.evaluate("document.body.classList.contains('dark')")
    page.locator(".toggle-dark-mode").click()
    assert page.evaluate("document.body.classList.contains('dark')") is not before


def search_for_a_tab(page: Page) -> None:
    person(page)
    page.keyboard.press("Control+Space")
    page.locator("#search-box input").press_sequentially("sett")
    page.locator("#search-results li").first.click()
    page.locator("#tab_settings").wait_for()


def click_a_card(page: Page) -> None:
    visitor = person(page)
    visitor.prompt().fill("red heart")
    visitor.unfold(page.locator("#txt2img_ez-tags_cards_fold button.label-wrap"))
    card = page.locator("#txt2img_ez-tags_cards .card", has_text="1 boy")
    card.click()
    expect(visitor.prompt()).to_have_value("red heart 1boy, solo")
    card.click()
    expect(visitor.prompt()).to_have_value("red heart")


def read_the_prompt_in_the_large_view(page: Page) -> None:
    with_a_picture(page)
    page.locator("#txt2img_gallery .aq-picture").click()
    overlay = page.locator("dialog.aq-lightbox .lightbox-modal-overlay")
    page.keyboard.press("ArrowUp")
    expect(overlay).to_have_class(re.compile("modal-open"))
    expect(overlay.locator(".prompt-contents").first).to_have_text("red heart")


def copy_the_prompt(page: Page) -> None:
    visitor = person(page)
    visitor.prompt().fill("red heart")
    visitor.unfold(page.locator(f"{CONTROLS} button.label-wrap", has_text="Multi-Prompt"))
    page.locator(CONTROLS).get_by_role("button", name="Copy from Active Prompt").click()
    expect(page.locator(CONTROLS).get_by_label("Prompt", exact=True)).to_have_value("red heart")


def have_a_colour_of_its_own(page: Page) -> None:
    person(page)
    named = "getComputedStyle(document.documentElement).getPropertyValue('--sd-webui-input-accordion-activate-color')"
    assert page.evaluate(named).startswith("#")


RECIPES = [
    Recipe("sd-ratio-lock", "github.com/bit9labs/sd-ratio-lock", "c15daea", "#txt2img_dims_ratio", lock_a_ratio),
    Recipe(
        "sd_delete_button",
        "github.com/AlUlkesh/sd_delete_button",
        "9df3767",
        "#txt2img_sdelb_delete_button",
        delete_the_picture,
    ),
    Recipe(
        "sd-webui-image-comparison",
        "github.com/Haoming02/sd-webui-image-comparison",
        "4354eda",
        "#tab_sd-webui-image-comparison-button",
        compare_two_pictures,
    ),
    Recipe(
        "sd-webui-clear-screen",
        "github.com/Haoming02/sd-webui-clear-screen",
        "a6c3de1",
        "#cls_btn",
        find_the_button_at_the_top,
    ),
    Recipe(
        "sd-webui-toggle-dark-light",
        "github.com/light-and-ray/sd-webui-toggle-dark-light",
        "34cd9a5",
        ".toggle-dark-mode",
        go_dark,
    ),
    Recipe(
        "a1111-sd-webui-quickswitch",
        "github.com/AJpon/a1111-sd-webui-quickswitch",
        "d25f57b",
        "#search-box",
        search_for_a_tab,
    ),
    Recipe(
        "sd-webui-easy-tag-insert",
        "github.com/Haoming02/sd-webui-easy-tag-insert",
        "f943336",
        "#txt2img_ez-tags_cards",
        click_a_card,
    ),
    Recipe(
        "sd-webui-modal-info",
        "github.com/luminouspear/sd-webui-modal-info",
        "8150cc2",
        "#lightboxModal",
        read_the_prompt_in_the_large_view,
    ),
    Recipe(
        "sd-webui-Multi-Prompt-Manager",
        "github.com/camdenFletcher03/sd-webui-Multi-Prompt-Manager",
        "9e6ac83",
        "#tab_txt2img",
        copy_the_prompt,
    ),
    Recipe(
        "sd-webui-input-accordion-highlight",
        "github.com/w-e-w/sd-webui-input-accordion-highlight",
        "c1119c5",
        "#tab_txt2img",
        have_a_colour_of_its_own,
    ),
]


@pytest.mark.browser
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_real_extension_of_the_page_works(recipe: Recipe, page: Page) -> None:
    page.wait_for_selector(recipe.must_be_there, state="attached")
    recipe.act(page)
