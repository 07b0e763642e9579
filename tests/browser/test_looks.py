"""How the page looks and feels: on a phone, on a wall, in the dark, by keyboard, and with nothing from elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, Visitor

TABS = ("txt2img", "img2img", "inpaint", "pnginfo", "gallery", "queue", "settings")
NAMELESS = """() => {
    const shown = (element) => element.offsetParent !== null && !element.closest('[aria-hidden=true]');
    const named = (element) => element.textContent.trim() || element.getAttribute('aria-label') || element.title
        || element.labels?.length || element.getAttribute('aria-labelledby') || element.closest('label');
    return [...document.querySelectorAll('button, input:not([type=file]), textarea, select')]
        .filter((element) => shown(element) && !named(element)).map((element) => element.outerHTML.slice(0, 200));
}"""
PAYLOADS = (
    "<img src=x onerror='window.__xss=1'>",
    "<script>window.__xss=1</script>",
    "{{constructor.constructor('window.__xss=1')()}} ${window.__xss=1} `${window.__xss=1}`",
    "\"><svg onload='window.__xss=1'> </textarea><iframe srcdoc='<script>parent.__xss=1</script>'>",
)


@pytest.mark.parametrize("sizes", [[(390, 844)], [(1280, 800), (1920, 1080), (3840, 2160)]], ids=["phone", "screens"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tab_fits_its_window(visit: Visit, sizes: list[tuple[int, int]], scheme: str) -> None:
    is_phone = sizes[0][0] < 500
    visitor = visit(*sizes[0], color_scheme=scheme, is_mobile=is_phone, has_touch=is_phone)
    for width, height in sizes:
        visitor.page.set_viewport_size({"width": width, "height": height})
        for tab in TABS:
            visitor.open(tab)
            wide, window = visitor.page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
            assert wide <= window, (tab, width)
    assert visitor.page.evaluate("() => document.body.classList.contains('dark')") == (scheme == "dark")


def test_generate_is_under_the_thumb_on_a_phone_and_the_result_above_the_form(visit: Visit) -> None:
    visitor = visit(390, 844, is_mobile=True, has_touch=True)
    button = visitor.page.locator("#txt2img_generate")
    expect(button).to_be_in_viewport(ratio=1)
    visitor.page.mouse.wheel(0, 1500)
    expect(button).to_be_in_viewport(ratio=1)
    visitor.ask_for("red heart on the phone")
    visitor.pictures_of(button.tap)
    tops = [
        visitor.page.locator(selector).evaluate("element => element.getBoundingClientRect().top")
        for selector in ("#txt2img_toprow", "#txt2img_results", "#txt2img_sampling")
    ]
    assert tops == sorted(tops)


def test_what_is_odd_about_a_prompt_fits_a_phone(visit: Visit) -> None:
    visitor = visit(390, 844, is_mobile=True, has_touch=True, color_scheme="dark")
    visitor.page.locator("#txt2img_neg_prompt textarea").fill(
        "a (very <lora:some_long_name_of_a_file:1> long:1.0) (prompt"
    )
    notes = visitor.page.locator("#txt2img_negative_prompt_notes")
    notes.locator(".aq-notes-first").tap()
    expect(notes.locator(".aq-notes-list")).to_be_in_viewport(ratio=1)
    wide, window = visitor.page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide <= window


def test_generating_moves_nothing(visitor: Visitor) -> None:
    page = visitor.page
    visitor.ask_for("still life", steps=10)
    visitor.pictures_of(visitor.generate)
    page.evaluate(
        """() => {
            window.__shift = 0;
            const add = (list) => list.getEntries().forEach((entry) => (window.__shift += entry.value));
            new PerformanceObserver(add).observe({ type: 'layout-shift' });
        }"""
    )
    visitor.pictures_of(visitor.generate)
    assert page.evaluate("() => window.__shift") < 0.02


def test_every_control_has_a_name(visitor: Visitor) -> None:
    for tab in TABS:
        visitor.open(tab)
        assert visitor.page.evaluate(NAMELESS) == [], tab


def test_the_page_asks_nobody_else_for_anything(visitor: Visitor) -> None:
    for tab in TABS:
        visitor.open(tab)
    visitor.page.wait_for_timeout(500)
    assert visitor.addresses - {"data:", "blob:"} == {visitor.address}


def test_what_people_write_is_never_read_as_html(visitor: Visitor) -> None:
    page = visitor.page
    visitor.ask_for(" ".join(PAYLOADS), steps=1)
    page.locator("#txt2img_neg_prompt textarea").fill(PAYLOADS[0])
    page.locator("#txt2img_styles_edit_button").click()
    page.locator("#txt2img_style_name").locator("input, textarea").fill(PAYLOADS[0])
    page.locator("#txt2img_style_save").click()
    visitor.pictures_of(visitor.generate)
    expect(page.locator("#html_info_txt2img")).to_contain_text(PAYLOADS[1])
    page.locator("#txt2img_gallery .aq-picture").click()
    expect(page.locator("dialog.aq-lightbox")).to_contain_text(PAYLOADS[0])
    page.keyboard.press("Escape")
    page.locator("#txt2img_gallery").get_by_role("button", name="To img2img").click()
    expect(page.locator("#img2img_image .aq-frame")).to_be_visible()
    for tab in TABS:
        visitor.open(tab)
    visitor.reload()
    for prompt in PAYLOADS:
        visitor.open("txt2img")
        visitor.prompt().fill(f"{prompt}\nSteps: 1, Sampler: {prompt}, Model: {prompt}, Size: 64x64, VAE: {prompt}")
        page.locator("#paste").click()
        page.wait_for_timeout(300)
    assert page.evaluate("() => window.__xss") is None


def test_the_theme_is_changed_and_stays_changed(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Light or dark").click()
    visitor.reload()
    assert visitor.page.evaluate("() => document.body.classList.contains('dark')")


def test_a_button_of_an_extension_that_copies_the_looks_of_ours_shows_its_own_sign(visitor: Visitor) -> None:
    shown = visitor.page.evaluate(
        """() => {
            const ours = document.querySelector('#quicksettings button');
            const theirs = document.createElement('button');
            theirs.className = ours.className;
            theirs.textContent = 'S';
            document.getElementById('quicksettings').append(theirs);
            const looks = [ours, theirs].map((each) => [
                getComputedStyle(each, '::before').display === 'none',
                getComputedStyle(each).fontSize === '0px',
            ]);
            theirs.remove();
            return looks;
        }"""
    )
    assert shown == [[False, True], [True, False]]
