"""The Extras tab on the server: its ids, its form between visits, and who may name a folder of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.studio.app import App
from modules.studio.command_line import Flags
from modules.studio.request import RequestError
from modules.web.folder_form import may_name_folders
from modules.web.pages import build_pages
from modules.web.tab_extras import EXTRAS, ExtrasForm
from tests.web.test_images import png


@pytest.fixture(scope="module")
def form(app: App, address: str) -> ExtrasForm:
    """The form as the whole page makes it."""
    made: list[ExtrasForm] = []

    class Noted(ExtrasForm):
        def build(self) -> None:
            super().build()
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modules.web.tab_extras.ExtrasForm", Noted)
        build_pages(app)
    return made[0]


def values(form: ExtrasForm, **changes: Any) -> list[Any]:
    shown = dict(zip(form.widgets, form.recall("nobody"), strict=True))
    plain = {name: value["value"] if isinstance(value, dict) else value for name, value in shown.items()}
    return list({**plain, **changes}.values())


def test_the_ids_are_a1111s(form: ExtrasForm) -> None:
    ids = {widget.elem_id for widget in form.widgets.values()}
    names = ("image", "upscaler_1", "upscaler_2", "upscaler_2_visibility", "upscaling_resize", "upscaling_resize_w")
    assert {f"extras_{name}" for name in names} <= ids


@pytest.mark.parametrize(
    ("flags", "may"),
    [
        ({}, True),
        ({"gradio_auth": "a:b"}, False),
        ({"gradio_auth_path": Path("x")}, False),
        ({"insecure_no_login": True}, False),
    ],
)
def test_only_where_nobody_else_gets_in_a_folder_can_be_named(flags: dict[str, Any], may: bool) -> None:
    assert may_name_folders(Flags(**flags)) is may


def test_people_who_log_in_have_no_box_for_folders(form: ExtrasForm) -> None:
    assert form.app.flags.gradio_auth
    assert "input_dir" not in form.widgets
    with pytest.raises(RequestError, match="Put in a picture"):
        form.submit(values(form), "ann")


def test_the_form_comes_back_and_what_it_cannot_show_does_not(form: ExtrasForm) -> None:
    left = values(form, upscaler_1="Gone", upscaling_resize=99.0, resize_mode=1, images=[{"id": "1"}])
    form.remember(left, "ann")
    found = dict(zip(form.widgets, form.recall("ann"), strict=True))
    assert found["upscaler_1"]["value"] == "Lanczos"
    assert (found["upscaling_resize"], found["resize_mode"], found["images"]) == (8.0, 1, [{"id": "1"}])


def test_a_submitted_form_is_a_job_with_the_pictures_and_what_is_written_in_them(form: ExtrasForm) -> None:
    picture = {"id": form.app.uploads.add(png(), "ann"), "name": "cat.png", "infotext": "a cat", "width": 16}
    id = form.submit(values(form, images=[picture], upscaler_1="Nearest", upscaling_resize=2.0), "ann")
    job = form.app.engine.job(id)
    assert job is not None
    assert job.request.kind == EXTRAS
    with job.news:
        assert job.news.wait_for(lambda: job.progress.state == "done", 60)
    (image,) = job.progress.images
    assert image.infotext.startswith("a cat, Postprocess upscale by: 2")
    assert image.path is not None
    assert Image.open(image.path).size == (32, 48)


def test_nothing_to_do_is_said(form: ExtrasForm) -> None:
    picture = {"id": form.app.uploads.add(png(), "ann")}
    with pytest.raises(RequestError, match="Choose an upscaler"):
        form.submit(values(form, images=[picture], upscaler_1="None"), "ann")
