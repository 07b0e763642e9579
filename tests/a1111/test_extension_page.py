"""An extension of old on our page: its controls, its tab, its scripts, and what becomes of the values."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pydantic
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from modules.studio.app import App
from modules.web.additions import Additions
from modules.web.gate import Gate, Rules
from modules.web.server import build
from tests.a1111.words import word
from tests.web.asgi import ask

OPEN = Callable[..., App]


@pytest.fixture
def page() -> Iterator[Any]:
    """What the bridge adds to a site; taken back afterwards."""
    page = word("bridge.extension_page").page
    yield page
    page.remove()


@pytest.fixture
def studio(page: Any, open_extended: OPEN) -> App:
    """A studio with an extension that speaks old Gradio, and one whose controls cannot be made."""
    return open_extended("old_words", "broken_words")


@pytest.fixture
def demo(studio: App, page: Any, unopened: None) -> Any:
    """The page of that studio."""
    from modules.web.pages import build_pages

    return build_pages(studio, page.added_to(Additions(), studio).slots())


@pytest.fixture
def site(studio: App, page: Any) -> FastAPI:
    """Its whole site."""
    return build(studio, additions=page.added_to(Additions(), studio))


@pytest.fixture
def controls(demo: Any) -> Any:
    """The part of the forms that holds scripts' controls; the page is built."""
    return word("bridge.extension_page").page.controls


def ids(demo: Any) -> list[str]:
    return [block.elem_id for block in demo.blocks.values() if block.elem_id]


@pytest.mark.parametrize("tab", ["txt2img", "img2img", "inpaint"])
def test_controls_are_drawn_in_all_three_tabs(demo: Any, tab: str) -> None:
    assert {f"{tab}_script_container", f"{tab}_old_words", f"{tab}_shout_prompt"} <= set(ids(demo))


def test_an_event_without_a_spinner_has_the_page_look_up_no_component_for_one(demo: Any) -> None:
    hidden = [each for each in demo.config["dependencies"] if each["show_progress"] == "hidden" and each["backend_fn"]]
    assert max(len(each["outputs"]) for each in hidden) > 100
    assert [each for each in hidden if each["show_progress_on"] != []] == []


def test_no_elem_id_is_there_twice_but_that_of_the_list_of_scripts(demo: Any) -> None:
    found = ids(demo)
    assert {elem_id for elem_id in found if found.count(elem_id) > 1} == {"script_list"}


def test_whose_turn_it_is_to_be_loaded_is_said(studio: App) -> None:
    said: list[str] = []
    word("bridge.loader").load_scripts(word("bridge.loaded").loaded.extensions, said.append)
    assert said == ["the extension broken_words", "the extension old_words"]


def test_pydantic_is_as_it_was_when_the_extensions_are_gone(studio: App) -> None:
    assert hasattr(BaseModel, "__config__")
    assert sys.modules["scripts.old_words"].Kept(words=" a ").words == "a"
    word("bridge.loader").unload()
    assert not hasattr(BaseModel, "__config__")
    assert pydantic.root_validator is word("bridge.pydantic_words").STRICT


def test_what_a_script_registers_every_second_time_that_it_is_made_is_registered_once(demo: Any) -> None:
    assert ids(demo).count("tab_old_words_once") == 1


def test_a_script_whose_controls_fail_leaves_the_page_whole_and_is_told_of(demo: Any) -> None:
    conduct = word("bridge.containment").containment.conduct("broken_words")
    assert "these controls cannot be made" in conduct.last_error
    assert "txt2img_generate" in ids(demo)


def test_components_have_the_class_of_their_kind(demo: Any) -> None:
    by_id = {block.elem_id: block for block in demo.blocks.values()}
    assert "gradio-textbox" in by_id["txt2img_prompt"].elem_classes
    assert "gradio-button" in by_id["txt2img_shout_prompt"].elem_classes


def test_the_tab_of_an_extension_is_a_tab_of_the_page(demo: Any) -> None:
    by_id = {block.elem_id: block for block in demo.blocks.values()}
    tab = by_id["tab_old_words"]
    assert (tab.label, tab.parent.elem_id) == ("Old words", "tabs")
    assert "old_words_second" in by_id


def test_events_of_extensions_are_private(demo: Any) -> None:
    assert {function.api_visibility for function in demo.fns.values()} == {"private"}


def test_what_a_script_asks_for_by_elem_id_is_in_the_inpaint_tab_too(demo: Any) -> None:
    outputs = {block.elem_id for function in demo.fns.values() if not function.js for block in function.outputs}
    assert {"txt2img_prompt", "img2img_prompt", "inpaint_prompt"} <= outputs


def values(controls: Any, tab: str, **changes: Any) -> list[Any]:
    """What the browser would send: the beginnings of all controls, and these changes by label."""
    components = controls.components(tab)
    own = [0, *(component.value for component in components[1:])]
    labels = [component.label for component in components]
    for label, value in changes.items():
        own[labels.index(label)] = value
    return own


def test_values_become_fields_of_the_request(controls: Any) -> None:
    said = controls.read("txt2img", values(controls, "txt2img", Enabled=True, Text="hello"), "ann")
    assert said["alwayson_scripts"]["Old words"][:2] == (True, "hello")
    assert "script_name" not in said


def test_a_chosen_script_travels_by_its_title(controls: Any) -> None:
    said = controls.read("img2img", values(controls, "img2img", Script=1, Instead="green tree"), "ann")
    assert (said["script_name"], said["script_args"]) == ("Chosen words", ("green tree",))


def test_a_picture_among_the_values_becomes_an_upload(controls: Any, studio: App) -> None:
    from PIL import Image

    said = controls.read("txt2img", values(controls, "txt2img", Picture=Image.new("RGB", (8, 8))), "ann")
    (upload,) = [value for value in said["alwayson_scripts"]["Old words"] if isinstance(value, dict)]
    assert studio.uploads.open(upload["aquatint_upload"], "ann").size == (8, 8)


def test_the_form_remembers_scripts(controls: Any) -> None:
    sent = values(controls, "txt2img", Script=1, Enabled=True, Text="hello", Choice=1, Instead="green tree")
    updates = controls.recalled("txt2img", controls.remembered("txt2img", sent))
    shown = {
        component.label: update.get("value")
        for component, update in zip(controls.components("txt2img"), updates, strict=True)
    }
    assert shown["Script"] == "Chosen words"
    assert (shown["Enabled"], shown["Text"], shown["Choice"], shown["Instead"]) == (True, "hello", "two", "green tree")


@pytest.mark.parametrize(
    "kept", [None, 3, {"values": 3}, {"values": {"Old words": [1]}, "script": "gone"}, {"script": 4}]
)
def test_what_cannot_be_understood_of_a_form_shows_the_beginnings(controls: Any, kept: Any) -> None:
    updates = controls.recalled("txt2img", kept)
    assert updates[0] == gr.update(value="None")
    assert updates[1:] == [gr.skip()] * (len(controls.components("txt2img")) - 1)


def test_an_infotext_fills_controls_and_is_told_to_extensions(controls: Any) -> None:
    updates = controls.filled("txt2img", "a cat\nSteps: 20, Old words: from a picture, Script: Chosen words")
    shown = {
        component.label: update.get("value")
        for component, update in zip(controls.components("txt2img"), updates, strict=True)
    }
    assert (shown["Enabled"], shown["Text"], shown["Script"]) == (True, "from a picture", "Chosen words")
    assert shown["Number"] == 7  # which on_infotext_pasted has added


def test_the_page_loads_scripts_in_their_order_before_its_head_ends(site: FastAPI) -> None:
    head, _, rest = ask(Gate(site, Rules())).body.decode().partition("</head>")
    found, late = (re.findall(r'(?:src|href)="([^"]*(?:words/|file=)[^"]*)"', part) for part in (head, rest))
    names = [address.rpartition("/")[2].partition("?")[0] for address in found]
    own = ["selectors.js", "events.js", "words.js", "tools.js", "img2img.js", "cards.js"]
    own += ["results.js", "lightbox.js", "places.js", "open_tab.js", "mounting.js"]
    assert [address.rpartition("/")[2].partition("?")[0] for address in late] == ["style.css"]
    assert names == ["many_events.js", "words.css", *own, "a_broken.js", "b_old_words.js", "c_module.mjs"]
    for address in (*found, *late):
        assert ask(Gate(site, Rules()), path=f"/{address}").status == 200


def test_options_are_there_for_scripts(site: FastAPI) -> None:
    assert b'"old_words_text": "from the settings"' in ask(Gate(site, Rules())).body
    for path in ("/aquatint/a1111/options", "/file=config.json"):
        assert b"from the settings" in ask(Gate(site, Rules()), path=path).body


def test_routes_and_middleware_of_an_extension_are_behind_the_login(site: FastAPI, tmp_path: Any) -> None:
    from modules.web.accounts import Accounts
    from modules.web.login import Login, Sessions

    sessions = Sessions(tmp_path / "sessions.db")
    login = Login(Accounts([("ann", "secret")], sessions.salt), sessions)
    path = "/old_words/secret"
    for asked in (path, "/file=extensions/old_words/style.css", "/aquatint/a1111/options"):
        assert ask(Gate(site, Rules(), login), path=asked).status == 401
    inside = ask(Gate(site, Rules()), path=path)
    assert (inside.body, inside.headers["x-old-words"]) == (b'{"secret":"canary"}', "here")


def test_without_extensions_nothing_is_added(open_extended: OPEN, page: Any) -> None:
    studio = open_extended("old_words", flags=["--safe"])
    additions = Additions()
    assert page.added_to(additions, studio) is additions


def test_extensions_are_told_before_the_server_starts_anew(studio: App, page: Any) -> None:
    told: list[str] = []
    callbacks = word("script_callbacks")
    callbacks.on_before_reload(lambda: told.append("first"))
    callbacks.on_before_reload(lambda: told.append("second"))
    page.before_restart(lambda: told.append("restart"))()
    assert told == ["second", "first", "restart"]


def test_without_extensions_the_server_just_starts_anew(page: Any) -> None:
    told: list[str] = []
    page.before_restart(lambda: told.append("restart"))()
    assert told == ["restart"]


def test_extensions_find_the_files_and_folders_that_a1111_has_from_the_start(studio: App) -> None:
    found = json.loads(Path(word("shared").cmd_opts.ui_settings_file).read_text("utf-8"))
    assert found["old_words_text"] == "from the settings"
    assert Path(word("shared").cmd_opts.localizations_dir).is_dir()
    assert json.loads(Path(word("shared").cmd_opts.ui_config_file).read_text("utf-8")) == {}


def test_whoever_reads_the_command_line_again_gets_what_it_came_to(studio: App, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.argv", ["webui.py", "--a-flag-of-ours", "7"])
    parser = word("cmd_args").parser
    assert parser.parse_args().data_dir == str(studio.folders.data)
    assert parser.parse_known_args()[0].api == word("shared").cmd_opts.api
    with pytest.raises(SystemExit):
        parser.parse_args(["--nobody-knows"])
