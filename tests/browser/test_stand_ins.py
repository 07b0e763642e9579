"""What scripts look for of A1111's img2img, which has tabs and fields that this page has not: stand-ins reach ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.conftest import Server, Visit, Visitor, serving_with
from tests.browser.test_old_words import until_loaded

FILE = """([selector, data]) => {
    const input = document.querySelector(selector);
    const files = new DataTransfer();
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    files.items.add(new File([bytes], 'p.png', { type: 'image/png' }));
    window.theirs = null;
    input.addEventListener('change', () => (window.theirs = input.files.length), { once: true });
    input.files = files.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The finished program with an extension whose scripts want A1111's page."""
    with serving_with("old_words", tmp_path_factory.mktemp("stand_ins")) as server:
        yield server


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """Somebody for whom the page, scripts and all, is there."""
    return until_loaded(visit())


def picture_of(tmp_path: Path, width: int, height: int) -> str:
    import base64

    path = tmp_path / "p.png"
    Image.new("RGB", (width, height), "teal").save(path)
    return base64.b64encode(path.read_bytes()).decode()


def test_the_tabs_within_img2img_open_the_pages_own(visitor: Visitor) -> None:
    page = visitor.page
    chosen = "document.querySelector('#mode_img2img > .tab-nav button.selected').textContent"
    titles = page.evaluate(
        "[...document.querySelectorAll('#mode_img2img > div:first-child button')].map((b) => b.textContent)"
    )
    assert titles == ["img2img", "Sketch", "Inpaint", "Inpaint sketch", "Inpaint upload", "Batch"]
    page.evaluate("document.querySelectorAll('#mode_img2img > div:first-child button')[3].click()")
    page.wait_for_selector("#tab_inpaint", state="visible")
    assert page.evaluate(chosen) == "Inpaint sketch"
    visitor.open("img2img")
    page.wait_for_function(f"{chosen} === 'img2img'")
    assert visitor.complaints == []


@pytest.mark.parametrize(("field", "tab"), [("#img2maskimg", "inpaint"), ("#img2img_img2img_sketch_tab", "img2img")])
def test_a_file_for_a_field_of_a1111s_goes_into_the_pages_own(
    visitor: Visitor, tmp_path: Path, field: str, tab: str
) -> None:
    page = visitor.page
    page.evaluate(FILE, [f"{field} input[type=file]", picture_of(tmp_path, 48, 32)])
    page.wait_for_function(f"document.querySelector('#{tab}_image img').naturalWidth === 48")
    page.wait_for_function(f"document.querySelector('{field} img').naturalHeight === 32")
    page.evaluate(f"document.querySelector(\"{field} button[aria-label='Remove Image']\").click()")
    page.wait_for_function(f"!document.querySelector('{field} img').hasAttribute('src')")
    assert page.locator(f"#{tab}_image .aq-has-picture").count() == 0


def test_scripts_read_the_file_that_goes_into_the_pages_own_field(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    page.evaluate(FILE, ["#img2img_image input[type=file]", picture_of(tmp_path, 40, 24)])
    page.wait_for_function("document.querySelector('#img2img_image img').naturalWidth === 40")
    assert page.evaluate("window.theirs") == 1
    page.evaluate("document.querySelector(\"#img2img_image button[aria-label='Clear']\").click()")
    page.wait_for_function("!document.querySelector('#img2img_image img').hasAttribute('src')")
