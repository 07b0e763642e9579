"""Real extensions that need no further packages, one recipe each: what each is for is done, and is seen to be done."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, browser
from tests.downstream.test_real_extensions import Recipe, page

__all__ = ["browser", "page"]

LOADED = "window.executedOnLoaded"
CONTROLS = "#txt2img_script_container"


def person(page: Page) -> Visitor:
    """Somebody for whom the extension's scripts, if it has any, have heard that the page is there."""
    page.wait_for_function(f"{LOADED} !== false", timeout=300_000)
    return Visitor(page, page.url.rstrip("/"))


def size(visitor: Visitor, tab: str) -> tuple[str, ...]:
    return tuple(visitor.number(tab, side).input_value() for side in ("width", "height"))


def pixels(visitor: Visitor) -> bytes:
    """Of a quick picture, always of the same request."""
    visitor.open("txt2img")
    visitor.ask_for("red heart", steps=4, seed=5)
    visitor.pictures_of(visitor.generate)
    return visitor.shown_picture().tobytes()


def set_slider(page: Page, label: str, value: float) -> None:
    block = page.locator(f"{CONTROLS} .block", has=page.get_by_text(label, exact=True))
    box = block.locator("input[type=number]").first
    box.fill(str(value))
    box.press("Tab")


def press_a_ratio(page: Page) -> None:
    visitor = person(page)
    visitor.set_number("txt2img", "width", 128)
    visitor.set_number("txt2img", "height", 128)
    page.locator("#txt2img_container_aspect_ratio").get_by_role("button", name="3:2").click()
    expect(visitor.number("txt2img", "width")).to_have_value("192")


def take_the_pictures_ratio(page: Page) -> None:
    visitor = person(page)
    visitor.open("img2img")
    for side in ("width", "height"):
        visitor.set_number("img2img", side, 512)
    tall = io.BytesIO()
    Image.new("RGB", (96, 192), "teal").save(tall, "PNG")
    page.locator("#img2img_image input[type=file]").set_input_files(
        {"name": "tall.png", "mimeType": "image/png", "buffer": tall.getvalue()}
    )
    page.wait_for_function("document.querySelector('#img2img_image img').naturalWidth === 96")
    page.select_option("#img2img_select_aspect_ratio", "\U0001f5bc\ufe0f")
    expect(visitor.number("img2img", "width")).to_have_value("256")
    assert size(visitor, "img2img") == ("256", "512")


def choose_a_style(page: Page) -> None:
    visitor = person(page)
    plain = pixels(visitor)
    page.locator(f"{CONTROLS} label", has_text="Anime").first.click()
    assert pixels(visitor) != plain
    assert "anime artwork red heart" in visitor.details()


def see_tokens(page: Page) -> None:
    visitor = person(page)
    visitor.open("tokenizer")
    page.locator("#tab_tokenizer textarea").first.fill("a red heart")
    page.locator("#tab_tokenizer button", has_text="Tokenize").first.click()
    expect(page.locator("#tab_tokenizer .tokenizer-token", has_text="heart")).to_have_count(1)


def brighten(page: Page) -> None:
    visitor = person(page)
    plain = pixels(visitor)
    page.locator(f"{CONTROLS} button.label-wrap", has_text="Vectorscope").first.click()
    page.locator(CONTROLS).get_by_label("Enable").first.check()
    set_slider(page, "Brightness", 4)
    assert pixels(visitor) != plain
    assert "Vec CC Brightness" in visitor.details()


def _turn_on(page: Page, name: str, label: str, value: float) -> None:
    visitor = person(page)
    plain = pixels(visitor)
    switch = page.locator(f"{CONTROLS} .input-accordion-checkbox", has_text=name).locator("input[type=checkbox]").first
    switch.click()
    page.wait_for_timeout(1200)
    set_slider(page, label, value)
    changed = pixels(visitor)
    switch.click()
    page.wait_for_timeout(1200)
    assert changed != plain
    assert pixels(visitor) == plain


def sharpen(page: Page) -> None:
    _turn_on(page, "ReSharpen", "Sharpness", 0.8)


def recenter(page: Page) -> None:
    _turn_on(page, "Diffusion CG", "Recenter Strength", 0.9)


def make_a_picture_all_the_same(page: Page) -> None:
    """Its InputAccordion is a class of its own, which Gradio makes anew for each visit."""
    visitor = person(page)
    page.locator(f"{CONTROLS} button.label-wrap", has_text="CD Tuner").first.click()
    page.locator(CONTROLS).get_by_text("Detail(d1)", exact=True).wait_for()
    pixels(visitor)


def leave_a_bracket_open(page: Page) -> None:
    visitor = person(page)
    visitor.prompt().fill("(red heart")
    page.wait_for_selector("#txt2img_token_counter.error", state="attached")


def browse_pictures(page: Page) -> None:
    visitor = person(page)
    pixels(visitor)
    visitor.open("image_browser")
    page.locator("#image_browser_tabs_container [role=tablist] button", has_text="txt2img").first.click()
    page.locator("#image_browser_tab_txt2img_image_browser_gallery .thumbnail-item").first.click()
    named = page.locator("#image_browser_tab_txt2img_image_browser").get_by_label("File Name")
    expect(named).to_have_value(re.compile(r"txt2img-images.*\.png"))


RECIPES = [
    Recipe(
        "stable-diffusion-webui-images-browser",
        "github.com/AlUlkesh/stable-diffusion-webui-images-browser",
        "88bfbe3",
        "#tab_image_browser-button",
        browse_pictures,
    ),
    Recipe(
        "sd-webui-ar", "github.com/alemelis/sd-webui-ar", "3973c86", "#txt2img_container_aspect_ratio", press_a_ratio
    ),
    Recipe(
        "sd-webui-aspect-ratio-helper",
        "github.com/thomasasfk/sd-webui-aspect-ratio-helper",
        "0909671",
        "#img2img_select_aspect_ratio",
        take_the_pictures_ratio,
    ),
    Recipe("StyleSelectorXL", "github.com/ahgsql/StyleSelectorXL", "d538b0c", CONTROLS, choose_a_style),
    Recipe(
        "stable-diffusion-webui-tokenizer",
        "github.com/AUTOMATIC1111/stable-diffusion-webui-tokenizer",
        "ac6d541",
        "#tab_tokenizer-button",
        see_tokens,
    ),
    Recipe("sd-webui-vectorscope-cc", "github.com/Haoming02/sd-webui-vectorscope-cc", "ff384b6", CONTROLS, brighten),
    Recipe("sd-webui-resharpen", "github.com/Haoming02/sd-webui-resharpen", "fae4e12", CONTROLS, sharpen),
    Recipe("sd-webui-diffusion-cg", "github.com/Haoming02/sd-webui-diffusion-cg", "1688341", CONTROLS, recenter),
    Recipe(
        "sd-webui-cd-tuner", "github.com/hako-mikan/sd-webui-cd-tuner", "e5d0914", CONTROLS, make_a_picture_all_the_same
    ),
    Recipe(
        "prompt-bracket-checker",
        "github.com/lllyasviel/stable-diffusion-webui-forge, its extensions-builtin",
        "dfdcbab",
        "#txt2img_prompt",
        leave_a_bracket_open,
    ),
]


@pytest.mark.browser
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_a_real_extension_is_for_is_done(recipe: Recipe, page: Page) -> None:
    page.wait_for_selector(recipe.must_be_there, state="attached")
    recipe.act(page)
