"""Components, buttons, cards, the API's words, queue and progress, and what A1111's start is made of."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from modules.studio.app import App
from tests.a1111.words import word


def test_components_are_gradios_with_their_classes() -> None:
    components = word("ui_components")
    with gr.Blocks():
        button = components.ToolButton(value="x", elem_id="theirs", tooltip="what it does")
        with components.FormRow(), components.FormColumn(), components.FormGroup():
            many = components.DropdownMulti(choices=["a", "b"], value=["a"])
            free = components.DropdownEditable(choices=["a"])
    assert isinstance(button, gr.Button)
    assert "tool" in button.elem_classes
    assert many.multiselect
    assert free.allow_custom_value
    assert not list(Path("modules/a1111").glob("*.pyi"))


def test_an_accordion_with_a_checkbox_holds_what_is_put_into_it() -> None:
    with gr.Blocks(), word("ui_components").InputAccordion(False, label="Theirs", elem_id="theirs") as enabled:
        inside = gr.Slider(label="inside")
    assert isinstance(enabled, gr.Checkbox)
    assert (enabled.accordion.elem_id, enabled.elem_id) == ("theirs", "theirs-checkbox")
    assert inside.parent is enabled.accordion or inside.parent.parent is enabled.accordion


def test_what_a_factor_makes_of_a_size_is_told() -> None:
    tell = word("ui").resize_from_to_html
    numbers = "from <span class='resolution'>512x640</span> to <span class='resolution'>768x960</span>"
    assert tell(512, 640, 1.5) == f"resize: {numbers}"
    assert tell(0, 0, 1.5) == "no image selected"


def test_an_extensions_option_is_a_component_of_its_kind(studio: App) -> None:
    shared, settings = word("shared"), word("ui_settings")
    rows = {
        "t_on": shared.OptionInfo(True, "On"),
        "t_text": shared.OptionInfo("x", "Text").info("a remark"),
        "t_number": shared.OptionInfo(3, "Number"),
        "t_slider": shared.OptionInfo(0.5, "Slider", gr.Slider, {"minimum": 0, "maximum": 1}),
        "t_choice": shared.OptionInfo(
            "a", "Choice", gr.Dropdown, lambda: {"choices": ["a", "b"]}, refresh=lambda: None
        ),
        "t_html": word("options").OptionHTML("<b>text</b>"),
    }
    for key, info in shared.options_section(("theirs", "Theirs"), rows).items():
        shared.opts.add_option(key, info)
    with gr.Blocks():
        made = {key: settings.create_setting_component(key) for key in rows}
    kinds = [gr.Checkbox, gr.Textbox, gr.Number, gr.Slider, gr.Dropdown, gr.HTML]
    assert [isinstance(component, kind) for component, kind in zip(made.values(), kinds, strict=True)] == [True] * 6
    assert {made[key].elem_id for key in made} == {f"setting_{key}" for key in rows}
    assert made["t_choice"].choices == [("a", "a"), ("b", "b")]
    assert all(row.make is not None for row in studio.settings.declared.values())


@pytest.fixture
def pasting() -> Iterator[Any]:
    """The registered buttons, forgotten afterwards."""
    utils = word("infotext_utils")
    utils.reset()
    yield utils
    utils.reset()


def test_buttons_that_send_on_are_joined_once_the_tabs_are_there(pasting: Any) -> None:
    with gr.Blocks() as page:
        prompt, steps, image = gr.Textbox(""), gr.Slider(0, 10, value=5), gr.Image()
        buttons = pasting.create_buttons(["img2img", "nowhere"])
        pasting.bind_buttons(buttons, gr.Gallery(), gr.Textbox())
        pasting.add_paste_fields("img2img", image, [(prompt, "Prompt"), (steps, "Steps")])
        before = len(page.fns)
        pasting.connect_paste_params_buttons()
    assert len(page.fns) - before == 3
    assert word("ui").img2img_paste_fields == [(prompt, "Prompt"), (steps, "Steps")]
    assert word("ui").txt2img_paste_fields == []
    params = {"Prompt": "a cat", "Steps": "7"}
    assert pasting._pasted(prompt, "Prompt", params)["value"] == "a cat"
    assert pasting._pasted(steps, "Steps", params)["value"] == 7
    assert pasting._pasted(steps, lambda found: int(found["Steps"]) + 1, params)["value"] == 8


def test_small_functions_of_the_page(studio: App) -> None:
    ui, common = word("ui"), word("ui_common")
    assert ui.gr_show(False) == {"visible": False, "__type__": "update"}
    assert ui.plaintext_to_html("<b>\nx") == "<p>&lt;b&gt;<br>\nx</p>"
    assert common.plaintext_to_html("x", classname="c") == '<p class="c">x</p>'
    assert "1024x1024" in ui.calc_resolution_hires(True, 512, 512, 2, 0, 0)
    assert ui.calc_resolution_hires(False, 512, 512, 2, 0, 0) == ""
    assert ">2/75<" in ui.update_token_counter("red heart", 20)
    infos = json.dumps({"infotexts": ["one", "two"]})
    assert common.update_generation_info(infos, "before", 1)[0] == "<p>two</p>"
    assert common.update_generation_info("", "before", 1)[0] == "before"
    studio.styles.save("Theirs", "{prompt}, oil", "ugly")
    assert ui.apply_styles("cat", "", ["Theirs"])[0]["value"] == "cat, oil"
    assert word("ui_prompt_styles").select_style("Theirs")[:2] == ("{prompt}, oil", "ugly")


def test_a_refresh_button_shows_what_it_found() -> None:
    found: list[str] = ["a"]
    with gr.Blocks() as page:
        choice = gr.Dropdown(found)
        word("ui").create_refresh_button(choice, lambda: found.append("b"), lambda: {"choices": found}, "refresh")
    (event,) = page.fns.values()
    assert event.fn is not None
    assert event.fn()["choices"] == ["a", "b"]


def test_an_output_panel_is_a_gallery_and_what_belongs_to_it(pasting: Any) -> None:
    with gr.Blocks() as page:
        panel = word("ui").create_output_panel("theirs", "outputs")
    assert panel.gallery.elem_id == "theirs_gallery"
    assert "theirs_open_folder" in [block.elem_id for block in page.blocks.values()]
    assert len(pasting.registered_param_bindings) == 3


def test_cards_are_listed_by_pages(studio: App) -> None:
    cards = word("ui_extra_networks")
    (studio.folders.embeddings / "fine.txt").write_text("about it")
    cards.initialize()
    cards.register_default_pages()
    (checkpoints,) = (page for page in cards.extra_pages if page.name == "checkpoints")
    (card,) = checkpoints.list_items()
    assert (card["name"], card["preview"]) == ("starter", None)
    assert "starter" in checkpoints.create_html("txt2img")
    assert checkpoints.create_item("starter", 0) == card
    assert checkpoints.create_item("none such") is None
    assert cards.ExtraNetworksPage("Theirs").find_description(str(studio.folders.embeddings / "fine")) == "about it"
    cards.initialize()
    assert cards.extra_pages == []


def test_files_are_looked_for_once_for_all_cards() -> None:
    looked: list[int] = []

    class Three(word("bridge.file_cards").FileCards):  # type: ignore[misc]
        def files(self) -> dict[str, str]:
            looked.append(1)
            return {name: f"/nowhere/{name}.pt" for name in "abc"}

        def on_click(self, name: str) -> dict[str, str]:
            return {"prompt": name}

    found = [(card["name"], card["prompt"], card["sort_keys"]["default"]) for card in Three("Three").list_items()]
    assert found == [("a", "a", 0), ("b", "b", 1), ("c", "c", 2)]
    assert len(looked) == 1


def test_embeddings_are_told_by_the_hijack_that_is_none(studio: App) -> None:
    hijack = word("sd_hijack").model_hijack
    assert hijack.embedding_db.word_embeddings == {}
    assert hijack.embedding_db.skipped_embeddings == {}
    assert hijack.get_prompt_lengths("red heart") == (2, 75)
    hijack.embedding_db.load_textual_inversion_embeddings(force_reload=True)
    with pytest.raises(word("bridge.missing").NotHereError, match="not trained here"):
        word("textual_inversion.textual_inversion").train_embedding()
    assert word("hypernetworks.hypernetwork").list_hypernetworks(str(studio.folders.hypernetworks)) == {}


def test_pictures_of_the_api_are_base64(studio: App) -> None:
    api = word("api.api")
    picture = Image.new("RGB", (3, 2), "red")
    picture.info["parameters"] = "a cat"
    sent = api.encode_pil_to_base64(picture).decode()
    back = api.decode_base64_to_image(f"data:image/png;base64,{sent}")
    assert (back.size, back.info["parameters"]) == ((3, 2), "a cat")
    for wrong in ("!!!", "http://example.org/x.png", base64.b64encode(b"no picture").decode()):
        with pytest.raises(Exception, match="500"):
            api.decode_base64_to_image(wrong)
    assert api.validate_sampler_name("k_euler") == "Euler"
    with pytest.raises(Exception, match="404"):
        api.validate_sampler_name("none such")
    assert api.Api(SimpleNamespace()).get_sd_models()[0]["model_name"] == "starter"


def test_the_apis_models_keep_what_extensions_add() -> None:
    models = word("api.models")
    payload = models.StableDiffusionTxt2ImgProcessingAPI(prompt="x", their_field=3)
    assert payload.model_dump()["their_field"] == 3
    assert models.StableDiffusionImg2ImgProcessingAPI().denoising_strength == 0.75


def test_the_queues_lock_is_given_in_order_and_again_to_whoever_has_it() -> None:
    lock = word("fifo_lock").FIFOLock()
    order: list[int] = []

    def take(number: int) -> None:
        with lock:
            order.append(number)

    with lock, lock:
        threads = [threading.Thread(target=take, args=[number]) for number in range(3)]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while len(lock._waiting) < number:
                pass
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2]
    assert not lock.locked()
    with pytest.raises(RuntimeError):
        lock.release()


def test_what_a_button_raises_is_shown_and_its_task_is_over(studio: App) -> None:
    queue, progress = word("call_queue"), word("progress")
    task = progress.create_task_id("theirs")
    during: list[Any] = []

    def work(id_task: str, number: int) -> tuple[str, str]:
        during.append(progress.progressapi(progress.ProgressRequest(id_task=id_task)).active)
        return f"made {1 // number}", ""

    wrapped = queue.wrap_gradio_gpu_call(work, extra_outputs=[None])
    assert wrapped(task, 1)[0] == "made 1"
    assert during == [True]
    assert progress.restore_progress(task) == ("made 1", "")
    assert progress.progressapi(progress.ProgressRequest(id_task=task)).completed
    said = wrapped(task, 0)
    assert said[0] is None
    assert "ZeroDivisionError" in said[-1]
    assert queue.wrap_queued_call(lambda: 5)() == 5
    assert progress.current_task is None


def test_parameters_of_a_picture_are_shown(studio: App) -> None:
    picture = Image.new("RGB", (3, 2))
    picture.info["parameters"] = "a <cat>"
    assert word("extras").run_pnginfo(picture)[1] == "a <cat>"
    assert "a &lt;cat&gt;" in word("extras").run_pnginfo(picture)[2]
    assert word("extras").run_pnginfo(None) == ("", "", "")
    assert "starter" in word("extras").read_metadata("starter", "", "none such")


def test_a_file_that_is_not_there_is_not_fetched(studio: App, tmp_path: Path, no_network: None) -> None:
    loader = word("modelloader")
    (tmp_path / "x.pth").write_bytes(b"x")
    (tmp_path / "note.txt").write_bytes(b"x")
    assert loader.load_file_from_url("https://example.org/x.pth?a=b", model_dir=str(tmp_path)) == str(
        tmp_path / "x.pth"
    )
    with pytest.raises(loader.DownloadRefusedError, match=r"y\.pth is not there.*example\.org/y\.pth"):
        loader.load_file_from_url("https://example.org/y.pth", model_dir=str(tmp_path))
    assert loader.load_models(str(tmp_path)) == [str(tmp_path / "x.pth")]
    assert loader.friendly_name("https://example.org/a/fine.pth?x=1") == loader.friendly_name("/a/fine.pth") == "fine"


def test_words_in_another_language_are_read_and_broken_files_left_out(studio: App) -> None:
    folder = studio.folders.data / "localizations"
    folder.mkdir()
    (folder / "nl.json").write_text('{"Generate": "Maken"}')
    (folder / "xx.json").write_text("{")
    localization = word("localization")
    assert localization.table("nl") == {"Generate": "Maken"}
    assert localization.table("xx") == localization.table() == {}
    assert "Maken" in localization.localization_js("nl")


def test_patches_are_put_back() -> None:
    patches = word("patches")

    class Place:
        x = 1

    assert patches.patch("theirs", Place, "x", 2) == 1
    assert (Place.x, patches.original("theirs", Place, "x")) == (2, 1)
    with pytest.raises(RuntimeError):
        patches.patch("theirs", Place, "x", 3)
    patches.undo("theirs", Place, "x")
    assert Place.x == 1
    with pytest.raises(RuntimeError):
        patches.undo("theirs", Place, "x")


def test_a_timer_tells_what_took_how_long() -> None:
    timer = word("timer").Timer()
    with timer.subcategory("part"):
        pass
    timer.record("whole")
    assert set(timer.dump()["records"]) == {"part", "whole"}
    assert timer.summary().endswith("s")


def test_what_is_installed_is_told_from_what_is_not(tmp_path: Path) -> None:
    utils = word("launch_utils")
    (tmp_path / "requirements.txt").write_text("gradio  # ours\n\n-r other.txt\n")
    assert utils.requirements_met(str(tmp_path / "requirements.txt"))
    (tmp_path / "requirements.txt").write_text("gradio==1.0\n")
    assert not utils.requirements_met(str(tmp_path / "requirements.txt"))
    assert utils.is_installed("gradio")
    assert utils.check_run("exit 0")
    assert not utils.check_run("exit 1")


def test_pictures_saved_from_a_gallery_are_opened_whatever_gradio_sends(studio: App, tmp_path: Path) -> None:
    common, read = word("ui_common"), word("images").read
    picture = Image.new("RGB", (3, 2))
    picture.save(tmp_path / "x.png")
    file = io.BytesIO()
    picture.save(file, "PNG")
    sent = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    entries = [
        picture,
        str(tmp_path / "x.png"),
        (picture, "caption"),
        {"name": str(tmp_path / "x.png")},
        {"data": sent},
    ]
    assert [common._opened(entry, read).size for entry in entries] == [(3, 2)] * 5


def test_the_top_of_a_tab_of_an_extensions_is_made_piece_by_piece(studio: App) -> None:
    with gr.Blocks() as page:
        top = word("ui_toprow").Toprow(is_img2img=True, is_compact=True, id_part="mine")
        assert top.submit.parent is top.submit_box
        assert top.submit_box not in page.children
        with gr.Column() as inline:
            top.create_inline_toprow_prompts()
            top.create_inline_toprow_image()
    assert top.submit_box in inline.children
    ids = {block.elem_id for block in page.blocks.values()}
    assert {"mine_prompt", "mine_neg_prompt", "mine_generate", "mine_interrupt", "mine_skip", "mine_styles"} <= ids
    assert top.ui_styles.dropdown.multiselect


def test_the_top_of_a_tab_is_made_as_a_whole_and_its_buttons_do_what_they_say(studio: App) -> None:
    with gr.Blocks() as page:
        top = word("ui_toprow").Toprow(is_img2img=False, id_part="mine")
    assert page.children[0].elem_id == "mine_toprow"
    functions = {fn.targets[0]: fn.fn for fn in page.fns.values()}
    functions[top.skip._id, "click"]()
    functions[top.interrupt._id, "click"]()
    assert functions[top.clear_prompt_button._id, "click"]("a", "b") == ("a", "b")
    studio.styles.save("warm", "{prompt}, red", "")
    changed = functions[top.apply_styles._id, "click"]("a cat", "", ["warm"])
    assert changed[0]["value"] == "a cat, red"
    read = functions[top.prompt_img._id, "change"]
    assert read(b"a dog\nSteps: 4") == ("a dog\nSteps: 4", None)
