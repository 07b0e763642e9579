"""The table of parameters: widgets' values to requests and back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.studio.app import App
from modules.studio.request import KINDS, Inpaint, RequestError, Txt2Img
from modules.studio.settings import Options
from modules.web.field import TABS
from modules.web.field_rows import FIELDS, QUICK
from modules.web.fields import Form, defaults

PICTURE = {"id": "abc", "width": 64, "height": 64}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def studio(*checkpoints: tuple[str, int], chosen: str = "") -> App:
    """As much of a studio as the table of parameters looks at."""
    known = [SimpleNamespace(name=name, title=name, native_size=size) for name, size in checkpoints]
    return cast(
        App,
        SimpleNamespace(
            store=SimpleNamespace(checkpoints=tuple(known), vaes=("Automatic", "None", "soft.pt")),
            settings=SimpleNamespace(options=Options(sd_model_checkpoint=chosen)),
            styles=SimpleNamespace(names=lambda: ["golden"]),
            upscalers=SimpleNamespace(names=lambda: ["None", "Lanczos"]),
        ),
    )


STUDIO = studio(("small", 128), ("large", 1024))


def shown(form: Form, saved: dict[str, Any], app: App = STUDIO) -> dict[str, Any]:
    """The widgets' values by name after a visit."""
    updates = form.recalled(saved, app)
    return {field.name: update["value"] for field, update in zip(form.fields, updates, strict=True)}


def values(form: Form, **changes: Any) -> list[Any]:
    """The widgets' values as an event brings them."""
    return list({**shown(form, {}), **changes}.values())


@pytest.mark.parametrize("tab", TABS)
def test_every_field_is_one_of_the_request_or_an_option(tab: str) -> None:
    form = Form(tab)
    fields = set(KINDS[tab].model_fields)
    assert {field.name for field in form.fields if not field.option} <= fields
    assert {field.name for field in form.fields if field.option} <= set(Options.model_fields)


@pytest.mark.parametrize("tab", TABS)
def test_no_two_components_have_the_same_id(tab: str) -> None:
    ids = [field.elem_id(tab) for field in Form(tab).fields]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("tab", "elem_id"),
    [
        *((tab, f"{tab}_{suffix}") for tab in TABS for suffix in (
            "prompt", "neg_prompt", "sampling", "scheduler", "steps", "cfg_scale", "width", "height", "seed",
            "batch_count", "batch_size", "styles",
        )),
        ("img2img", "img2img_denoising_strength"),
        ("img2img", "img2img_image"),
        ("txt2img", "setting_sd_model_checkpoint"),
        ("txt2img", "setting_sd_vae"),
    ],
)  # fmt: skip
def test_components_have_the_ids_that_extensions_look_for(tab: str, elem_id: str) -> None:
    assert elem_id in {field.elem_id(tab) for field in Form(tab).fields}


def test_a_form_is_read_into_a_request_and_its_overrides() -> None:
    form = Form("txt2img")
    request = form.read(
        values(form, prompt="red heart", steps=7, sd_model_checkpoint="small", CLIP_stop_at_last_layers=2, seed=None)
    )
    assert isinstance(request, Txt2Img)
    assert (request.prompt, request.steps, request.width, request.seed) == ("red heart", 7, 128, -1)
    assert request.override_settings["sd_model_checkpoint"] == "small"
    assert request.override_settings["CLIP_stop_at_last_layers"] == 2


def test_a_picture_and_its_mask_become_uploads_of_the_request() -> None:
    form = Form("inpaint")
    request = form.read(values(form, init_images={**PICTURE, "mask": "def"}, mask_blur_x=9, inpaint_full_res=1))
    assert isinstance(request, Inpaint)
    assert request.pictures() == ("abc", "def")
    assert (request.mask_blur_x, request.mask_blur_y, request.inpaint_full_res) == (9, 9, True)


@pytest.mark.parametrize(
    ("tab", "picture", "words"),
    [
        ("img2img", None, "Choose a picture"),
        ("img2img", {"width": 3}, "Choose a picture"),
        ("inpaint", None, "Choose a picture"),
        ("inpaint", PICTURE, "Paint over"),
    ],
)
def test_what_is_missing_is_named(tab: str, picture: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Form(tab).read(values(Form(tab), init_images=picture))


@pytest.mark.parametrize("tab", TABS)
def test_what_is_remembered_is_shown_again(tab: str) -> None:
    form = Form(tab)
    first = values(form, prompt="kept", steps=33, styles=["golden"], width=256, override_settings=["a: 1"])
    assert list(shown(form, form.remembered(first)).values()) == first


def test_the_size_is_the_chosen_checkpoints_own() -> None:
    assert defaults(STUDIO) == {"sd_model_checkpoint": "small", "width": 128, "height": 128}
    assert defaults(studio(("small", 128), ("large", 1024), chosen="large"))["width"] == 1024
    assert shown(Form("txt2img"), {}, studio())["width"] == 512


def test_what_is_not_possible_any_more_gets_its_default() -> None:
    saved = {"sd_model_checkpoint": "deleted", "sampler_name": "gone", "styles": ["golden", "gone"], "steps": 9999}
    now = shown(Form("txt2img"), saved)
    assert now["sd_model_checkpoint"] == "small"
    assert now["sampler_name"] == "DPM++ 2M"
    assert now["styles"] == ["golden"]
    assert now["steps"] == 150


@given(st.sampled_from([*QUICK, *FIELDS]), ANYTHING)
def test_any_saved_value_is_cleaned_into_one_that_the_widget_can_show(field: Any, value: Any) -> None:
    once = field.clean(value, STUDIO)
    assert field.clean(once, STUDIO) == once


def test_filling_changes_only_what_is_spoken_of_and_says_what_cannot_be_shown() -> None:
    form = Form("txt2img")
    filled = form.filled({"prompt": "new", "sampler_name": "k_euler_a", "steps": 500, "scheduler": "Fancy"}, STUDIO)
    told = {field.name: update.get("value", "kept") for field, update in zip(form.fields, filled.updates, strict=True)}
    assert told["prompt"] == "new"
    assert told["sampler_name"] == "Euler a"
    assert told["steps"] == 150
    assert told["scheduler"] == "Automatic"
    assert told["seed"] == "kept"
    assert [problem.partition(":")[0] for problem in filled.problems] == ["Schedule type", "Steps"]


def test_what_is_blank_is_as_in_the_settings_and_can_be_made_blank_again() -> None:
    form = Form("txt2img")
    blank, asked = form.read(values(form)), form.read(values(form, eta=0, eta_noise_seed_delta=31337))
    assert (blank.eta, blank.s_churn, "eta_noise_seed_delta" in blank.override_settings) == (None, None, False)
    assert (asked.eta, asked.override_settings["eta_noise_seed_delta"]) == (0, 31337)
    names = [field.name for field in form.fields]
    cleared = form.filled({"eta": None}, STUDIO).updates
    assert cleared[names.index("eta")]["value"] is None
    assert "value" not in cleared[names.index("s_churn")]


@pytest.mark.parametrize("tab", TABS)
def test_an_option_of_the_form_has_an_id_for_each_tab(tab: str) -> None:
    assert f"{tab}_eta_noise_seed_delta" in {field.elem_id(tab) for field in Form(tab).fields}


def test_further_settings_of_an_infotext_become_overrides() -> None:
    form = Form("txt2img")
    filled = form.filled({"override_settings": {"eta_noise_seed_delta": 31337, "note": "a: b"}}, STUDIO)
    lines = filled.updates[-1]["value"]
    request = form.read(values(form, override_settings=lines))
    assert request.override_settings["eta_noise_seed_delta"] == 31337
    assert request.override_settings["note"] == "a: b"
