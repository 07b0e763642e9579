"""Extras: finished pictures made larger, one or many, from a file or from the results, and sent on."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Visitor


@pytest.fixture
def drawings(tmp_path: Path) -> list[Path]:
    """Three small pictures of different sizes."""
    paths = [tmp_path / f"drawing {side}.png" for side in (24, 32, 40)]
    for path, side in zip(paths, (24, 32, 40), strict=True):
        Image.effect_noise((side, 20), 90).convert("RGB").save(path)
    return paths


def put_in(visitor: Visitor, files: list[Path]) -> None:
    """Chooses files for Extras."""
    visitor.open("extras")
    visitor.page.locator("#extras_image input[type=file]").set_input_files(files)
    expect(visitor.page.locator("#extras_image .aq-frame img")).to_have_count(len(files))


def choose(visitor: Visitor, name: str, box: str = "upscaler_1") -> None:
    """Chooses an upscaler."""
    field = visitor.page.locator(f"#extras_{box} input")
    field.fill(name)
    field.press("Enter")


def upscaled(visitor: Visitor) -> list[dict[str, int]]:
    """Presses Upscale; gives the pictures that come of it."""
    return visitor.pictures_of(lambda: visitor.page.locator("#extras_generate").click(), "extras")


def test_a_picture_is_made_larger_shown_and_sent_on(visitor: Visitor, drawings: list[Path]) -> None:
    put_in(visitor, drawings[:1])
    choose(visitor, "Nearest")
    visitor.set_number("extras", "upscaling_resize", 3)
    (image,) = upscaled(visitor)
    assert (image["width"], image["height"]) == (72, 60)
    shown = visitor.shown_picture("extras").convert("RGB")
    assert shown.tobytes() == Image.open(drawings[0]).resize((72, 60), Image.Resampling.NEAREST).tobytes()
    assert "Nearest" in visitor.details("extras")
    visitor.page.locator("#extras_gallery").get_by_role("button", name="To img2img").click()
    expect(visitor.page.locator("#img2img_image .aq-size-note")).to_have_text("72 × 60")


def test_many_pictures_are_one_job_and_one_can_be_taken_out(visitor: Visitor, drawings: list[Path]) -> None:
    put_in(visitor, drawings)
    expect(visitor.page.locator("#extras_image .aq-size-note")).to_have_text("3 pictures")
    visitor.page.get_by_role("button", name="Remove drawing 32.png").click()
    choose(visitor, "Lanczos")
    visitor.set_number("extras", "upscaling_resize", 2)
    images = upscaled(visitor)
    assert sorted(image["width"] for image in images) == [48, 80]
    expect(visitor.page.locator("#extras_gallery .aq-thumb")).not_to_have_count(0)


def test_a_size_is_met_and_the_form_is_there_again_after_a_reload(visitor: Visitor, drawings: list[Path]) -> None:
    put_in(visitor, drawings[:1])
    choose(visitor, "Nearest")
    visitor.page.get_by_label("To a size").check()
    expect(visitor.page.locator("#extras_upscaling_resize")).to_be_hidden()
    visitor.set_number("extras", "upscaling_resize_w", 50)
    visitor.set_number("extras", "upscaling_resize_h", 60)
    (image,) = upscaled(visitor)
    assert (image["width"], image["height"]) == (50, 60)
    visitor.page.wait_for_timeout(1200)
    visitor.reload()
    visitor.open("extras")
    expect(visitor.number("extras", "upscaling_resize_w")).to_have_value("50")
    expect(visitor.page.locator("#extras_upscaling_resize")).to_be_hidden()
    expect(visitor.page.locator("#extras_image .aq-frame img")).to_be_visible()
    visitor.page.get_by_label("Times the size").check()
    expect(visitor.page.locator("#extras_upscaling_resize")).to_be_visible()


def test_a_generated_picture_is_sent_to_extras_with_its_parameters(visitor: Visitor) -> None:
    visitor.ask_for("a red heart")
    visitor.pictures_of(visitor.generate)
    visitor.page.locator("#image_buttons_txt2img #txt2img_send_to_extras").click()
    expect(visitor.page.locator("#extras_image .aq-size-note")).to_have_text("128 × 128")
    choose(visitor, "Lanczos")
    visitor.page.get_by_label("Times the size").check()
    visitor.set_number("extras", "upscaling_resize", 2)
    (image,) = upscaled(visitor)
    assert image["width"] == 256
    assert "red heart" in visitor.details("extras")


def test_a_picture_dropped_beside_the_form_is_taken_too(visitor: Visitor, drawings: list[Path]) -> None:
    visitor.open("extras")
    visitor.drop(drawings[1], "#extras_results")
    expect(visitor.page.locator("#extras_image .aq-size-note")).to_have_text("32 × 20")


def test_without_a_picture_it_says_what_is_missing(visitor: Visitor) -> None:
    visitor.open("extras")
    visitor.page.wait_for_timeout(500)
    remove = visitor.page.locator("#extras_image").get_by_role("button", name="Remove", exact=True)
    remove.evaluate("button => button.click()")
    choose(visitor, "Lanczos")
    visitor.page.locator("#extras_generate").click()
    expect(visitor.page.locator(".aq-toast").last).to_contain_text("Put in a picture first")
