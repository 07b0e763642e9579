"""The drawer of networks: in and out of the prompt by one click, notes, previews, and words that are no HTML."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Server, Visitor
from tests.networks import HOSTILE, make_lora, make_picture, trained_with


@pytest.fixture(autouse=True)
def loras(server: Server) -> Path:
    """Three LoRAs in the server's folder."""
    folder = server.log.parent / "Lora"
    make_lora(folder / "styles/Ink Wash.safetensors", metadata=trained_with(brush=40, paper=7))
    make_picture(folder / "styles/Ink Wash.png")
    (folder / "styles/Ink Wash.json").write_text(
        json.dumps({"activation text": "ink style", "preferred weight": 0.7, "negative text": "photo"})
    )
    make_lora(folder / "hostile.safetensors", metadata={"ss_sd_model_name": HOSTILE} | trained_with(**{HOSTILE: 5}))
    make_lora(folder / "Wide.safetensors", width=2048)
    return folder


def drawer(visitor: Visitor, tab: str = "txt2img") -> Locator:
    visitor.page.locator(f"#{tab}_extra_networks").click()
    found = visitor.page.locator(".aq-drawer")
    expect(found.locator(".aq-card").first).to_be_visible()
    return found


def test_one_click_puts_a_lora_into_the_prompt_and_another_takes_it_out(visitor: Visitor) -> None:
    visitor.prompt().fill("a castle")
    visitor.page.locator("#txt2img_neg_prompt textarea").fill("")
    cards = drawer(visitor)
    before = visitor.page.locator("#txt2img_prompt").bounding_box()
    use = cards.get_by_role("button", name="Use Ink Wash")
    use.click()
    expect(visitor.prompt()).to_have_value("a castle <lora:Ink Wash:0.7> ink style")
    expect(visitor.page.locator("#txt2img_neg_prompt textarea")).to_have_value("photo")
    expect(use).to_have_attribute("aria-pressed", "true")
    assert visitor.page.locator("#txt2img_prompt").bounding_box() == before
    use.click()
    expect(visitor.prompt()).to_have_value("a castle")
    expect(visitor.page.locator("#txt2img_neg_prompt textarea")).to_have_value("")
    expect(use).to_have_attribute("aria-pressed", "false")


def test_it_goes_into_the_prompt_of_the_tab_where_the_drawer_was_opened(visitor: Visitor) -> None:
    visitor.prompt().fill("mine")
    visitor.open("img2img")
    visitor.prompt("img2img").fill("")
    drawer(visitor, "img2img").get_by_role("button", name="Use Ink Wash").click()
    expect(visitor.prompt("img2img")).to_have_value("<lora:Ink Wash:0.7> ink style")
    visitor.open("txt2img")
    expect(visitor.page.locator(".aq-drawer")).to_have_count(0)
    expect(visitor.prompt()).to_have_value("mine")


def test_words_and_folders_find_cards(visitor: Visitor) -> None:
    cards = drawer(visitor)
    expect(cards.locator(".aq-card")).to_have_count(3)
    cards.get_by_role("button", name="styles").click()
    expect(cards.locator(".aq-card")).to_have_count(1)
    cards.get_by_role("button", name="All").click()
    cards.get_by_label("Search cards").fill("paper")
    expect(cards.locator(".aq-card-name")).to_have_text(["Ink Wash"])
    cards.get_by_label("Search cards").fill("not here")
    expect(cards).to_contain_text("Nothing found.")


def test_one_of_another_family_is_grey_and_says_why(visitor: Visitor) -> None:
    cards = drawer(visitor)
    expect(cards.locator(".aq-misfit", has_text="Wide")).to_contain_text("Made for SDXL, not for starter.")


def test_what_a_file_says_of_itself_is_text(visitor: Visitor) -> None:
    cards = drawer(visitor)
    cards.get_by_role("button", name="About hostile").click()
    page = visitor.page.locator(".aq-card-page")
    expect(page).to_contain_text(HOSTILE)
    expect(page.locator("img[src=x]")).to_have_count(0)
    expect(visitor.page).to_have_title("Aquatint")


def test_notes_are_kept_and_the_last_picture_becomes_the_preview(visitor: Visitor, loras: Path) -> None:
    visitor.ask_for("grey stone", steps=2)
    visitor.pictures_of(visitor.generate)
    cards = drawer(visitor)
    cards.get_by_role("button", name="About Wide").click()
    page = visitor.page.locator(".aq-card-page")
    page.get_by_role("button", name="Use the last picture as preview").click()
    expect(page.locator(".aq-card-large")).to_be_visible()
    page.get_by_label("Notes").fill("for skies")
    page.get_by_label("Preferred weight").fill("0.5")
    page.get_by_role("button", name="Save notes").click()
    expect(page).to_have_count(0)
    assert json.loads((loras / "Wide.json").read_text()) == {"notes": "for skies", "preferred weight": 0.5}
    assert (loras / "Wide.png").exists()
    cards.get_by_role("button", name="Use Wide").click()
    expect(visitor.prompt()).to_have_value("grey stone <lora:Wide:0.5>")
    visitor.prompt().fill("")


def test_a_checkpoints_card_chooses_it(visitor: Visitor) -> None:
    cards = drawer(visitor)
    cards.get_by_role("button", name="Checkpoints").click()
    use = cards.get_by_role("button", name="Choose starter")
    use.click()
    expect(use).to_have_attribute("aria-pressed", "true")
    visitor.page.keyboard.press("Escape")
