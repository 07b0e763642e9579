"""Options at the top of the page: A1111's quicksettings, set at once, by the owner alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from modules.studio.app import App
from modules.studio.declared import Declared
from modules.web.login import ROLE
from modules.web.pages import build_pages
from modules.web.quick_options import NAME, declare_quick_options, quick_names
from tests.web.test_pages import blocks_of

WANTED = ["sd_model_checkpoint", "samples_format", "their_share", "no_such_option", "samples_format", "eta_ancestral"]


def page_with_quick_options(app: App) -> Any:
    """The page as it is built when a person has chosen some."""
    row = Declared(
        "their_share", 0.5, "Share", "theirs", "Theirs", make=lambda value: gr.Slider(0, 1, value=value, label="Share")
    )
    app.settings.declare(row)
    declare_quick_options(app)
    assert app.settings.change({NAME: WANTED}) == []
    return build_pages(app)


@pytest.fixture
def page(app: App) -> Any:
    yield page_with_quick_options(app)
    app.settings.change({NAME: ["sd_model_checkpoint"]})


def chosen_format(app: App) -> str:
    return app.settings.options.samples_format


def asked_by(role: str) -> Any:
    return SimpleNamespace(request=SimpleNamespace(scope={ROLE: role}))


def events_of(page: Any, component: Any) -> list[Any]:
    """What happens when the component is changed by hand."""
    return [fn for fn in page.fns.values() if component._id in {target for target, _ in fn.targets}]


def test_they_stand_at_the_top_once_and_in_their_order(page: Any, app: App) -> None:
    assert quick_names(app.settings) == ["samples_format", "their_share", "eta_ancestral"]
    labels = [getattr(block, "label", None) for block in page.blocks.values()]
    order = [labels.index(label) for label in ("File format", "Share", "Eta for k-diffusion samplers", "Prompt")]
    assert order == sorted(order)
    named = [block.elem_id for block in page.blocks.values() if getattr(block, "elem_id", None)]
    assert named.count("setting_samples_format") == 1
    assert "setting_jpeg_quality" in named
    assert f"setting_{NAME}" in named


def test_a_page_without_any_has_no_row_for_them(app: App) -> None:
    assert "quicksettings_more" not in blocks_of(build_pages(app))


def test_a_change_by_hand_is_saved_at_once_and_by_the_owner_alone(page: Any, app: App) -> None:
    widget = blocks_of(page)["setting_samples_format"]
    (change,) = [fn.fn for fn in events_of(page, widget) if fn.fn is not None]
    said = change("jpg", asked_by("guest"))
    assert "Only the owner" in said[-1]["text"]
    assert chosen_format(app) == "png"
    change("jpg", asked_by("owner"))
    assert chosen_format(app) == "jpg"
    assert "samples_format" in change("tiff", asked_by("owner"))[-1]["text"]
    app.settings.change({"samples_format": "png"})


def test_only_the_owner_sees_them_with_what_holds_now(page: Any, app: App) -> None:
    shown_there = blocks_of(page)["setting_samples_format"]
    (visit,) = [fn for fn in page.fns.values() if fn.fn is not None and fn.fn.__name__ == "on_visit"]
    assert shown_there in visit.outputs
    shown = {role: visit.fn(asked_by(role))[0] for role in ("owner", "guest")}
    assert [shown[role]["visible"] for role in shown] == [True, False]
    assert shown["owner"]["value"] == "png"
