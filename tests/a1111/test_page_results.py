"""The place beside the results where A1111's extensions put buttons, and how they find it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modules.studio.app import App
from modules.web.additions import Additions
from tests.a1111.words import word

OPEN = Callable[..., App]


@pytest.fixture
def demo(open_extended: OPEN, unopened: None) -> Iterator[Any]:
    """The page of a studio with an extension that looks for that place."""
    page = word("bridge.extension_page").page
    studio = open_extended("neighbours")
    from modules.web.pages import build_pages

    yield build_pages(studio, page.added_to(Additions(), studio).slots())
    page.remove()


def found(demo: Any, elem_id: str) -> Any:
    return next(block for block in demo.blocks.values() if block.elem_id == elem_id)


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_a_button_beside_a1111s_lands_in_the_row_of_the_results(demo: Any, tab: str) -> None:
    button = found(demo, f"neighbour_of_{tab}_send_to_extras")
    assert button.parent is found(demo, f"{tab}_aq-theirs")
    assert f"{tab}_results" in (button.parent.parent.elem_id, button.parent.parent.parent.elem_id)


def test_extensions_are_told_a1111s_name_of_the_row(demo: Any) -> None:
    assert ("txt2img_send_to_extras", "image_buttons_txt2img") in sys.modules["scripts.neighbours"].heard


@pytest.mark.parametrize("elem_id", ["txt2img_neighbour_text", "img2img_neighbour_text", "inpaint_neighbour_text"])
def test_scripts_hear_of_the_last_component_of_the_results_in_each_tab(demo: Any, elem_id: str) -> None:
    assert found(demo, elem_id).value == "below"


def test_what_stands_for_our_buttons_is_not_drawn_and_has_no_name(demo: Any) -> None:
    row = found(demo, "txt2img_aq-theirs")
    hidden = [each for each in row.children if not each.visible]
    assert len(hidden) == 6
    assert {each.elem_id for each in hidden} == {None}
