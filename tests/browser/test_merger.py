"""The merger: two models become one that a click chooses, and what cannot be is said where it was asked for."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import tiny
from tests.browser.conftest import Server, Visitor

NAMES = ("one", "other")


@pytest.fixture
def models(server: Server) -> Iterator[Path]:
    """Two small checkpoints where the server looks for them; gone afterwards, with what was made of them."""
    folder = server.log.parent / "Checkpoints"
    for seed, name in enumerate(NAMES):
        tiny.save_ldm(folder / f"{name}.safetensors", tiny.networks("SD 1.x", seed))
    yield folder
    for path in folder.iterdir():
        path.unlink()
    refresh = urllib.request.Request(f"{server.address}/sdapi/v1/refresh-checkpoints", b"{}", method="POST")
    urllib.request.urlopen(refresh, timeout=30).close()


def choose(visitor: Visitor, box: str, name: str) -> None:
    field = visitor.page.locator(f"#modelmerger_{box} input")
    field.fill(name)
    field.press("Enter")


def offered(visitor: Visitor) -> set[str]:
    """The checkpoints that the server knows of."""
    models = visitor.page.request.get(f"{visitor.address}/sdapi/v1/sd-models").json()
    return {Path(model["filename"]).name for model in models}


def test_two_models_are_merged_and_the_new_one_is_chosen_by_a_click(visitor: Visitor, models: Path) -> None:
    page = visitor.page
    visitor.open("modelmerger")
    expect(page.locator("#modelmerger_tertiary_model_name")).to_be_hidden()
    page.get_by_label("Add difference").check()
    expect(page.locator("#modelmerger_interp_description")).to_contain_text("A + (B − C) × M")
    expect(page.locator("#modelmerger_tertiary_model_name")).to_be_visible()
    page.get_by_label("Weighted sum").check()
    page.locator("#refresh_checkpoint_A").click()
    visitor.until(lambda: {f"{name}.safetensors" for name in NAMES} <= offered(visitor))
    choose(visitor, "primary_model_name", f"{NAMES[0]}.safetensors")
    choose(visitor, "secondary_model_name", f"{NAMES[1]}.safetensors")
    page.get_by_label("Custom Name").fill(NAMES[0])
    page.locator("#modelmerger_merge").click()
    expect(page.get_by_text(f"There is a {NAMES[0]}.safetensors already")).to_be_visible()
    page.get_by_label("Custom Name").fill("third")
    page.locator("#modelmerger_merge").click()
    made = page.locator(".aq-merge", has_text="third.safetensors")
    made.get_by_role("button", name="Use it").click(timeout=60_000)
    expect(page.locator("#tab_txt2img")).to_be_visible()
    expect(page.locator("#setting_sd_model_checkpoint input")).to_have_value("third.safetensors")
    visitor.reload()
    visitor.open("modelmerger")
    expect(page.locator("#modelmerger_secondary_model_name input")).to_have_value(re.compile("^other.safetensors"))
    page.locator("#setting_sd_model_checkpoint input").fill("starter")
    page.locator("#setting_sd_model_checkpoint input").press("Enter")
    visitor.page.wait_for_timeout(1000)
