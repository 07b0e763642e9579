"""A folder's batch on the page: who sees it, what it asks for, and what comes back on the next visit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from modules.studio.app import App
from modules.studio.request import FolderBatch, RequestError
from modules.web.folder_form import FolderForm
from modules.web.pages import build_pages
from tests.web.test_images import png

OWNER = "ann"


def forms_of(app: App) -> dict[str, FolderForm]:
    """The parts of a whole page, by tab."""
    made: dict[str, FolderForm] = {}

    class Noted(FolderForm):
        def build(self) -> None:
            super().build()
            made[self.form.tab] = self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modules.web.folder_form.FolderForm", Noted)
        build_pages(app)
    return made


@pytest.fixture
def forms(paused: App) -> dict[str, FolderForm]:
    """As the person at the machine sees them."""
    return forms_of(paused._replace(flags=replace(paused.flags, gradio_auth=None)))


def values(form: FolderForm, **changes: Any) -> list[Any]:
    rows, shown = form.form.fields, form.form.recalled({}, form.page.app)
    plain = {field.name: update["value"] for field, update in zip(rows, shown, strict=True)}
    return list({**plain, "width": 64, "height": 64, **changes}.values())


def folders(form: FolderForm, **changes: Any) -> list[Any]:
    return list({**dict(zip(form.widgets, form.recall("nobody"), strict=True)), **changes}.values())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "in/a.png")
    return tmp_path / "in"


def test_people_who_log_in_name_no_folders(app: App, address: str) -> None:
    assert app.flags.gradio_auth
    assert forms_of(app) == {}


def test_the_form_is_asked_for_every_picture(forms: dict[str, FolderForm], folder: Path) -> None:
    form = forms["img2img"]
    named = folders(form, input_dir=f" {folder} ", png_info_props=["Seed"])
    id = form.submit(values(form, prompt="tree", seed=5), named, OWNER)
    job = form.page.app.engine.job(id)
    assert job is not None
    assert isinstance(job.request, FolderBatch)
    assert (job.request.files, job.request.png_info_props, job.request.prompt) == (("a.png",), ("Seed",), "tree")
    assert job.request.first().model_dump()["seed"] == 5
    assert form.recall(OWNER) == named


def test_inpainting_wants_a_mask_from_somewhere(forms: dict[str, FolderForm], folder: Path) -> None:
    form = forms["inpaint"]
    with pytest.raises(RequestError, match="Paint a mask"):
        form.submit(values(form), folders(form, input_dir=str(folder)), OWNER)
    mask = form.page.app.uploads.add(png(), OWNER)
    painted = form.submit(
        values(form, init_images={"id": "x", "mask": mask}), folders(form, input_dir=str(folder)), OWNER
    )
    by_name = form.submit(values(form), folders(form, input_dir=str(folder), inpaint_mask_dir=str(folder)), OWNER)
    jobs = [form.page.app.engine.job(id) for id in (painted, by_name)]
    assert [job.request.uploads() for job in jobs if job is not None] == [(mask,), ()]


def test_a_folder_must_be_named(forms: dict[str, FolderForm]) -> None:
    with pytest.raises(RequestError, match="Name the folder"):
        forms["img2img"].submit(values(forms["img2img"]), folders(forms["img2img"], input_dir="  "), OWNER)
