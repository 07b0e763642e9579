"""The Checkpoint Merger tab on the server: its ids, its form between visits, and what a press of Merge queues."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from modules.diffusion.errors import AquatintError
from modules.studio.app import App
from modules.studio.engine import Ticket
from modules.web.jobs_api import _shown
from modules.web.pages import build_pages
from modules.web.tab_merger import NOTHING, MergerForm
from tests import tiny

A1111_IDS = (
    *("primary_model_name", "secondary_model_name", "tertiary_model_name", "custom_name", "interp_amount"),
    *("interp_method", "save_as_half", "config_method", "bake_in_vae", "discard_weights"),
    *("save_metadata", "add_recipe", "copy_metadata"),
)


@pytest.fixture(scope="module")
def form(app: App, address: str) -> MergerForm:
    """The form as the whole page makes it."""
    made: list[MergerForm] = []

    class Noted(MergerForm):
        def build(self) -> None:
            super().build()
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modules.web.tab_merger.MergerForm", Noted)
        build_pages(app)
    return made[0]


@pytest.fixture
def models(form: MergerForm) -> Iterator[App]:
    """Two files and a folder that can be merged; gone afterwards, with what was made of them."""
    app = form.app
    for seed, name in enumerate("ab"):
        tiny.save_ldm(app.store.folder / f"{name}.safetensors", tiny.networks("SD 1.x", seed))
    folder = tiny.save_folder(app.store.folder / "c", tiny.networks("SD 1.x", 2))
    app.store.refresh()
    yield app
    for path in app.store.folder.glob("*.safetensors"):
        path.unlink()
    shutil.rmtree(folder)
    app.store.refresh()


def values(form: MergerForm, **changes: Any) -> list[Any]:
    shown = dict(zip(form.widgets, form.recall("nobody"), strict=False))
    plain = {name: value["value"] if isinstance(value, dict) else value for name, value in shown.items()}
    return list({**plain, **changes}.values())


def merged(form: MergerForm, models: App, **changes: Any) -> dict[str, torch.Tensor]:
    """The weights that a press of Merge makes."""
    job = models.engine.job(form.submit(values(form, **changes), "ann"))
    assert job is not None
    end = Ticket(job).wait(60)
    assert (end.state, end.error) == ("done", "")
    return load_file(models.store.folder / f"{changes['custom_name']}.safetensors")


def test_the_ids_are_a1111s(form: MergerForm) -> None:
    ids = {widget.elem_id for widget in form.widgets.values()}
    assert {f"modelmerger_{name}" for name in A1111_IDS} <= ids


def test_where_there_is_nothing_to_merge_that_is_said(form: MergerForm) -> None:
    assert form.recall("ann")[-1] == NOTHING


def test_models_are_offered_once_they_are_there(form: MergerForm, models: App) -> None:
    primary = dict(zip(form.widgets, form.recall("ann"), strict=False))["primary_model_name"]
    assert [name for _, name in primary["choices"]] == ["a.safetensors", "b.safetensors", "c"]
    assert form.recall("ann")[-1] == ""


def test_the_form_comes_back_with_the_names_of_what_was_typed(form: MergerForm, models: App) -> None:
    left = values(form, primary_model_name="a", secondary_model_name="gone", multiplier=7.0, interp_method="Sideways")
    form.remember(left, "ann")
    found = dict(zip(form.widgets, form.recall("ann"), strict=False))
    assert found["primary_model_name"]["value"] == "a.safetensors"
    assert found["secondary_model_name"]["value"] is None
    assert (found["multiplier"], found["interp_method"]) == (1.0, "Weighted sum")


def test_a_press_of_merge_is_a_job_that_says_what_it_makes(form: MergerForm, models: App) -> None:
    asked = values(form, primary_model_name="a.safetensors", secondary_model_name="b.safetensors", custom_name="new")
    job = models.engine.job(form.submit(asked, "ann"))
    assert job is not None
    assert Ticket(job).wait(60).state == "done"
    shown = _shown(job, 0)
    assert (shown["kind"], shown["makes"]) == ("merge", "new.safetensors")
    assert shown["prompt"] == "0.7(a) + 0.3(b) → new.safetensors"
    assert json.dumps(shown)


def test_a_folder_that_is_chosen_is_merged_with_a_file(form: MergerForm, models: App) -> None:
    offered = dict(zip(form.widgets, form.recall("ann"), strict=False))["secondary_model_name"]["choices"]
    folder = next(name for _, name in offered if not name.endswith(".safetensors"))
    names = {"primary_model_name": "a.safetensors", "secondary_model_name": folder}
    made = merged(form, models, **names, multiplier=1.0, custom_name="wholly the folder")
    copied = merged(form, models, primary_model_name=folder, interp_method="No interpolation", custom_name="copy")
    half = merged(form, models, **names, multiplier=0.5, custom_name="half")
    key = "model.diffusion_model.input_blocks.0.0.weight"
    assert made.keys() >= copied.keys() <= half.keys()
    assert torch.equal(made[key], copied[key])
    mean = (load_file(models.store.folder / "a.safetensors")[key].float() + copied[key].float()) / 2
    assert torch.allclose(half[key].float(), mean, atol=1e-3)


def test_what_is_missing_is_said(form: MergerForm, models: App) -> None:
    with pytest.raises(AquatintError, match="Choose model A"):
        form.submit(values(form), "ann")
