"""A page with very many events of an extension: it opens, and its buttons and our own do what they are for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, Visit, serving_with


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The finished program with the specimen among its extensions."""
    with serving_with("crowd", tmp_path_factory.mktemp("crowd")) as server:
        yield server


def test_a_page_with_hundreds_of_events_is_not_watched_and_works(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    assert page.evaluate("document.documentElement.dataset.aquatintEvents") == "unwatched"
    visitor.open("crowd")
    page.click("#crowd_7")
    expect(page.locator("#crowd_heard textarea")).to_have_value("Button 7")
    visitor.open("txt2img")
    visitor.ask_for("a red boat")
    assert visitor.pictures_of(visitor.generate)
