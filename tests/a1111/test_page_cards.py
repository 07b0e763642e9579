"""Pages of cards that extensions bring, and their colours on A1111's theme."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modules.studio.app import App
from modules.web.additions import Additions
from tests.a1111.words import word

OPEN = Callable[..., App]


@pytest.fixture
def demo(open_extended: OPEN, unopened: None) -> Iterator[Any]:
    """The page of a studio with an extension that brings cards."""
    page = word("bridge.extension_page").page
    studio = open_extended("cardholder")
    from modules.web.pages import build_pages

    yield build_pages(studio, page.added_to(Additions(), studio).slots())
    page.remove()


def found(demo: Any, elem_id: str) -> list[Any]:
    return [block for block in demo.blocks.values() if block.elem_id == elem_id]


@pytest.mark.parametrize("tab", ["txt2img", "img2img", "inpaint"])
def test_each_form_has_the_cards_with_a1111s_names(demo: Any, tab: str) -> None:
    (cards,) = found(demo, f"{tab}_weather_cards_cards_html")
    assert f'id="{tab}_weather_cards_cards"' in cards.value
    assert re.findall(r'class="card".*?data-name="(\w+)"', cards.value) == ["rain", "fog"]
    called = [html.unescape(each) for each in re.findall(r'onclick="([^"]*)"', cards.value)]
    assert called[0] == f"""cardClicked('{tab}', "heavy rain", '', true)"""


def test_the_pages_of_our_own_networks_are_not_drawn_a_second_time(demo: Any) -> None:
    assert found(demo, "txt2img_checkpoints_cards_html") == []


def test_a_page_that_cannot_list_its_cards_is_left_out(demo: Any) -> None:
    assert found(demo, "txt2img_faulty_cards_cards_html") == []
    assert "listing the cards" in word("bridge.containment").containment.conduct("cardholder").last_error


def test_a_button_looks_for_new_cards(demo: Any) -> None:
    (button,) = found(demo, "txt2img_weather_cards_extra_refresh")
    (event,) = [each for each in demo.fns.values() if (button._id, "click") in each.targets]
    assert 'data-name="snow"' in event.fn()


def test_pages_are_there_when_extensions_declare_their_options(demo: Any) -> None:
    assert word("shared").opts.cardholder_first == "Textual Inversion"


def test_what_an_extension_sets_on_the_theme_is_a_variable_of_the_page(demo: Any) -> None:
    style = word("bridge.theme").added_style()
    assert ":root {--cardholder-edge: 3px;}" in style
    assert ".dark {--cardholder-edge: 4px  body  display: none;}" in style


def test_the_picture_of_a_card_in_an_extensions_folder_is_read_from_there(demo: Any) -> None:
    link = word("ui_extra_networks").ExtraNetworksPage("Theirs").link_preview
    inside = f"{word('paths').extensions_dir}/cardholder/a b.png"
    assert link(inside) == f"file={word('paths').extensions_dir}/cardholder/a%20b.png"
    assert link("/elsewhere/a.png") == "./sd_extra_networks/thumb?filename=/elsewhere/a.png"
