"""Verify, where pictures are looked at."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Visitor


def test_a_picture_is_verified_in_the_lightbox_and_in_png_info(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    visitor.ask_for("grey elephant", steps=3)
    image = visitor.pictures_of(visitor.generate)[0]
    page.locator("#txt2img_gallery .aq-picture").click()
    box = page.locator("dialog.aq-lightbox")
    box.get_by_role("button", name="Verify").click()
    expect(box.locator(".aq-verdict")).to_have_text("Identical", timeout=PATIENCE)
    page.keyboard.press("Escape")
    file = tmp_path / "elephant.png"
    file.write_bytes(page.request.get(f"{visitor.address}/aquatint/images/{image['id']}").body())
    visitor.open("pnginfo")
    expect(page.locator("#pnginfo").get_by_role("button", name="Verify")).to_be_disabled()
    visitor.drop(file, "#pnginfo_image")
    page.locator("#pnginfo").get_by_role("button", name="Verify").click()
    expect(page.locator("#pnginfo .aq-verdict")).to_have_text("Identical", timeout=PATIENCE)
