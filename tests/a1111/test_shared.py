"""`modules.shared` and what it is made of: options, flags, folders, the state of the job, the model, styles."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from modules.studio.app import App
from modules.studio.job import Job
from modules.studio.request import Txt2Img
from modules.studio.settings import Options
from tests.a1111.words import word


@pytest.fixture
def job(studio: App) -> Job:
    """A job that this thread works on."""
    request = Txt2Img(prompt="red heart")
    job = Job("abc", "local", request, studio.settings.options)
    word("bridge.host").host.job = job
    return job


# Folders and flags


def test_paths_are_those_of_the_studio(studio: App) -> None:
    paths = word("paths")
    assert paths.data_path == str(studio.folders.data)
    assert paths.models_path == word("paths_internal").models_path == str(studio.folders.models)
    assert paths.extensions_dir == str(studio.folders.data / "extensions")
    assert Path(paths.script_path, "webui.py").is_file()
    assert Path(paths.extensions_builtin_dir).is_dir()
    with pytest.raises(AttributeError, match="has no nothing"):
        _ = paths.nothing


def test_flags_are_read_by_their_names_ours_first(studio: App) -> None:
    flags = word("shared").cmd_opts
    assert flags.no_half is True
    assert flags.lora_dir == str(studio.folders.lora)
    assert flags.ckpt_dir is None
    assert flags.ui_settings_file == str(studio.folders.config)
    assert flags.share is False
    assert flags.gradio_allowed_path == []
    assert flags.ngrok is None
    assert not hasattr(flags, "agent_scheduler_sqlite_file")


def test_flags_that_extensions_add_are_there_and_ours_stay_what_they_are(studio: App) -> None:
    flags = word("shared_cmd_options").CommandLine()
    flags.take(argparse.Namespace(their_flag="x", no_half=False))
    assert flags.their_flag == "x"
    assert flags.no_half is True
    assert "their_flag" in flags


def test_folders_that_nobody_named_are_where_they_would_be(studio: App) -> None:
    shared = word("shared")
    assert shared.cmd_opts.lyco_dir == shared.cmd_opts.lyco_dir_backcompat == str(studio.folders.models / "LyCORIS")
    assert dict(shared.opts.data.items())["outdir_save"] == shared.opts.outdir_save
    assert Path(shared.opts.outdir_save).is_relative_to(studio.folders.data)


def test_a_mutable_default_of_a_flag_is_nobodys_to_change(studio: App) -> None:
    word("shared").cmd_opts.gradio_allowed_path.append("/")
    assert word("shared").cmd_opts.gradio_allowed_path == []


# Options


def test_every_option_of_the_host_that_extensions_read_has_a_value(studio: App) -> None:
    opts = word("shared").opts
    keys = (Path(__file__).parents[1] / "data/a1111_option_keys.txt").read_text().split()
    assert len(keys) > 60
    assert [key for key in keys if not hasattr(opts, key)] == []
    assert opts.outdir_txt2img_samples == str(studio.folders.data / "outputs/txt2img-images")
    assert opts.sd_model_checkpoint.startswith("starter")


def test_whoever_looks_through_the_declarations_finds_a_section_in_each(studio: App) -> None:
    labels = word("shared").opts.data_labels
    assert {name for name, info in labels.items() if len(info.section) != 2} == set()


def test_an_option_that_nobody_knows_is_no_attribute(studio: App) -> None:
    opts = word("shared").opts
    assert getattr(opts, "nobodys_option", 5) == 5
    assert "nobodys_option" not in opts.data
    assert opts.data.get("nobodys_option", 6) == 6


def test_an_extensions_option_is_declared_read_set_and_kept(open_bound: Callable[..., App]) -> None:
    app = open_bound()
    shared = word("shared")
    info = shared.OptionInfo(4, "How many", section=("theirs", "Theirs")).info("a remark").needs_restart()
    shared.opts.add_option(key="their_count", info=info)
    assert shared.opts.their_count == 4
    assert shared.opts.set("their_count", 9)
    assert not shared.opts.set("their_count", 9)
    assert not shared.opts.set("their_count", "many")
    assert shared.opts.data["their_count"] == 9
    assert app.settings.declared["their_count"].title == "Theirs"
    assert json.loads(app.folders.config.read_text())["their_count"] == 9
    assert "a remark" in json.loads(shared.opts.dumpjson())["_comments_after"]["their_count"]


def test_remarks_are_chained() -> None:
    info = word("options").OptionInfo(True, "On").link("wiki", "https://example.org").js("do", "f").html("<b>x</b>")
    assert "https://example.org" in info.needs_reload_ui().comment_before
    assert "f()" in info.comment_before
    assert info.comment_after == '<b>x</b> <span class="info">(requires Reload UI)</span>'


def test_a_section_is_told_to_its_options() -> None:
    options = word("options")
    infos = options.options_section(("id", "Title", "category"), {"a": options.OptionInfo(1), "b": options.OptionDiv()})
    assert {info.section for info in infos.values()} == {("id", "Title")}
    assert infos["a"].category_id == "category"
    assert infos["b"].do_not_save


def test_a_change_is_heard_and_what_a_listener_raises_stops_nobody(studio: App) -> None:
    opts = word("shared").opts
    heard: list[Any] = []
    opts.onchange("samples_format", lambda: 1 / 0, call=False)
    opts.onchange("samples_format", lambda: heard.append(opts.samples_format), call=False)
    studio.settings.change({"samples_format": "webp"})
    assert heard == ["webp"]


def test_the_data_is_a_dictionary_that_json_can_write(studio: App) -> None:
    data = word("shared").opts.data
    told = json.loads(json.dumps(data))
    assert told["samples_format"] == "png"
    assert dict(data)["face_restoration_model"] == "CodeFormer"
    data.update({"samples_format": "jpg"})
    assert studio.settings.options.samples_format == "jpg"


def test_inside_a_job_its_frozen_options_are_read_and_only_it_is_changed(studio: App, job: Job) -> None:
    opts = word("shared").opts
    studio.settings.change({"samples_format": "webp"})
    assert opts.samples_format == "png"
    opts.CLIP_stop_at_last_layers = 2
    assert job.options.CLIP_stop_at_last_layers == 2
    assert studio.settings.options.CLIP_stop_at_last_layers == 1
    elsewhere: list[Any] = []
    thread = threading.Thread(target=lambda: elsewhere.extend([opts.samples_format, opts.CLIP_stop_at_last_layers]))
    thread.start()
    thread.join()
    assert elsewhere == ["webp", 1]


def test_an_option_cannot_be_assigned_what_it_cannot_be(studio: App, job: Job) -> None:
    opts = word("shared").opts
    with pytest.raises(word("bridge.opts").OptionError, match="CLIP_stop_at_last_layers"):
        opts.CLIP_stop_at_last_layers = 99
    assert job.options == Options()


def test_a_key_of_nobody_is_kept_in_the_file(studio: App) -> None:
    opts = word("shared").opts
    opts.data["their_key"] = [1, 2]
    opts.save(word("shared").config_filename)
    assert json.loads(studio.folders.config.read_text())["their_key"] == [1, 2]
    assert opts.their_key == [1, 2]


# The state


def test_the_state_is_the_jobs(studio: App, job: Job) -> None:
    state = word("shared").state
    job.report(step=3, steps=20, batch=1, batches=4, stage="sampling")
    assert (state.sampling_step, state.sampling_steps, state.job_no, state.job_count) == (3, 20, 1, 4)
    assert state.job == "Batch 2 out of 4"
    assert state.dict()["job_count"] == 4
    state.textinfo = "looking for faces"
    assert job.progress.stage == "looking for faces"


def test_interrupting_the_state_ends_the_job_and_skipping_its_batch(studio: App, job: Job) -> None:
    state = word("shared").state
    assert not state.interrupted
    state.interrupt()
    assert (job.interrupted, job.skipped) == (True, False)
    state.skip()
    assert state.skipped
    state.interrupted = False
    assert not job.interrupted


def test_what_is_written_into_the_state_is_read_until_the_next_job(studio: App, job: Job) -> None:
    state = word("shared").state
    state.begin("theirs")
    state.job_count = 7
    state.nextjob()
    assert (state.job, state.job_count, state.job_no) == ("theirs", 7, 1)
    state.end()
    assert state.job_count == 1
    state.job_count = 7
    word("bridge.host").host.job = None
    assert state.job_count == 0
    with pytest.raises(AttributeError, match="state has no such_thing"):
        _ = state.such_thing


def test_a_picture_given_to_the_state_is_the_jobs_preview(studio: App, job: Job) -> None:
    state = word("shared").state
    state.assign_current_image(Image.new("RGB", (8, 8), "red"))
    assert job.progress.preview is not None
    assert job.progress.preview.startswith(b"\xff\xd8")
    assert job.progress.preview_id == 1
    assert state.current_image.size == (8, 8)


def test_a_command_for_the_server_is_waited_for() -> None:
    state = word("shared_state").State()
    threading.Timer(0.01, state.request_restart).start()
    assert state.wait_for_server_command(10) == "restart"
    assert state.wait_for_server_command(0) is None


# The model


def test_the_models_facts_need_no_job(studio: App) -> None:
    model = word("shared").sd_model
    assert model
    assert (model.is_sd1, model.is_sd2, model.is_sdxl, model.is_sd3).count(True) == 1
    assert model.sd_checkpoint_info.name_for_extra == "starter"
    assert model.sd_model_hash == model.sd_checkpoint_info.sha256[:10]
    assert model.cond_stage_model.tokenize(["a red heart"]) == [[320, 736, 1936]]
    assert model.cond_stage_model.get_prompt_lengths("a red heart") == (3, 75)


def test_the_models_networks_are_there_inside_a_job(studio: App) -> None:
    host, model = word("bridge.host").host, word("shared").sd_model
    with pytest.raises(word("bridge.missing").NotHereError, match="outside a job no model is leased"):
        model.state_dict()
    with studio.store.lease("starter") as leased:
        host.model = leased
        assert model.state_dict().keys() == leased.unet.state_dict().keys()
        latents = model.encode_first_stage(word("devices").randn(1, (1, 3, 64, 64)).clamp(-1, 1))
        assert model.decode_first_stage(latents).shape == (1, 3, 64, 64)
        said = model.get_learned_conditioning(["a", "a " * 100])
        assert said.shape[:2] == (2, 154)
        assert torch.equal(model.cond_stage_model_empty_prompt, model.get_learned_conditioning([""]))


def test_prompts_are_read_by_p_as_the_parser_reads_them(studio: App) -> None:
    processing, parser = word("processing"), word("prompt_parser")
    p = processing.StableDiffusionProcessingTxt2Img(prompt="red heart")
    cache = [None, None]
    with studio.store.lease("starter") as leased:
        word("bridge.host").host.model = leased
        said = p.get_conds_with_caching(parser.get_learned_conditioning, ["[red:blue:0.5] heart"], 4, [cache])
        (plain,) = parser.get_learned_conditioning(p.sd_model, ["[red:blue:0.5] heart"], 4)
    assert [each.end_at_step for each in said[0]] == [each.end_at_step for each in plain] == [2, 4]
    assert torch.equal(said[0][1].cond, plain[1].cond)
    assert cache == [p.cached_params(["[red:blue:0.5] heart"], 4, None), said]
    assert p.cached_params("a") != p.cached_params("b")


def test_ldms_insides_say_what_replaces_them(studio: App) -> None:
    model = word("shared").sd_model
    assert not model.forge_objects
    with pytest.raises(word("bridge.missing").NotHereError, match=r"forge_objects\.unet .*built in"):
        _ = model.forge_objects.unet
    with pytest.raises(word("bridge.missing").NotHereError, match="text encoders are transformers'"):
        model.cond_stage_model.encode("x")
    assert not hasattr(model, "some_attribute_of_an_extension")


# The rest


def test_styles_are_applied_and_recognised(studio: App) -> None:
    studio.styles.save("Theirs", "{prompt}, oil painting", "blurry")
    styles = word("shared").prompt_styles
    assert styles.styles["Theirs"].prompt == "{prompt}, oil painting"
    assert styles.apply_styles_to_prompt("cat", ["Theirs", "none such"]) == "cat, oil painting"
    assert styles.apply_negative_styles_to_prompt("ugly", ["Theirs"]) == "ugly, blurry"
    assert styles.get_style_prompts(["Theirs", "none such"]) == ["{prompt}, oil painting", ""]
    assert styles.extract_styles_from_prompt("cat, oil painting", "ugly, blurry") == (["Theirs"], "cat", "ugly")


def test_lists_are_the_studios(studio: App) -> None:
    shared, items = word("shared"), word("shared_items")
    assert shared.list_checkpoint_tiles() == [studio.store.checkpoints[0].title]
    assert items.sd_vae_items() == ["Automatic", "None"]
    assert "Latent" in shared.latent_upscale_modes
    assert shared.device == studio.hardware.device
    assert shared.styles_filename == str(studio.folders.styles[0])
    assert shared.hypernetworks == {}
    assert shared.models_path == str(studio.folders.models)
    shared.refresh_checkpoints()


def test_what_describes_pictures_says_what_is_missing() -> None:
    interrogate = word("interrogate")
    with pytest.raises(interrogate.InterrogateError, match="tagger"):
        word("shared").interrogator.interrogate(Image.new("RGB", (8, 8)))
    word("shared").interrogator.unload()


def test_files_are_walked_without_hidden_ones_in_a_persons_order(tmp_path: Path) -> None:
    shared = word("shared")
    for name in ("a10.txt", "a9.txt", ".hidden.txt", "b.png", ".git/c.txt", "sub/d.TXT"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [Path(path).relative_to(tmp_path).as_posix() for path in shared.walk_files(str(tmp_path), [".txt"])]
    assert found == [".hidden.txt", "a9.txt", "a10.txt", "sub/d.TXT"]
    assert [Path(path).name for path in shared.listfiles(str(tmp_path))] == ["a9.txt", "a10.txt", "b.png"]
