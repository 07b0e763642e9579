"""Hires fix and the other passes, as people ask for them on the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from modules.studio.hires_size import hires_size
from tests.browser.conftest import Visitor


def test_hires_fix_is_one_click_and_makes_a_larger_picture(visitor: Visitor) -> None:
    switch, body = visitor.page.locator("#txt2img_hr input"), visitor.page.locator("#txt2img_hires_fix .aq-fold-body")
    expect(body).to_be_hidden()
    switch.check()
    expect(body).to_be_visible()
    visitor.ask_for("red heart", steps=2, hr_scale=1.5)
    expect(visitor.page.locator("#txt2img_hr_size")).to_have_text("128 × 128 → 192 × 192")
    visitor.pictures_of(visitor.generate)
    assert visitor.shown_picture().size == (192, 192)
    assert "Hires upscale" in visitor.details()
    visitor.reload()
    expect(switch).to_be_checked()
    expect(body).to_be_visible()
    switch.uncheck()
    expect(visitor.page.locator("#txt2img_hr_size")).to_have_text("")
    visitor.pictures_of(lambda: visitor.page.get_by_role("button", name="Hires fix", exact=True).first.click())
    assert visitor.shown_picture().size == (288, 288)


@pytest.mark.parametrize("values", [(512, 616, 1.7, 0, 0), (512, 608, 2, 1000, 0), (512, 608, 2, 0, 1100)])
def test_the_page_reckons_the_size_as_the_server_does(visitor: Visitor, values: tuple[float, ...]) -> None:
    width, height, scale, x, y = values
    shown = visitor.page.evaluate("values => window.aquatint.hiresSize(...values)", list(values))
    wanted = hires_size(int(width), int(height), scale, int(x) - int(x) % 8, int(y) - int(y) % 8)
    assert tuple(shown) == wanted.final


def test_a_pasted_text_with_hires_fix_switches_it_on_and_one_without_off(visitor: Visitor) -> None:
    text = "a fox\nSteps: 3, Sampler: Euler, CFG scale: 4, Seed: 5, Size: 128x128"
    switch = visitor.page.locator("#txt2img_hr input")
    hires = ", Denoising strength: 0.45, Hires upscale: 1.25, Hires steps: 2, Hires upscaler: Lanczos"
    for more, on in ((hires, True), ("", False)):
        visitor.prompt().fill(text + more)
        visitor.page.locator("#paste").click()
        expect(visitor.prompt()).to_have_value("a fox")
        expect(switch).to_be_checked(checked=on)
    assert visitor.number("txt2img", "hr_scale").input_value() == "1.25"
    assert visitor.number("txt2img", "denoising_strength").input_value() == "0.45"
    assert visitor.page.locator("#txt2img_hr_upscaler input").input_value() == "Lanczos"


def test_a_closed_part_of_the_form_shows_a_mark_while_something_in_it_is_asked_for(visitor: Visitor) -> None:
    text = "a fox\nSteps: 3, Sampler: Euler a, CFG scale: 4, Seed: 5, Size: 128x128"
    more = ", Variation seed: 4, Variation seed strength: 0.3, Eta: 0.5, ENSD: 31337"
    marked = visitor.page.locator("#tab_txt2img .aq-marked")
    for asked, count in (("", 0), (more, 2)):
        visitor.prompt().fill(text + asked)
        visitor.page.locator("#paste").click()
        expect(visitor.prompt()).to_have_value("a fox")
        expect(marked).to_have_count(count)
    parameters = visitor.page.locator("#txt2img_sampler_parameters")
    expect(parameters.locator("button").first).to_have_attribute("title", "Eta: 0.5\nENSD: 31337")
    visitor.page.wait_for_timeout(1500)
    visitor.reload()
    expect(marked).to_have_count(2)
    visitor.unfold(parameters.locator("button").first)
    visitor.number("txt2img", "eta").fill("")
    visitor.number("txt2img", "eta_noise_seed_delta").fill("")
    expect(marked).to_have_count(1)
    visitor.pictures_of(visitor.generate)
    assert "Eta" not in visitor.details()
    assert "Variation seed strength" in visitor.details()
    visitor.open("img2img")
    visitor.unfold(visitor.page.locator("#img2img_loopback button").first)
    visitor.set_number("img2img", "loops", 2)
    expect(visitor.page.locator("#img2img_loopback.aq-marked")).to_be_visible()
    visitor.set_number("img2img", "loops", 1)
    expect(visitor.page.locator("#tab_img2img .aq-marked")).to_have_count(0)
