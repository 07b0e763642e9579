"""Extensions hear of each checkpoint that is loaded, and of prompts that are counted; their lists are asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from modules.studio.app import App
from modules.studio.request import Txt2Img
from modules.studio.settings import Options
from modules.web.additions import Additions
from modules.web.tokens import TokenCounter
from tests.a1111.test_face import pixels
from tests.a1111.test_layers import done
from tests.a1111.test_order import QUICK
from tests.a1111.words import word


def heard() -> list[Any]:
    module: Any = sys.modules["scripts.listener"]
    found: list[Any] = module.heard
    return found


def test_a_checkpoint_is_told_once_and_what_is_changed_then_stays(open_extended: Callable[..., App]) -> None:
    app = open_extended("leaver")
    plain = pixels(app, done(app, ""))
    app = open_extended("listener")
    first, second = done(app, ""), done(app, "", Txt2Img(**QUICK))
    assert heard() == [(True, "starter")]
    assert pixels(app, first) == pixels(app, second) != plain
    assert first.comments == second.comments == ()


def test_a_checkpoint_that_is_loaded_anew_is_told_anew(open_extended: Callable[..., App]) -> None:
    app = open_extended("leaver", "listener")
    done(app, "weights")
    done(app, "")
    assert heard() == [(True, "starter")] * 2


def test_what_an_extension_makes_of_a_prompt_is_counted(open_extended: Callable[..., App]) -> None:
    app = open_extended("listener")
    slots: Any = word("bridge.extension_page").page.added_to(Additions(), app).slots()
    plain, theirs = TokenCounter(), TokenCounter(readers=slots.readers)
    longer = plain.count("red apple, blue heart, green tree", Options())
    assert theirs.count("everything", Options()) == longer != plain.count("everything", Options())
    assert theirs.count("everything", Options(), negative=True) == plain.count("everything", Options(), negative=True)


def test_optimisations_that_extensions_offer_are_asked_for(open_extended: Callable[..., App]) -> None:
    open_extended("listener")
    assert [each.name for each in word("sd_hijack").optimizers] == ["sparse"]
