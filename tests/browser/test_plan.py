"""The line beside Generate."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import PATIENCE, Visitor


def test_the_line_beside_the_button_says_what_generate_would_come_to(visitor: Visitor) -> None:
    line = visitor.page.locator("#txt2img_plan .aq-note")
    visitor.ask_for("a <lora:gone:1> kite", batch_count=3)
    expect(line).to_contain_text("No lora called gone · 3 pictures", timeout=PATIENCE)
    visitor.ask_for("a kite", steps=3)
    expect(line).not_to_contain_text("gone", timeout=PATIENCE)
    visitor.pictures_of(visitor.generate)
    expect(line).to_have_text(re.compile(r"^About \d+ (s|min) · needs \d+ MB of memory$"), timeout=PATIENCE)
    below = line.bounding_box()
    visitor.ask_for("a red kite", batch_count=2)
    expect(line).to_contain_text("2 pictures · about", timeout=PATIENCE)
    after = line.bounding_box()
    assert below is not None
    assert after is not None
    assert (after["y"], after["height"]) == (below["y"], below["height"])
