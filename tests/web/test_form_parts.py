"""What others add: to the forms of the three tabs, to the page, and to the site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.web.additions import Additions
from modules.web.field import TABS
from modules.web.fields import Form
from modules.web.form_parts import FormParts
from modules.web.gate import Gate, Rules
from modules.web.generate import fill, generate, recall
from modules.web.pages import build_pages
from modules.web.server import build
from modules.web.slots import Slots, Tab
from tests.web.asgi import ask


class Grain:
    """A part with one number, which becomes a setting of the job."""

    name = "grain"

    def __init__(self) -> None:
        self.told: list[str] = []
        self.made: dict[str, Any] = {}

    def opens(self, tab: str) -> None:
        self.told.append(f"opens {tab}")

    def section(self, tab: str, name: str) -> None:
        self.told.append(name)

    def build(self, tab: str) -> None:
        self.told.append("build")
        self.made[tab] = gr.Number(3, label="Grain", elem_id=f"{tab}_grain")

    def closes(self, tab: str) -> None:
        self.told.append("closes")

    def components(self, tab: str) -> list[Any]:
        return [self.made[tab]]

    def read(self, tab: str, values: Sequence[Any], owner: str) -> dict[str, Any]:
        if values[0] < 0:
            raise AquatintError("Grain is not negative.")
        return {"prompt": f"{owner}: grain {values[0]}"}

    def remembered(self, tab: str, values: Sequence[Any]) -> Any:
        return {"number": values[0]}

    def recalled(self, tab: str, kept: Any) -> list[Any]:
        return [gr.update(value=kept["number"] if isinstance(kept, dict) else 3)]

    def filled(self, tab: str, infotext: str) -> list[Any]:
        return [gr.update(value=len(infotext))]


@pytest.fixture
def grain() -> Grain:
    return Grain()


@pytest.fixture
def form(app: App, grain: Grain) -> Form:
    """The form of txt2img on a page with grain."""
    build_pages(app, Slots(forms=[grain]))
    return Form("txt2img", FormParts("txt2img", [grain]))


def values(form: Form, app: App, grain: float) -> list[Any]:
    """The form as it begins, and this much grain."""
    return [*(update["value"] for update in form.recalled({}, app)[:-1]), grain]


def test_a_part_is_built_with_each_tab_section_by_section(app: App, form: Form, grain: Grain) -> None:
    assert [each for each in grain.told if each.startswith("opens")] == [f"opens {tab}" for tab in TABS]
    own = grain.told[: grain.told.index("closes") + 1]
    assert own[0] == "opens txt2img"
    assert own[-2:] == ["build", "closes"]
    assert {"sampler", "dimensions", "cfg", "seed", "accordions"} <= set(own)


def test_the_page_has_a_place_for_parts_only_when_there_are_any(app: App, grain: Grain) -> None:
    with_parts = {block.elem_id for block in build_pages(app, Slots(forms=[grain])).blocks.values()}
    without = {block.elem_id for block in build_pages(app).blocks.values()}
    places = {f"{tab}_script_container" for tab in TABS}
    assert (with_parts & places, without & places) == (places, set())


def test_the_values_of_a_part_travel_with_the_request(paused: App, form: Form) -> None:
    job = paused.engine.job(generate(paused, form, values(form, paused, 7), "ann"))
    assert job is not None
    assert job.request.prompt == "ann: grain 7"


def test_what_a_part_refuses_is_not_queued_and_the_form_is_kept(paused: App, form: Form) -> None:
    with pytest.raises(AquatintError, match="not negative"):
        generate(paused, form, values(form, paused, -1), "ann")
    assert recall(paused, form, "ann")[-1] == gr.update(value=-1)


def test_a_plan_asks_parts_nothing(app: App, form: Form) -> None:
    assert form.read(values(form, app, 7)).prompt == ""


def test_somebody_who_comes_first_sees_the_beginnings(app: App, form: Form) -> None:
    assert recall(app, form, "nobody yet")[-1] == gr.update(value=3)


def test_an_infotext_is_shown_to_parts_and_a_picture_alone_is_not(app: App, form: Form) -> None:
    text = "a cat\nSteps: 4"
    assert fill(app, form, {"infotext": text}).outputs[-1] == gr.update(value=len(text))
    assert fill(app, form, {"seed": 4}).outputs[-1] == gr.skip()


def test_tabs_may_be_given_once_the_forms_are_there(app: App, grain: Grain) -> None:
    def late() -> list[Tab]:
        return [Tab("Late", f"tab_late_{len(grain.made)}", lambda: None)]

    demo = build_pages(app, Slots(forms=[grain], later=[late]))
    assert "tab_late_3" in {block.elem_id for block in demo.blocks.values()}


def answer(request: Request) -> Response:
    return PlainTextResponse("theirs")


@pytest.fixture
def late_site(app: App, gradio_folder: object) -> FastAPI:
    """A site to which a route was added before the page was mounted, and another long after."""

    def started(page: Any, site: FastAPI) -> None:
        assert isinstance(page, gr.Blocks)
        site.add_api_route("/early", answer)

    site = build(app, additions=Additions(routes=[Route("/given", answer)], started=started))
    site.add_api_route("/late", answer)
    return site


@pytest.mark.parametrize("path", ["/given", "/early", "/late"])
def test_routes_of_others_are_in_front_of_the_page(late_site: FastAPI, address: str, path: str) -> None:
    assert ask(Gate(late_site, Rules()), path=path).body == b"theirs"


@pytest.mark.parametrize("path", ["/given", "/early", "/late"])
def test_routes_of_others_are_behind_the_login(late_site: FastAPI, address: str, login: Any, path: str) -> None:
    assert ask(Gate(late_site, Rules(), login), path=path).status == 401
