"""A batch on the server: what each of many pictures is asked for with."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from modules.studio.app import App
from modules.studio.request import Inpaint, Request, RequestError
from modules.web.batch import submit_batch
from modules.web.fields import Form

SAID = "a red apple\nNegative prompt: blurry\nSteps: 7, Sampler: Euler a, CFG scale: 3, Seed: 99, Size: 64x64"
OWNER = "ann"


def png(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "PNG")
    return file.getvalue()


def values(app: App, tab: str, **changes: Any) -> list[Any]:
    form = Form(tab)
    shown = {field.name: update["value"] for field, update in zip(form.fields, form.recalled({}, app), strict=True)}
    return list({**shown, "width": 64, "height": 64, **changes}.values())


def asked(app: App, tab: str, pictures: list[dict[str, Any]], read: bool = False, **changes: Any) -> list[Request]:
    """The requests that a batch comes to."""
    found = submit_batch(app, Form(tab), values(app, tab, **changes), {"pictures": pictures, "read": read}, OWNER)
    jobs = [app.engine.job(id) for id in found["jobs"]]
    return [job.request for job in jobs if job is not None]


@pytest.fixture
def pictures(paused: App) -> list[dict[str, Any]]:
    """Two uploads that are not the same."""
    sizes = ((64, 64), (72, 64))
    return [{"id": paused.uploads.add(png(*size), OWNER), "name": f"{size[0]}.png", "infotext": SAID} for size in sizes]


def test_each_picture_is_asked_for_with_the_form(paused: App, pictures: list[dict[str, Any]]) -> None:
    made = asked(paused, "img2img", pictures, prompt="tree", seed=5)
    assert [request.pictures() for request in made] == [(picture["id"],) for picture in pictures]
    assert [(request.prompt, request.seed) for request in made] == [("tree", 5)] * 2


def test_what_a_picture_says_counts_more_when_that_is_wanted(paused: App, pictures: list[dict[str, Any]]) -> None:
    [told, plain] = asked(paused, "img2img", [pictures[0], {**pictures[1], "infotext": ""}], read=True, prompt="tree")
    assert told.prompt == "tree, a red apple"
    assert (told.negative_prompt, told.steps, told.sampler_name) == ("blurry", 7, "Euler a")
    assert (told.cfg_scale, told.seed) == (3, 99)
    assert plain.prompt == "tree"
    assert plain.steps != 7


def test_a_mask_of_ones_own_goes_before_the_painted_one(paused: App, pictures: list[dict[str, Any]]) -> None:
    own, painted = (paused.uploads.add(png(80, side), OWNER) for side in (64, 72))
    canvas = {"id": pictures[0]["id"], "mask": painted}
    both = [{**pictures[0], "mask": own}, pictures[1]]
    made = asked(paused, "inpaint", both, init_images=canvas)
    assert [request.mask for request in made if isinstance(request, Inpaint)] == [own, painted]


def test_one_that_cannot_be_done_is_named_and_none_is_queued(paused: App, pictures: list[dict[str, Any]]) -> None:
    before = paused.queue.line()
    with pytest.raises(RequestError, match=r"^72\.png: there is no mask"):
        asked(paused, "inpaint", [{**pictures[0], "mask": pictures[0]["id"]}, pictures[1]])
    with pytest.raises(RequestError, match=r"^gone\.png: .* not on the server"):
        asked(paused, "img2img", [pictures[0], {"id": "0" * 32, "name": "gone.png"}])
    with pytest.raises(RequestError, match="Choose the pictures"):
        asked(paused, "img2img", [])
    assert paused.queue.line() == before
