"""The Settings tab where people log in: the server's options are its owner's, everybody else has their own."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from modules.studio.app import App
from modules.studio.request import Txt2Img
from modules.web.generate import restored_values
from modules.web.login import OWNER, ROLE
from modules.web.pages import build_pages
from modules.web.tab_settings import YOURS
from tests.web.test_pages import blocks_of
from tests.web.test_quick_options import events_of

FORMAT, FOLDER = "samples_format", "outdir_txt2img_samples"


def asked_by(name: str, role: str = "guest") -> Any:
    return SimpleNamespace(request=SimpleNamespace(scope={OWNER: name, ROLE: role}))


class Page:
    """The tab's events as Gradio would send them."""

    def __init__(self, app: App) -> None:
        demo = build_pages(app)
        blocks = blocks_of(demo)
        self.app = app
        (self._apply,) = events_of(demo, blocks["settings_submit"])
        (self._server,) = [event for event in events_of(demo, blocks["settings_server"]) if event.fn is not None]
        (self._restore,) = [event for event in demo.fns.values() if event.fn and event.fn.__name__ == "restore"]
        self.names = [
            (component.elem_id or component.label).removeprefix("setting_") for component in self._apply.inputs
        ]
        first = self._restore.outputs.index(self._apply.outputs[0])
        self._told = slice(first, first + 2 + len(self.names))

    def shown(self, request: Any) -> tuple[str, dict[str, Any]]:
        told = self._restore.fn(request)[self._told]
        return told[0], dict(zip(self.names, told[2:], strict=True))

    def apply(self, request: Any, **changes: Any) -> str:
        values = {name: update["value"] for name, update in self.shown(request)[1].items()}
        said: str = self._apply.fn(request, *{**values, **changes}.values())[0]
        return said

    def as_the_server(self, request: Any) -> str:
        said: str = self._server.fn(request)[0]
        return said


@pytest.fixture
def page(app: App) -> Iterator[Page]:
    made = Page(app)
    yield made
    for name in ("ann", "bob"):
        app.own_options.forget(name)
    app.settings.change({FORMAT: "png"})


def test_a_guest_has_settings_of_their_own(page: Page) -> None:
    assert page.apply(asked_by("bob"), samples_format="webp") == "Saved."
    assert page.app.settings.options.samples_format == "png"
    assert page.shown(asked_by("bob"))[1][FORMAT]["value"] == "webp"
    assert page.shown(asked_by("carol"))[1][FORMAT]["value"] == "png"


def test_a_guest_is_told_so_and_what_is_the_servers_is_locked(page: Page) -> None:
    said, options = page.shown(asked_by("bob"))
    assert said == YOURS
    assert [options[name]["interactive"] for name in (FORMAT, FOLDER)] == [True, False]


def test_a_guest_who_sends_more_than_the_page_lets_them_changes_nothing(page: Page) -> None:
    page.apply(asked_by("bob"), outdir_txt2img_samples="outputs/elsewhere")
    assert page.app.settings.options.outdir_txt2img_samples == "outputs/txt2img-images"
    assert page.app.own_options.of("bob").outdir_txt2img_samples == "outputs/txt2img-images"


def test_the_owner_changes_the_servers(page: Page) -> None:
    ann = asked_by("ann", "owner")
    assert page.shown(ann)[1][FOLDER]["interactive"] is True
    assert page.apply(ann, samples_format="jpg") == "Saved."
    assert page.app.settings.options.samples_format == "jpg"
    assert page.shown(asked_by("bob"))[1][FORMAT]["value"] == "jpg"


def test_a_guest_may_have_the_servers_again(page: Page) -> None:
    page.apply(asked_by("bob"), samples_format="webp")
    assert "server's settings" in page.as_the_server(asked_by("bob"))
    assert page.shown(asked_by("bob"))[1][FORMAT]["value"] == "png"


def test_a_job_of_the_page_runs_with_its_owners_options(page: Page) -> None:
    page.apply(asked_by("bob"), samples_format="webp")
    jobs = [page.app.engine.submit(Txt2Img(prompt="a", steps=1, width=64, height=64), who) for who in ("bob", "carol")]
    assert [job.wait(60).state for job in jobs] == ["done", "done"]
    kept = [str(page.app.gallery.of_job(job.id)[0].path) for job in jobs]
    assert [name.rpartition(".")[2] for name in kept] == ["webp", "png"]


def test_a_pasted_text_is_compared_with_ones_own_options(page: Page) -> None:
    page.apply(asked_by("bob"), eta_noise_seed_delta=31337)
    text = "a cat\nSteps: 4, Sampler: Euler, ENSD: 31337"
    assert [restored_values(page.app, text, who)[0]["eta_noise_seed_delta"] for who in ("bob", "carol")] == [
        None,
        31337,
    ]
