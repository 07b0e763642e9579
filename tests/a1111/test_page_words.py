"""What an extension's gr.Blocks says about the whole page: its styles and scripts reach it, other machines do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modules.studio.app import App
from modules.web.additions import Additions
from modules.web.server import build
from tests.a1111.words import word
from tests.web.asgi import ask


@pytest.fixture
def head(open_extended: Callable[..., App], caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """What stands in the page's head."""
    page: Any = word("bridge.extension_page").page
    app = open_extended("whole_page")
    site = build(app, additions=page.added_to(Additions(), app))
    answer = ask(site, "GET", "/")
    yield answer.body.decode().partition("</head>")[0]
    page.remove()


def test_styles_scripts_and_tags_of_a_tab_are_in_the_head_of_the_page(head: str) -> None:
    assert "#whole_page_box { border: 3px solid rgb(1, 2, 3); }" in head
    assert "document.body.dataset.wholePage = 'ran'" in head
    assert "<meta name='whole-page' content='here'>" in head
    assert "#whole_page_second { color: rgb(7, 8, 9); }" in head


def test_a_style_cannot_end_its_element(head: str) -> None:
    assert "</style> does not end it" not in head
    assert "rgb(4, 5, 6)" in head


def test_what_names_another_machine_is_left_out_and_said(head: str, caplog: pytest.LogCaptureFixture) -> None:
    assert "cdn.example.org" not in head
    said = [record.getMessage() for record in caplog.get_records("setup")]
    assert [text for text in said if "it names another machine" in text and text.startswith("What whole_page wants")]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("<link href='file=extensions/x/y.css'>", True),
        ("<script>const a = 1 // 2</script>", True),
        ("<link href=//evil.example/x.css>", False),
        ("<style>@import 'x'</style>", False),
        ("<style>a { background: url(https://evil.example/x.png) }</style>", False),
        ("<script SRC = 'HTTP://evil.example/x.js'></script>", False),
    ],
)
def test_addresses_of_other_machines_are_known(said: str, kept: bool) -> None:
    words: Any = word("bridge.page_words").PageWords()
    words.take(type("Blocks", (), {"aquatint_page_words": {"head": said}})(), "x", None)
    assert (words.head() == said) is kept
