"""The page as it is built: its components, its events, its files, and where others add to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
import torch
from safetensors.torch import save_file

from modules.diffusion.embedding_files import EmbeddingFolder
from modules.studio.app import App
from modules.studio.settings import Options
from modules.web.assets_route import read_assets
from modules.web.field import TABS
from modules.web.fields import Form
from modules.web.generate import fill, generate, native_side, recall, remember
from modules.web.pages import build_pages, page_arguments
from modules.web.slots import Slots, Tab
from modules.web.tab_settings import shown_rows
from modules.web.tokens import TokenCounter
from modules.web.top_bar import notice_text
from tests.web.asgi import ask


@pytest.fixture(scope="module")
def demo(app: App, address: str) -> Any:
    """The page of the whole site, without additions."""
    return build_pages(app)


def blocks_of(demo: Any) -> dict[str, Any]:
    """The components with an elem_id."""
    return {block.elem_id: block for block in demo.blocks.values() if getattr(block, "elem_id", None)}


def values_of(form: Form, app: App, **changes: Any) -> list[Any]:
    """The widgets' values of a first visit, with changes."""
    shown = [update["value"] for update in form.recalled({}, app)]
    return list({**form.remembered(shown), **changes}.values())


@pytest.mark.parametrize(
    "elem_id",
    ["quicksettings", "tabs", "paste", "settings_submit", "footer", *(f"tab_{tab}" for tab in TABS), "tab_settings",
     *(f"{tab}_{name}" for tab in TABS for name in (
         "generate", "interrupt", "skip", "res_switch_btn", "random_seed", "reuse_seed", "token_counter", "gallery",
         "negative_token_counter", "toprow", "settings", "results", "style_apply"))],
)  # fmt: skip
def test_the_parts_that_extensions_look_for_are_there(demo: Any, elem_id: str) -> None:
    assert elem_id in blocks_of(demo)


def test_no_event_is_part_of_the_api(demo: Any) -> None:
    assert {fn.api_visibility for fn in demo.fns.values()} == {"private"}


def test_every_event_with_a_function_answers_at_once_without_a_spinner(demo: Any) -> None:
    with_function = [fn for fn in demo.fns.values() if fn.fn is not None]
    assert with_function
    assert {(fn.queue, fn.show_progress) for fn in with_function} == {(False, "hidden")}


def test_every_setting_has_a_widget_or_is_in_the_bar(demo: Any, app: App) -> None:
    ids = set(blocks_of(demo))
    assert {f"setting_{name}" for name in type(app.settings.options).model_fields} <= ids
    assert "sd_model_checkpoint" not in {row.name for row in shown_rows()}


def test_templates_hold_no_values(demo: Any) -> None:
    mounted = [block for block in demo.blocks.values() if isinstance(block, gr.HTML) and block.js_on_load]
    ours = [block for block in mounted if "aquatint/assets" in block.js_on_load]
    assert len(ours) > 10
    assert {block.html_template for block in ours} == {"<div></div>"}


def test_generate_queues_and_names_the_job(app: App, paused: App) -> None:
    form = Form("txt2img")
    job = generate(app, form, values_of(form, app, prompt="from the page", steps=3), "local")
    row = app.queue.get(job)
    assert row is not None
    assert '"prompt":"from the page"' in row.request


def test_what_was_generated_is_in_the_form_of_the_next_visit(app: App, paused: App) -> None:
    form = Form("txt2img")
    generate(app, form, values_of(form, app, prompt="from the page"), "ann")
    names = [field.name for field in form.fields]
    assert recall(app, form, "ann")[names.index("prompt")]["value"] == "from the page"


def test_a_form_is_remembered_for_its_owner_alone(app: App) -> None:
    form = Form("img2img")
    remember(app, form, values_of(form, app, prompt="hers", CLIP_stop_at_last_layers=2), "ann")
    names = [field.name for field in form.fields]
    hers, his = ([update["value"] for update in recall(app, form, owner)] for owner in ("ann", "bob"))
    assert (hers[names.index("prompt")], his[names.index("prompt")]) == ("hers", "")
    clip_skip = names.index("CLIP_stop_at_last_layers")
    other_tab = recall(app, Form("txt2img"), "ann")[clip_skip]["value"]
    assert (hers[clip_skip], other_tab, his[clip_skip]) == (2, 2, 1)


def filled_with(app: App, infotext: str) -> tuple[Any, dict[str, Any]]:
    """What filling in the form gives, and its widgets' new values by name."""
    filled = fill(app, Form("txt2img"), {"infotext": infotext})
    fields = Form("txt2img").fields
    return filled, {field.name: update.get("value") for field, update in zip(fields, filled.outputs, strict=True)}


def test_an_infotext_fills_the_form_and_what_is_not_here_is_said(app: App) -> None:
    text = "a cat\nSteps: 9, Sampler: Euler, Size: 64x64, Seed: 3, Model: not-here, NGMS all steps: True, RNG: CPU"
    filled, told = filled_with(app, text)
    assert (told["prompt"], told["negative_prompt"], told["steps"], told["seed"]) == ("a cat", "", 9, 3)
    assert told["override_settings"] == ["s_min_uncond_all: true"]
    assert told["sd_model_checkpoint"] is None
    assert "not-here" in filled.text


SAMPLER_PARAMETERS = ("eta", "eta_noise_seed_delta", "s_noise", "s_churn", "s_tmin", "s_tmax")


@pytest.mark.parametrize(
    ("sampler", "more", "settings", "shown"),
    [
        ("Euler a", "", {}, (None,) * 6),
        ("Euler a", ", Eta: 0.5, ENSD: 31337", {}, (0.5, 31337, None, None, None, None)),
        ("Euler a", ", Eta: 0.5, ENSD: 31337", {"eta_ancestral": 0.5, "eta_noise_seed_delta": 31337}, (None,) * 6),
        ("Euler a", "", {"eta_ancestral": 0.5, "eta_noise_seed_delta": 5}, (1.0, 0, None, None, None, None)),
        ("DDIM", "", {"eta_ancestral": 0.5, "eta_ddim": 0.3}, (0.0, None, None, None, None, None)),
        ("Heun", ", Sigma churn: 3", {"s_churn": 1, "s_tmax": 9}, (None, None, None, 3.0, None, 0.0)),
        ("LMS", "", {"eta_ancestral": 0.5, "s_churn": 1}, (None,) * 6),
    ],
)
def test_sampler_parameters_are_blank_where_the_settings_say_what_the_text_says(
    app: App, settings: dict[str, Any], sampler: str, more: str, shown: tuple[float | None, ...]
) -> None:
    text = f"a cat\nSteps: 9, Sampler: {sampler}, Size: 64x64, Seed: 3{more}, RNG: CPU"
    before = app.settings.options
    app.settings.options = before.model_copy(update=settings)
    try:
        _, told = filled_with(app, text)
    finally:
        app.settings.options = before
    assert tuple(told[name] for name in SAMPLER_PARAMETERS) == shown
    assert told["override_settings"] == []


@pytest.mark.parametrize("asked", [{}, {"infotext": 5, "picture": "x", "seed": "y"}, {"infotext": "  "}])
def test_filling_with_nothing_changes_nothing(app: App, asked: dict[str, Any]) -> None:
    filled = fill(app, Form("txt2img"), asked)
    assert not [update for update in filled.outputs if "value" in update]
    assert filled.text == ""


def test_the_size_follows_the_checkpoint_until_somebody_changes_it(app: App) -> None:
    assert native_side(app, "starter", 512, 512) == 128
    assert native_side(app, "starter", 512, 768) is None
    assert native_side(app, "starter", 200, 200) is None


def test_a_page_without_problems_has_nothing_to_notice(app: App) -> None:
    assert notice_text(app) == ""


def test_the_page_says_where_checkpoints_go_and_which_files_are_broken() -> None:
    store = SimpleNamespace(checkpoints=(), broken=[SimpleNamespace(reason="half.ckpt cannot be used: it ends early.")])
    folders = SimpleNamespace(checkpoints=(Path("models/here"),))
    text = notice_text(cast(App, SimpleNamespace(store=store, folders=folders)))
    assert "models/here" in text
    assert "half.ckpt cannot be used" in text


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("", "0/75"),
        ("a red heart", "3/75"),
        ("word " * 76, "76/150"),
        ("a [red|very very blue] heart", "5/75"),
        ("a [red heart:0.5]", "3/75"),
        ("a [very very red:heart:30]", "4/75"),
        ("a cat AND a red heart :2", "3/75"),
        ("a red heart # and no more <lora:x:1>", "3/75"),
        ("a red heart<lora:some long name:1>", "3/75"),
    ],
)
def test_tokens_are_counted_as_clip_counts_them(prompt: str, count: str) -> None:
    assert TokenCounter().count(prompt, Options()) == count


def test_an_embedding_counts_as_many_tokens_as_it_has(tmp_path: Path) -> None:
    save_file({"emb_params": torch.ones(5, 8)}, tmp_path / "inkstyle.safetensors")
    counter = TokenCounter(EmbeddingFolder([tmp_path]))
    assert counter.count("a fox, inkstyle", Options(), widths=[8]) == "8/75"
    assert counter.count("a fox, inkstyle", Options(), widths=[16]) == "5/75"


def test_others_add_around_components_and_as_tabs(app: App) -> None:
    slots, seen = Slots(), list[Any]()
    slots.before("txt2img_steps", lambda: gr.Markdown("before", elem_id="mine_before"))
    slots.after("txt2img_steps", seen.append)
    slots.tabs.append(Tab("Mine", "tab_mine", lambda: gr.Markdown("inside", elem_id="mine_inside")))
    blocks = blocks_of(build_pages(app, slots))
    assert {"mine_before", "tab_mine", "mine_inside"} <= set(blocks)
    assert [component.elem_id for component in seen] == ["txt2img_steps"]


def test_nothing_of_the_page_comes_from_elsewhere() -> None:
    arguments = page_arguments("dark")
    foreign = re.compile(rb"https?://(?!www\.w3\.org/)|@import|fonts\.g")
    assert not [name for name, body in read_assets().files.items() if foreign.search(body)]
    assert not foreign.search(arguments["head"].encode())
    assert not foreign.search(arguments["theme"]._get_theme_css().encode())
    assert arguments["theme"]._stylesheets == []


@pytest.mark.parametrize(("theme", "chosen"), [("dark", "'dark'"), ("light", "'light'"), (None, "''")])
def test_the_flag_decides_on_light_or_dark(theme: str | None, chosen: str) -> None:
    assert f"|| {chosen};" in page_arguments(theme)["js"]


@pytest.mark.parametrize(
    ("name", "version", "status", "cache"),
    [
        ("page.js", read_assets().version, 200, "immutable"),
        ("page.js", "0123456789abcdef", 200, "no-cache"),
        ("login.html", read_assets().version, 404, ""),
        ("..%2fpages.py", read_assets().version, 404, ""),
    ],
)
def test_files_are_kept_for_ever_under_their_hash_and_no_others_are_served(
    open_site: Any, name: str, version: str, status: int, cache: str
) -> None:
    answer = ask(open_site, path=f"/aquatint/assets/{version}/{name}")
    assert answer.status == status
    assert cache in answer.headers.get("cache-control", "")


def modules() -> Iterator[tuple[str, str]]:
    for name, body in read_assets().files.items():
        if name.endswith(".js"):
            yield name, body.decode()


def test_scripts_import_only_what_is_there_and_are_short() -> None:
    names = set(read_assets().files)
    imports = {(name, target) for name, text in modules() for target in re.findall(r"from '\./([\w.]+)'", text)}
    assert {target for _, target in imports} <= names
    assert not [name for name, text in modules() if len(text.splitlines()) > 400]
    assert not [name for name, text in modules() if re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(", text)]
