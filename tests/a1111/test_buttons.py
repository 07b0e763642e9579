"""What A1111's buttons call, made by our own engine: txt2img, img2img, a folder of pictures, Extras; Settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from modules.studio.app import App
from modules.studio.declared import Declared
from modules.web import option_widgets
from tests.a1111.words import word


def arguments(fields: tuple[str, ...], **values: Any) -> list[Any]:
    """A1111's arguments in their order; what is not named is blank."""
    given = {"prompt": "red heart", "negative_prompt": "", "styles": [], "n_iter": 1, "batch_size": 1, **values}
    given = {"cfg_scale": 4.0, "height": 64, "width": 64, "denoising_strength": 0.6, "resize_mode": 0, **given}
    return [given.get(name) for name in fields]


def test_txt2img_makes_a_picture_of_a1111s_arguments(open_extended: Callable[..., App]) -> None:
    open_extended("nested")
    txt2img = word("txt2img")
    hires = {"hr_scale": 2.0, "hr_second_pass_steps": 0, "hr_resize_x": 0, "hr_resize_y": 0, "hr_prompt": ""}
    given = arguments(txt2img.FIELDS, enable_hr=False, hr_negative_prompt="", **hires)
    p = txt2img.txt2img_create_processing("task(x)", SimpleNamespace(username="ann"), *given, ["Clip skip: 2"])
    assert (p.prompt, p.width, p.override_settings) == ("red heart", 64, {"CLIP_stop_at_last_layers": 2})
    p.steps, p.seed, p.scripts = 2, 7, None
    pictures, infos, info, _ = txt2img.finished(p)
    assert pictures[0].size == (64, 64)
    assert "Seed: 7" in info
    assert "Clip skip: 2" in infos


def test_a_folder_of_pictures_is_painted_over(open_extended: Callable[..., App], tmp_path: Path) -> None:
    open_extended("nested")
    source, into = tmp_path / "source", tmp_path / "into"
    source.mkdir()
    for name, color in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (64, 64), color).save(source / name)
    (source / "broken.png").write_bytes(b"no picture")
    p = word("processing").StableDiffusionProcessingImg2Img(
        prompt="red heart", steps=2, seed=7, width=64, height=64, cfg_scale=4.0, denoising_strength=0.5
    )
    p.scripts = None
    word("img2img").process_batch(p, str(source), str(into))
    assert sorted(path.name for path in into.rglob("*.png")) == ["a.png", "b.png"]


def test_img2img_takes_the_picture_and_the_mask_of_its_tab() -> None:
    picture, mask = Image.new("RGB", (8, 8)), Image.new("L", (8, 8))
    find = word("img2img")._picture_and_mask
    assert find({"mode": 0, "init_img": picture})[1] is None
    assert find({"mode": 2, "init_img_with_mask": {"image": picture, "mask": mask}})[1].mode == "L"
    assert find({"mode": 4, "init_img_inpaint": picture, "init_mask_inpaint": mask}) == (picture, mask)


def test_extras_enlarge_a_picture_and_save_it(studio: App) -> None:
    picture = Image.effect_noise((16, 16), 90).convert("RGB")
    (made,), told, _ = word("postprocessing").run_extras(
        0, 0, picture, None, "", "", True, 0, 0, 0, 2.0, 512, 512, True, "Lanczos", "None", 0, False
    )
    assert made.size == (32, 32)
    assert "Lanczos" in told
    assert len(studio.gallery.find("local")) == 1


def test_an_option_that_cannot_be_shown_is_left_out_and_the_others_stay(studio: App) -> None:
    def broken(value: Any) -> Any:
        raise RuntimeError("theirs")

    rows = [Declared("bad", 1, make=broken), Declared("good", 1, make=lambda value: gr.Number(value))]
    rows += [Declared("text", "x", make=lambda value: gr.HTML(value), kept=False)]
    for row in rows:
        studio.settings.declare(row)
    with gr.Blocks():
        made = option_widgets.declared_widgets(studio.settings, rows)
    assert list(made) == ["good"]
    assert made["good"].value == 1


def test_the_facts_of_the_machine_are_told_with_a_checksum(studio: App) -> None:
    sysinfo = word("sysinfo")
    text = sysinfo.get()
    assert sysinfo.check(text)
    assert not sysinfo.check(text.replace("Python", "Pyton"))
    assert sysinfo.pretty_bytes(1536) == "1.5KiB"
    assert any(line.startswith("gradio==") for line in sysinfo.get_packages())


@pytest.mark.parametrize("name", ["extensions", "extension_paths", "loaded_extensions"])
def test_extensions_are_those_that_were_found(studio: App, name: str) -> None:
    folder = studio.folders.data / "extensions/theirs/scripts"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("")
    extensions = word("extensions")
    found = {each.name: each for each in extensions.active()}
    assert Path(found["theirs"].path) == folder.parent
    assert [file.filename for file in found["theirs"].list_files("scripts", ".py")] == ["a.py"]
    assert extensions.find_extension(str(folder / "a.py")).name == "theirs"
    assert len(getattr(extensions, name)) == len(extensions.all_extensions())


def test_a_kind_of_network_is_told_of_a_jobs_batches_and_is_no_word_of_its_prompt(
    open_extended: Callable[..., App],
) -> None:
    open_extended("nested")
    networks = word("extra_networks")
    told: list[Any] = []

    class Theirs(networks.ExtraNetwork):  # type: ignore[misc,name-defined]
        def activate(self, p: Any, params_list: list[Any]) -> None:
            told.append([params.items for params in params_list])

        def deactivate(self, p: Any) -> None:
            told.append("off")

    networks.register_extra_network(Theirs("theirs"))
    processing = word("processing")
    words = {"steps": 2, "seed": 7, "width": 64, "height": 64, "cfg_scale": 4.0}
    made = [
        processing.process_images(processing.StableDiffusionProcessingTxt2Img(prompt=prompt, **words)).images[0]
        for prompt in ("red heart<theirs:x:2>", "red heart")
    ]
    networks.initialize()
    assert told == [[["x", "2"]], "off", [], "off"]
    assert made[0].tobytes() == made[1].tobytes()
