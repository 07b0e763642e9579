"""Gradio 3 and 4 spoken on Gradio 6: each idiom that extensions use, for them alone, and nothing of it afterwards."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.blocks import Block
from gradio.context import LocalContext
from gradio.state_holder import SessionState
from PIL import Image

from modules.studio.app import App
from modules.web.pages import build_pages
from tests.a1111.words import word

FOLDER = Path("/somewhere/extensions")
Say = Callable[..., SimpleNamespace]


class Listener:
    """Hears of every component."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, dict[str, Any]]] = []

    def elem_id(self, asked: str) -> str:
        return asked.replace("taken", "free")

    def before(self, component: Any, given: dict[str, Any]) -> None:
        self.heard.append(("before", type(component).__name__, given))

    def after(self, component: Any, given: dict[str, Any]) -> None:
        self.heard.append(("after", type(component).__name__, given))


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def taught(listener: Listener) -> Iterator[Any]:
    """Gradio as it understands the extensions of `FOLDER`."""
    taught = word("bridge.gradio_words.install").install([FOLDER], listener)
    yield taught
    taught.remove()


def run(text: str, file: Path, names: dict[str, Any]) -> SimpleNamespace:
    exec(compile(text, str(file), "exec"), names)
    return SimpleNamespace(**names)


@pytest.fixture
def say(taught: Any, unopened: None) -> Iterator[Say]:
    """Runs a text as an extension would, on a page; gives the names that it made."""
    with gr.Blocks() as demo:
        yield lambda text, **names: run(text, FOLDER / "old/scripts/old.py", {"gr": gr, "demo": demo, **names})


MADE = [
    ("gr.Textbox(show_copy_button=True)", "buttons", ["copy"]),
    ("gr.Image(show_download_button=False, show_share_button=True)", "buttons", ["share"]),
    ("gr.Image(source='upload')", "sources", ["upload", "clipboard"]),
    ("gr.Image(source='canvas')", "sources", ["upload"]),
    ("gr.Image(shape=(64, 64), image_mode='RGB')", "image_mode", "RGB"),
    ("gr.Image()", "format", "png"),
    ("gr.Gallery()", "format", "png"),
    ("gr.Image(format='jpeg')", "format", "jpeg"),
    ("gr.Image(mirror_webcam=False)", "webcam_options", gr.WebcamOptions(mirror=False)),
    ("gr.Image(tool='editor')", "visible", True),
    ("gr.Image(info='why')", "visible", True),
    ("gr.Video(source='webcam')", "sources", ["webcam"]),
    ("gr.Gallery(grid=4)", "columns", 4),
    ("gr.Gallery(columns=[2, 3])", "columns", 3),
    ("gr.Gallery().style(grid=5, height='auto')", "columns", 5),
    ("gr.Image().style(height=480)", "height", 480),
    ("gr.Button('x').style(full_width=True)", "value", "x"),
    ("gr.File(type='file')", "type", "filepath"),
    ("gr.UploadButton('x', type='bytes')", "type", "binary"),
    ("gr.Button('x', variant='tool')", "variant", "secondary"),
    ("gr.Button('x', variant='tool', elem_classes='own')", "elem_classes", ["own", "tool"]),
    ("gr.Button('x', tooltip='what it does')", "webui_tooltip", "what it does"),
    ("gr.TabItem('x', open=True)", "label", "x"),
    ("gr.Dropdown(['a', 'b'])", "value", None),
    ("gr.Dropdown(['a', 'b'], multiselect=True)", "value", []),
    ("gr.Dropdown(['a', 'b'], value='b')", "value", "b"),
    ("gr.Slider(1, 100, value='20')", "value", 20),
    ("gr.Slider(0, 1, value='0.5')", "value", 0.5),
    ("gr.Slider(minimum=1, maximum=1, step=1, value=1)", "maximum", 2),
    ("gr.Number(value='none')", "value", None),
    ("gr.Textbox(visible=False, elem_id='x')", "visible", "hidden"),
    ("gr.Textbox(label='x')", "value", ""),
    ("gr.Textbox(visible=False)", "visible", False),
    ("gr.Row(visible=False)", "visible", True),
    ("gr.Row(visible=False)", "elem_classes", ["aq-unseen"]),
    ("gr.Dataframe(col_count=(2, 'fixed'), max_rows=9, overflow_row_behaviour='paginate')", "type", "pandas"),
    ("gr.Dataframe(height=300)", "max_height", 300),
    ("gr.inputs.Slider(0, 10, label='x')", "maximum", 10),
    ("gr.outputs.Label(label='x')", "label", "x"),
    ("gr.Box(elem_id='x')", "elem_id", "x"),
    ("gr.Variable(3)", "value", 3),
]


@pytest.mark.parametrize(("text", "attribute", "value"), MADE)
def test_a_component_is_made_in_old_words(say: Say, text: str, attribute: str, value: object) -> None:
    assert getattr(say(f"made = {text}").made, attribute) == value


@pytest.mark.parametrize("text", ["gr.Dropdown(['a', 'b'])", "gr.Textbox(label='x')"])
def test_a_component_that_says_what_changes_says_nothing_of_the_rest(say: Say, text: str) -> None:
    token = LocalContext.in_event_listener.set(True)
    try:
        assert "value" not in say(f"made = {text}").made.constructor_args
    finally:
        LocalContext.in_event_listener.reset(token)


STRICT = ["gr.Textbox(tooltip='x')", "gr.Image(source='upload')", "gr.Button('x', unheard_of=1)"]


@pytest.mark.parametrize("text", STRICT)
def test_the_same_words_from_elsewhere_mean_what_they_mean_to_gradio(taught: Any, text: str) -> None:
    with pytest.raises(TypeError), gr.Blocks():
        run(text, Path("/somewhere/else.py"), {"gr": gr})


def test_what_is_not_visible_elsewhere_is_not_on_the_page(taught: Any) -> None:
    with gr.Blocks():
        made = run("made = gr.Textbox(visible=False, elem_id='x')", Path("/somewhere/else.py"), {"gr": gr}).made
    assert made.visible is False


def test_a_class_that_an_extension_derives_may_pass_old_words_on(say: Say) -> None:
    text = """
class Tool(gr.Button, gr.components.FormComponent):
    def __init__(self, **kwargs):
        super().__init__(variant="tool", **kwargs)
    def get_block_name(self):
        return "button"
made = Tool(value="x", tooltip="y", elem_id="z")
"""
    made = say(text).made
    assert (made.elem_classes, made.get_config()["webui_tooltip"], made.get_block_name()) == (["tool"], "y", "button")


DRAWER = """
class Drawer(gr.Checkbox):
    def __init__(self, value=None, setup=False, **given):
        super().__init__(value=value, **{**given, "elem_id": "drawer-checkbox"})
        if setup:
            self.change(None, inputs=[self])
            self.drawer = gr.Accordion(given["label"])
    def get_block_name(self):
        return "checkbox"
made = Drawer(False, True, label="x")
number = gr.Number()
button = gr.Button()
button.click(lambda: gr.update(value=True, label="y"), None, [made])
"""


def test_a_copy_for_a_session_is_made_without_what_an_extensions_constructor_does_besides(say: Say) -> None:
    said = say(DRAWER)
    session = SessionState(said.demo)
    event = said.demo.fns[max(said.demo.fns)]
    before = len(said.demo.blocks)
    update = {"__type__": "update", "value": True, "label": "y"}
    asyncio.run(said.demo.postprocess_data(event, update, session))
    copy = session[said.made._id]
    assert (type(copy), copy.label, copy.elem_id) == (type(said.made), "y", "drawer-checkbox")
    assert len(said.demo.blocks) == before


def test_a_copy_for_a_session_has_what_a_constructor_of_its_own_set(say: Say) -> None:
    said = say("made = gr.Image(tool='color-sketch', source='canvas', label='x')")
    session = SessionState(said.demo)
    said.demo.blocks[said.made._id] = said.made
    anew: Any = object.__new__(type(said.made))
    anew.visible, anew.elem_id = True, None
    session[said.made._id] = anew
    assert anew.tool == "color-sketch"


def test_no_file_appears_beside_an_extension(taught: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "derived.py").write_text("import gradio as gr\n\n\nclass Own(gr.Button):\n    EVENTS = ['click']\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    __import__("derived")
    assert [path.name for path in tmp_path.iterdir()] == ["derived.py"]


UPDATES = [
    ("gr.Textbox.update(value='x')", {"value": "x"}),
    ("gr.Dropdown.update(choices=['x'])", {"choices": ["x"]}),
    ("gr.Textbox.update('x')", {"value": "x"}),
    ("gr.Row.update(visible=False)", {"visible": False}),
    ("gr.DataFrame.update([[1]])", {"value": [[1]]}),
    ("gr.Accordion.update(open=True)", {"open": True}),
    ("gr.update(visible=True)", {"visible": True}),
]


@pytest.mark.parametrize(("text", "changes"), UPDATES)
def test_a_class_makes_updates(say: Say, text: str, changes: dict[str, Any]) -> None:
    assert say(f"made = {text}").made == {"__type__": "update", **changes}


EVENTS = [
    ("_js='x => x'", "js", "x => x"),
    ("js='x => x'", "js", "x => x"),
    ("show_progress=False", "show_progress", "hidden"),
    ("show_progress=True", "show_progress", "full"),
    ("queue=False", "queue", False),
    ("api_name=False", "api_visibility", "private"),
    ("api_name='mine'", "api_visibility", "private"),
    ("show_api=False", "api_visibility", "private"),
    ("api_visibility='public'", "api_visibility", "public"),
    ("status_tracker=None", "api_visibility", "private"),
]


JOINED = ["gr.Button().click", "demo.load", "gr.Button().click(lambda: 1).then", "gr.Tab().select"]


@pytest.mark.parametrize(("words", "key", "value"), EVENTS)
@pytest.mark.parametrize(
    "event", ["gr.Button().click", "demo.load", "gr.Button().click(lambda: 1).then", "gr.Tab().select"]
)
def test_an_event_is_joined_in_old_words(say: Say, event: str, words: str, key: str, value: object) -> None:
    made = say(f"made = {event}(lambda: None, {words})").made
    assert made[key] == value


def test_many_events_are_joined_in_old_words(say: Say) -> None:
    made = say("made = gr.on([gr.Button().click, gr.Textbox().change], lambda: None, _js='x')").made
    assert (made["js"], made["api_visibility"]) == ("x", "private")


def test_events_of_others_are_as_public_as_they_say(taught: Any) -> None:
    with gr.Blocks():
        made = run("made = gr.Button().click(lambda: None)", Path("/somewhere/else.py"), {"gr": gr}).made
    assert made["api_visibility"] == "public"


def test_a_page_asks_again_every_so_many_seconds(say: Say) -> None:
    found = say("demo.load(lambda: 1, outputs=[gr.Number()], every=3); found = list(demo.blocks.values())").found
    assert [(block.value, block.active) for block in found if isinstance(block, gr.Timer)] == [(3, True)]


def test_a_button_asks_again_every_so_many_seconds_once_it_was_clicked(say: Say) -> None:
    found = say("gr.Button().click(lambda: 1, None, [gr.Number()], every=2); found = list(demo.blocks.values())").found
    assert [(block.value, block.active) for block in found if isinstance(block, gr.Timer)] == [(2, False)]


PAGES = [
    "gr.Blocks(analytics_enabled=False, mode='x')",
    "gr.Blocks(variant='compact')",
    "demo.queue(concurrency_count=3)",
    "demo.queue(status=1)",
]


@pytest.mark.parametrize("text", PAGES)
def test_a_page_of_its_own_is_made_in_old_words(say: Say, text: str) -> None:
    assert isinstance(say(f"made = {text}").made, gr.Blocks)


def test_the_events_of_a_page_are_a_list_of_tables_again(say: Say) -> None:
    text = """
button, box = gr.Button(), gr.Textbox()
button.click(fn=lambda text: text, _js="x => x", inputs=[box], outputs=[box])
made = demo.dependencies
"""
    said = say(text)
    (event,) = said.made
    assert event["targets"] == [(said.button._id, "click")]
    assert (event["inputs"], event["outputs"], event["js"]) == ([said.box._id], [said.box._id], "x => x")


NAMES = [
    "gr.components.IOComponent",
    "gr.deprecation.GradioDeprecationWarning",
    "gr.documentation.document",
    "gr.processing_utils.encode_pil_to_base64",
    "gr.context.Context.root_block",
    "gr.routes.App",
    "gr.routes.templates",
    "gr.components.Form",
    "gr.layouts.Box",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_gradio_had_is_there(say: Say, name: str) -> None:
    say(f"made = {name}")


def test_modules_that_gradio_had_can_be_imported(say: Say) -> None:
    assert issubclass(say("from gradio.deprecation import GradioDeprecationWarning as made").made, Warning)


def test_a_picture_goes_through_text_and_back(say: Say) -> None:
    picture = Image.new("RGB", (4, 4), "red")
    said = say("u = gr.processing_utils; made = u.decode_base64_to_image(u.encode_pil_to_base64(it))", it=picture)
    assert said.made.tobytes() == picture.tobytes()


def painted(say: Say, text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the function of an event gets of a red picture, painted blue in its left half."""
    made = say(f"made = {text}").made
    layer = Image.new("RGBA", (8, 8))
    layer.paste((0, 0, 255, 255), (0, 0, 4, 8))
    red = Image.new("RGBA", (8, 8), "red")
    value = {"background": red, "layers": [layer], "composite": Image.alpha_composite(red, layer)}
    monkeypatch.setattr(gr.ImageMask, "preprocess", lambda self, payload: value)
    return made.preprocess(object())


def test_a_sketch_is_handed_on_as_a_picture_and_its_mask(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    got = painted(say, "gr.Image(source='upload', tool='sketch', type='pil', brush_radius=20)", monkeypatch)
    assert [got["image"].getpixel((0, 0)), got["mask"].getpixel((0, 0))] == [(255, 0, 0), (255, 255, 255)]
    assert got["mask"].getpixel((7, 0)) == (0, 0, 0)


def test_a_sketch_may_be_numbers(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    got = painted(say, "gr.Image(tool='sketch', type='numpy')", monkeypatch)
    assert got["mask"].shape == got["image"].shape == (8, 8, 3)


def test_a_sketch_in_colours_is_one_picture(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    got = painted(say, "gr.Image(tool='color-sketch', type='pil')", monkeypatch)
    assert [got.getpixel((0, 0)), got.getpixel((7, 0))] == [(0, 0, 255), (255, 0, 0)]


def test_a_sketch_takes_the_value_that_it_gives(say: Say) -> None:
    made = say("made = gr.Image(tool='sketch', type='pil')").made
    assert made.postprocess({"image": Image.new("RGB", (4, 4)), "mask": None}).background.path.endswith(".png")


def test_a_choice_that_was_not_offered_is_handed_on(say: Say) -> None:
    assert say("made = gr.Dropdown(['a'])").made.preprocess("b") == "b"
    with pytest.raises(gr.Error):
        gr.Dropdown(["a"]).preprocess("b")


def test_an_update_makes_the_component_anew_and_it_stays_an_extensions(say: Say, taught: Any) -> None:
    made = say("made = gr.Textbox(elem_id='x', tooltip='y')").made
    session = SessionState(say("").demo)
    session[made._id] = anew = gr.Textbox(elem_id="x", visible=False, render=False)
    assert (taught.speakers.made(anew), anew.visible) == (True, "hidden")


MIXED = """
with gr.Tabs() as tabs:
    said = gr.Textbox(visible=False)
    kept = gr.State(0)
    with gr.Tab("First"):
        gr.Textbox()
    with gr.Tab("Second"):
        gr.Textbox()
"""


def test_what_stands_among_tabs_and_is_none_is_put_before_them(say: Say) -> None:
    made = say(MIXED)
    assert [type(child).__name__ for child in made.tabs.children] == ["Tab", "Tab"]
    assert made.demo.children == [made.said, made.kept, made.tabs]
    assert made.kept.parent is made.demo


def test_tabs_without_a_tab_are_what_stands_in_them(say: Say, taught: Any) -> None:
    made = say("with gr.Tabs() as tabs:\n    with gr.Column() as column:\n        gr.Textbox()")
    assert made.demo.children == [made.column]
    assert made.tabs._id not in made.demo.blocks


@pytest.mark.filterwarnings("ignore:gr.Tabs")
def test_tabs_of_others_hold_what_they_hold(taught: Any) -> None:
    with gr.Blocks(), gr.Tabs() as tabs:
        said = gr.State()
    assert tabs.children == [said]


@pytest.mark.parametrize(("seen", "classes"), [(True, ["own"]), (False, ["own", "aq-unseen"])])
def test_a_layout_that_is_not_visible_is_on_the_page_out_of_sight(say: Say, seen: bool, classes: list[str]) -> None:
    row = say("made = gr.Row(visible=False, elem_classes='own')").made
    row.visible = seen
    update = gr.blocks.postprocess_update_dict(row, {"visible": seen})
    assert (update["visible"], update["elem_classes"]) == (True, classes)


def test_layouts_of_others_are_shown_and_hidden_as_ever(taught: Any) -> None:
    with gr.Blocks():
        row = gr.Row(visible=False)
    assert gr.blocks.postprocess_update_dict(row, {"visible": False}) == {"__type__": "update", "visible": False}


def test_every_component_is_announced_before_and_after(say: Say, listener: Listener) -> None:
    say("gr.Slider(0, 1, label='x', elem_id='y')")
    heard = [(moment, name, given["elem_id"], given["label"]) for moment, name, given in listener.heard]
    assert heard == [("before", "Slider", "y", "x"), ("after", "Slider", "y", "x")]


def test_an_elem_id_that_is_taken_is_replaced_for_extensions_alone(say: Say, taught: Any) -> None:
    assert say("made = gr.Textbox(elem_id='taken')").made.elem_id == "free"
    assert gr.Textbox(elem_id="taken").elem_id == "taken"


def test_components_of_others_and_layouts_are_announced_too(taught: Any, listener: Listener) -> None:
    with gr.Blocks(), gr.Row(elem_id="row"):
        gr.Textbox()
    assert [name for moment, name, _ in listener.heard if moment == "after"] == ["Row", "Textbox", "Form"]


def test_components_that_no_page_holds_are_not_announced(taught: Any, listener: Listener) -> None:
    gr.Textbox()
    assert listener.heard == []


def everything() -> dict[str, Any]:
    """All that could be changed: the attributes of every class and module of Gradio that has to do with it."""
    kinds = [Block, *word("bridge.gradio_words.kinds").kinds_of(Block)]
    places = [*kinds, *(module for name, module in sys.modules.items() if name.partition(".")[0] == "gradio")]
    others = [gr.events.EventListener, gr.component_meta.ComponentMeta, SessionState]
    lazy = {"__doc__", "__warningregistry__", "__abstractmethods__", "_abc_impl"}
    return {
        f"{place.__name__}.{name}": id(member)
        for place in [*places, *others]
        for name, member in list(vars(place).items())
        if name not in lazy and not inspect.ismodule(member)
    }


def test_afterwards_gradio_is_as_it_was() -> None:
    install = word("bridge.gradio_words.install").install
    install([FOLDER]).remove()  # what is imported on the way is there now
    before = everything()
    taught = install([FOLDER])
    during = everything()
    taught.remove()
    assert len([name for name, member in during.items() if before.get(name) != member]) > 200
    assert everything() == before


def config(app: App) -> list[Any]:
    """The page's components and events, numbered from nought."""
    demo = build_pages(app)
    shown = demo.get_config_file()
    first = min(part["id"] for part in shown["components"])
    parts = [
        (part["id"] - first, part["type"], {**part["props"], "server_fns": None, "share_token": None})
        for part in shown["components"]
    ]
    events = [(event["js"], event["api_visibility"], event["show_progress"]) for event in shown["dependencies"]]
    return [parts, events]


def test_our_own_page_is_the_same_while_gradio_is_taught(studio: App, taught: Any) -> None:
    during = config(studio)
    taught.remove()
    assert during == config(studio)


DERIVED = """
class Own(gr.Button):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
class OwnArea(gr.TextArea):
    pass
button, area = Own(value="x", elem_id="y"), OwnArea(label="z")
"""


def test_a_derived_class_is_sent_to_the_page_as_what_it_derives_from(say: Say) -> None:
    said = say(DERIVED)
    config = said.button.get_config()
    assert (config["value"], config["elem_id"], said.button.get_block_name()) == ("x", "y", "button")
    assert (said.area.get_config()["label"], said.area.get_block_name()) == ("z", "textbox")


def test_a_class_that_insists_on_a_value_can_be_updated(say: Say) -> None:
    text = (
        "class Own(gr.Number):\n    def __init__(self, value, **kwargs):\n        super().__init__(value, **kwargs)\n"
    )
    kind = say(text).Own

    def postprocess_data() -> Any:  # as Gradio's own function, which makes components anew
        return kind(render=False)

    postprocess_data.__code__ = postprocess_data.__code__.replace(co_filename=gr.blocks.__file__)
    assert postprocess_data().value is None


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        ("task(abc)", "task(abc)"),
        (3, 3),
        (["a"], "['a']"),
        ({"label": "x", "confidences": [{"label": "x", "confidence": 0.5}]}, {"x": 0.5}),
    ],
)
def test_what_a_script_puts_in_a_labels_place_reaches_the_function(say: Say, sent: object, got: object) -> None:
    made = say("made = gr.Label(visible=False)").made
    assert made.preprocess(made.data_model.model_validate(sent, context={"validate_meta": True})) == got


def test_a_label_of_gradios_own_takes_labels_alone(taught: Any) -> None:
    with gr.Blocks(), pytest.raises(ValueError, match="LabelData"):
        gr.Label().data_model.model_validate("task(abc)")
