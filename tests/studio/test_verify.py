"""The frozen job in a file, and Verify: pictures come out again bit for bit, and what differs has a named cause."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file

from modules.diffusion.samplers import SAMPLERS
from modules.studio.app import App
from modules.studio.command_line import read_files, read_flags
from modules.studio.face_restoring import FINDER
from modules.studio.image_files import encode, format_for, read_parameters, read_texts
from modules.studio.job import LOCAL
from modules.studio.record import IN_THE_REQUEST, RECORD, Record, lasting_options, pixels_hash, read_record
from modules.studio.request import Request, Txt2Img, read_request
from modules.studio.resolve import resolve
from modules.studio.settings import Options
from modules.studio.verify import Verdict, verify, verify_files
from tests.faces import bring_finder, save_restorer
from tests.studio.conftest import Make
from tests.studio.samples import as_bytes, make_picture
from tests.studio.test_hypernetworks import save as save_hypernetwork
from tests.tiny import TinyModels, ldm_vae_state, networks, save_ldm
from tests.upscalers import save_compact

QUICK = 100
PROMPT = "a (red:1.2) [cat|dog]"
SMALL = {"prompt": PROMPT, "seed": 7, "steps": 3, "width": 64, "height": 64}
WHITE = Image.new("RGB", (64, 64), "white")
LITTLE, RESTORER = "ESRGAN/Little.safetensors", "GFPGAN/GFPGANsmall.safetensors"
DRAWN = {"dynamic_prompts": True}
CORPUS: dict[str, tuple[str, dict[str, Any]]] = {
    "words": ("txt2img", {}),
    "an ancestral sampler": ("txt2img", {"sampler_name": "Euler a", "scheduler": "Karras"}),
    "a sampler with options": ("txt2img", {"sampler_name": "Euler", "s_churn": 2.0, "s_noise": 1.01}),
    "the second of two": ("txt2img", {"batch_size": 2, "n_iter": 2, "sampler_name": "DPM++ SDE"}),
    "a variation": ("txt2img", {"subseed": 3, "subseed_strength": 0.4, "batch_size": 2}),
    "another option": ("txt2img", {"override_settings": {"CLIP_stop_at_last_layers": 2, "eta_ancestral": 0.5}}),
    "a VAE": ("txt2img", {"override_settings": {"sd_vae": "sub/Fine.safetensors"}}),
    "two passes": ("txt2img", {"enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent", "hr_prompt": "a hat"}),
    "a pass from a picture": ("txt2img", {"enable_hr": True, "firstpass_image": True, "hr_scale": 1.5}),
    "a refiner": ("txt2img", {"refiner_checkpoint": "in/other.safetensors", "refiner_switch_at": 0.4, "tiling": True}),
    "drawn words": ("txt2img", {"prompt": "a {red|{b}|blue} cat", "batch_size": 2, "override_settings": DRAWN}),
    "a JPEG": ("txt2img", {"override_settings": {"samples_format": "jpg", "jpeg_quality": 60}}),
    "a WebP": ("txt2img", {"override_settings": {"samples_format": "webp"}}),
    "a picture": ("img2img", {"denoising_strength": 0.6}),
    "several pictures": ("img2img", {"init_images": 2, "batch_size": 2}),
    "a later loop": ("img2img", {"loops": 3, "n_iter": 2, "batch_size": 2, "final_denoising_strength": 0.4}),
    "a mask": ("inpaint", {"inpainting_fill": 2, "inpaint_full_res": False}),
}


@pytest.fixture
def studio(open_studio: Make, tmp_path: Path, tiny: TinyModels) -> App:
    """A studio whose checkpoint is a tiny one, with a VAE in a folder."""
    folder = tmp_path / "models/Stable-diffusion"
    folder.mkdir(parents=True)
    shutil.copy(tiny.ldm("SD 1.x"), folder / "little.safetensors")
    save_ldm(folder / "in/other.safetensors", networks("SD 1.x", seed=5))
    (tmp_path / "models/VAE/sub").mkdir(parents=True)
    save_file(ldm_vae_state(networks("SD 1.x", seed=7).vae), tmp_path / "models/VAE/sub/Fine.safetensors")
    app = open_studio("--no-half", "--device", "cpu")
    app.settings.change({"sd_model_checkpoint": "little.safetensors"})
    return app


def request_of(app: App, kind: str, values: dict[str, Any], owner: str = LOCAL) -> Request:
    pictures = [make_picture(64, 64, colour) for colour in ("teal", "brown")][: values.get("init_images", 1)]
    ids = [app.uploads.add(as_bytes(picture), owner) for picture in pictures]
    mask = app.uploads.add(as_bytes(make_picture(64, 64, "black")), owner)
    first = {"firstpass_image": ids[0]} if "firstpass_image" in values else {}
    return read_request(kind, {**SMALL, "mask": mask, **values, "init_images": ids, **first})


def file_of(app: App, kind: str = "txt2img", owner: str = LOCAL, **values: Any) -> bytes:
    """The file of the last picture of a job."""
    end = app.engine.submit(request_of(app, kind, values, owner), owner).wait(QUICK)
    assert (end.state, end.error) == ("done", "")
    return app.gallery.read(end.images[-1].id, owner)[0]


def record_in(data: bytes) -> Record:
    record = read_record(read_texts(data))
    assert record is not None
    return record


def with_record(data: bytes, change: Callable[[dict[str, Any]], object], *, spot: bool = True) -> bytes:
    """The PNG with another record, and (to have something to explain) another pixel."""
    record = json.loads(read_texts(data)[RECORD])
    change(record)
    with Image.open(io.BytesIO(data)) as image:
        image.putpixel((3, 3), (1, 2, 3)) if spot else None
        return encode(image, format_for(image, "png"), "", Options(), {RECORD: json.dumps(record)})


def test_a_loop_between_the_first_and_the_last_is_made_again(studio: App) -> None:
    end = studio.engine.submit(request_of(studio, "img2img", {"loops": 3}), LOCAL).wait(QUICK)
    middle, _ = studio.gallery.read(end.images[1].id, LOCAL)
    assert verify(studio, middle, LOCAL).sentence == "identical"
    chosen = with_record(middle, lambda record: record["image"].update(seed=0, index=1))
    assert "seeds do not say" in verify(studio, chosen, LOCAL).sentence


# What is written


@pytest.mark.parametrize("format", ["png", "jpg", "webp"])
def test_the_frozen_job_is_in_every_kind_of_file(studio: App, format: str) -> None:
    data = file_of(studio, batch_size=2, override_settings={"samples_format": format})
    record = record_in(data)
    assert (record.kind, record.request["steps"], record.request["batch_size"]) == ("txt2img", 3, 2)
    assert (record.image.index, record.image.seed, record.image.prompt) == (1, 8, PROMPT)
    assert record.made.model_sha256 == studio.store.find("little.safetensors").sha256
    assert (record.made.model, record.made.device, record.made.dtype) == ("little", "cpu", "float32")
    assert record.made.attention == studio.attention.name
    assert read_parameters(data).startswith(PROMPT)


def test_it_names_no_folder_and_no_person(studio: App, tmp_path: Path) -> None:
    values = {"override_settings": {"sd_vae": "sub/Fine.safetensors"}, "styles": ["secret style"]}
    data = file_of(studio, "img2img", owner="alice-canary", **values)
    text = read_texts(data)[RECORD]
    assert [word for word in (str(tmp_path), "alice-canary", "sub/", "secret style", "outputs") if word in text] == []
    assert "Fine.safetensors" in text
    assert record_in(data).made.pictures == (pixels_hash(make_picture(64, 64, "teal")),)


@pytest.mark.parametrize("format", ["png", "jpg", "webp"])
def test_without_metadata_there_is_none(studio: App, format: str) -> None:
    data = file_of(studio, override_settings={"enable_pnginfo": False, "samples_format": format})
    assert read_texts(data) == {}
    assert RECORD.encode() not in data


def test_what_the_infotext_leaves_out_it_leaves_out(studio: App) -> None:
    silent = {"add_model_name_to_info": False, "add_version_to_infotext": False}
    quiet = record_in(file_of(studio, override_settings=silent)).made
    assert (quiet.model, quiet.aquatint, quiet.torch, quiet.diffusers) == ("", "", "", "")
    assert quiet.model_sha256 != ""


def test_a_grid_and_what_was_made_larger_have_none(studio: App) -> None:
    end = studio.engine.submit(request_of(studio, "txt2img", {"batch_size": 2}), LOCAL).wait(QUICK)
    assert end.grid is not None
    assert RECORD not in read_texts(studio.gallery.read(end.grid.id, LOCAL)[0])
    upload = studio.uploads.add(studio.gallery.read(end.images[0].id, LOCAL)[0], LOCAL)
    larger = read_request("extras", {"images": [{"id": upload}], "upscaler_1": "Nearest"})
    made = studio.engine.submit(larger, LOCAL).wait(QUICK)
    assert RECORD not in read_texts(studio.gallery.read(made.images[0].id, LOCAL)[0])


def test_a_record_that_does_not_fit_into_a_jpeg_is_left_out() -> None:
    long = {RECORD: "x" * 70_000}
    jpeg, webp = (encode(WHITE, format_for(WHITE, name), "", Options(), long) for name in ("jpg", "webp"))
    assert RECORD not in read_texts(jpeg)
    assert read_texts(webp)[RECORD] == long[RECORD]


def test_recorded_options_are_none_that_say_where_files_lie() -> None:
    lasting = lasting_options()
    assert {"CLIP_stop_at_last_layers", "sd_vae", "emphasis", "jpeg_quality"} <= lasting
    assert [name for name in lasting if name.startswith("outdir") or "pattern" in name] == []


def test_what_is_resolved_says_all_that_a_sampler_is_told(app: App) -> None:
    changed = Options(eta_ancestral=0.5, eta_ddim=0.3, s_churn=1, s_tmin=0.1, s_tmax=20, s_noise=1.02)
    asked = [Txt2Img(sampler_name=name, seed=1, subseed=2) for name in SAMPLERS]

    def resolved(requests: Sequence[Request], options: Options) -> list[Request]:
        found = app.store, app.styles, app.upscalers, app.faces
        return [resolve(request, options, *found)[0] for request in requests]

    once = resolved(asked, changed)
    assert resolved(once, Options()) == once
    assert resolved(asked, Options()) != once
    assert set(IN_THE_REQUEST) <= set(Options.model_fields)


# Identical


@pytest.mark.parametrize("name", CORPUS)
def test_a_picture_comes_out_again_bit_for_bit(studio: App, name: str) -> None:
    kind, values = CORPUS[name]
    data = file_of(studio, kind, **values)
    before = len(studio.gallery.find(LOCAL))
    assert "in/" not in read_texts(data)[RECORD]
    assert verify(studio, data, LOCAL) == Verdict(0)
    assert len(studio.gallery.find(LOCAL)) == before


@pytest.mark.parametrize(("name", "format"), [("words", "png"), ("a JPEG", "jpg")])
def test_a_picture_that_was_changed_is_noticed(studio: App, name: str, format: str) -> None:
    data = file_of(studio, **CORPUS[name][1])
    with Image.open(io.BytesIO(data)) as image:
        texts = {RECORD: read_texts(data)[RECORD]}
        changed = image.convert("RGB")
        changed.paste((255, 0, 255), (0, 0, 9, 9))
        other = encode(changed, format_for(image, format), "", Options(), texts)
    verdict = verify(studio, other, LOCAL)
    assert verdict.largest is not None
    assert verdict.largest > 20
    assert "changed later" in verdict.cause


def test_settings_of_today_change_nothing(studio: App) -> None:
    data = file_of(studio, sampler_name="Euler a")
    studio.settings.change({"eta_ancestral": 0.2, "CLIP_stop_at_last_layers": 2, "samples_format": "jpg"})
    assert verify(studio, data, LOCAL).identical


def test_parameters_suffice_where_there_is_no_frozen_job(studio: App) -> None:
    text = read_parameters(file_of(studio))
    with Image.open(io.BytesIO(file_of(studio))) as image:
        data = encode(image, format_for(image, "png"), text, Options())
    verdict = verify(studio, data, LOCAL)
    assert verdict.identical
    assert "its parameters were used" in verdict.sentence


# What differs, and why


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda r: r["made"].update(torch="1.13.1"), "Another version of torch: 1.13.1 then"),
        (lambda r: r["made"].update(aquatint="9.9"), "Another version of Aquatint: 9.9 then"),
        (lambda r: r["made"].update(attention="xformers"), "Another attention: xformers then"),
        (lambda r: r["made"].update(device="cuda"), "Another kind of device: cuda then, cpu here"),
        (lambda r: r["made"].update(dtype="float16"), "Another number format: float16 then, float32 here"),
        (lambda r: r["made"].update(vae_sha256="ab" * 32, vae="fine.pt"), "Its VAE is not here: fine.pt (abababab"),
        (lambda r: r["made"].update(model_sha256="cd" * 32), "The checkpoint little has other weights here"),
        (lambda r: r["request"].update(enable_magic=True), "This version does not know 'enable_magic'"),
        (lambda r: r["options"].update(magic=True), "This version does not know 'magic'"),
        (lambda r: r.update(extra={"Lora hashes": "fine: 123"}), "Lora hashes: fine: 123 then, none here"),
    ],
)
def test_the_cause_is_named(studio: App, change: Callable[[dict[str, Any]], object], cause: str) -> None:
    verdict = verify(studio, with_record(file_of(studio), change), LOCAL)
    assert verdict.largest is not None
    assert verdict.largest > 0
    assert cause in verdict.sentence


def test_other_weights_of_the_refiner_are_named(studio: App) -> None:
    data = file_of(studio, **CORPUS["a refiner"][1])
    other = with_record(data, lambda r: r["made"]["other_sha256"].update(refiner_checkpoint="cd" * 32))
    assert "The checkpoint other has other weights here" in verify(studio, other, LOCAL).cause


def with_networks(studio: App, models: Path) -> bytes:
    """A picture that an upscaler, a face restorer and a hypernetwork took part in."""
    bring_finder(models)
    save_restorer(models / RESTORER)
    save_compact(models / LITTLE, strength=0.1)
    save_hypernetwork(studio, "art")
    studio.upscalers.refresh()
    twice: dict[str, Any] = {"enable_hr": True, "hr_scale": 2, "hr_upscaler": "Little", "denoising_strength": 0.5}
    chosen: dict[str, Any] = {"override_settings": {"face_restoration_model": "GFPGAN"}}
    return file_of(studio, prompt="a cat <hypernet:art:1>", restore_faces=True, **twice, **chosen)


def test_the_hashes_of_upscaler_restorer_and_hypernetwork_are_in_the_record(studio: App, tmp_path: Path) -> None:
    data, models = with_networks(studio, tmp_path / "models"), tmp_path / "models"
    assert record_in(data).made.networks == {
        what: hashlib.sha256((models / name).read_bytes()).hexdigest()
        for what, name in {
            "upscaler Little": LITTLE,
            "face restorer GFPGAN": RESTORER,
            "face finder": FINDER,
            "hypernetwork art": "hypernetworks/art.pt",
        }.items()
    }
    assert verify(studio, data, LOCAL) == Verdict(0)
    assert record_in(file_of(studio)).made.networks == {}


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        (lambda at: save_compact(at / LITTLE, strength=0.3), "The upscaler Little has other weights here: "),
        (lambda at: (at / "hypernetworks/art.pt").unlink(), "The hypernetwork art is not here ("),
        (lambda at: (at / LITTLE).unlink(), "cannot be made again: No upscaler called 'Little'"),
        (lambda at: (at / RESTORER).unlink(), "cannot be made again: Restore faces: There is no GFPGAN"),
    ],
    ids=["other upscaler", "no hypernetwork", "no upscaler", "no restorer"],
)  # fmt: skip
def test_a_network_that_is_another_or_missing_is_named(
    studio: App, tmp_path: Path, changed: Callable[[Path], object], cause: str
) -> None:
    data = with_networks(studio, tmp_path / "models")
    changed(tmp_path / "models")
    studio.upscalers.refresh()
    verdict = verify(studio, data, LOCAL)
    assert not verdict.identical
    assert cause in verdict.sentence


def bring_lora(studio: App, name: str, seed: int = 3) -> Path:
    with studio.store.lease("little.safetensors") as model:
        width = model.unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_out[0].weight.shape[0]
    made, place = (
        torch.Generator().manual_seed(seed),
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0",
    )
    tensors = {
        f"{place}.lora_up.weight": torch.randn(width, 4, generator=made),
        f"{place}.lora_down.weight": torch.randn(4, width, generator=made),
    }
    save_file(tensors, path := studio.folders.lora / f"{name}.safetensors")
    return path


def bring_embedding(studio: App, name: str, seed: int = 3) -> Path:
    width = studio.store.find("little.safetensors").text_widths[0]
    made = torch.Generator().manual_seed(seed)
    save_file(
        {"emb_params": torch.randn(2, width, generator=made)}, path := studio.folders.embeddings / f"{name}.safetensors"
    )
    return path


def bring_hypernetwork(studio: App, name: str) -> Path:
    save_hypernetwork(studio, name)
    return studio.folders.hypernetworks / f"{name}.pt"


RENAMED: dict[str, tuple[Callable[[App, str], Path], str, str]] = {
    "a LoRA": (bring_lora, "a cat <lora:style:0.5:te=1>", "LoRA"),
    "an embedding": (bring_embedding, "a [(Style:1.2):cat:0.5], style", "embedding"),
    "a hypernetwork": (bring_hypernetwork, "a cat <hypernet:style:1>", "hypernetwork"),
}


@pytest.mark.parametrize("of_old_times", [False, True], ids=["alone", "beside another of the old name"])
@pytest.mark.parametrize("kind", RENAMED)
def test_a_network_that_has_another_name_now_is_found_by_its_hash(studio: App, kind: str, of_old_times: bool) -> None:
    bring, prompt, word = RENAMED[kind]
    path = bring(studio, "style")
    data = file_of(studio, prompt=prompt)
    path.rename(path.with_stem("fine one (2)"))
    path.write_bytes(b"other weights") if of_old_times else None
    told = f"identical (The {word} style is called fine one (2) here.)"
    assert verify(studio, data, LOCAL).sentence == told
    assert record_in(data).image.prompt == prompt


def test_a_network_whose_weights_are_gone_is_not_replaced(studio: App) -> None:
    bring_lora(studio, "style")
    data = file_of(studio, prompt="a cat <lora:style:1>")
    bring_lora(studio, "style", seed=4)
    bring_lora(studio, "other", seed=5)
    verdict = verify(studio, data, LOCAL)
    assert verdict.notes == ()
    assert verdict.cause.startswith("Lora hashes: style: ")


def test_the_hashes_of_other_programs_find_a_network_too(studio: App) -> None:
    bring_lora(studio, "fine")
    bring_embedding(studio, "worn")
    file_of(studio)
    model = studio.store.find("little.safetensors").sha256[:10]
    studio.loras.refresh()
    lora = studio.loras.short_hash(studio.loras.find("fine"))
    studio.embeddings.refresh()
    embedding = studio.embeddings.short_hash(studio.embeddings.files["worn"])
    text = f"<lora:style:1> {FOREIGN}Model hash: {model}, RNG: CPU, Version: v1.10.1, "
    text += f'Lora hashes: "style: {lora}, : {lora}, {lora}", TI hashes: "cat: {embedding}"'
    verdict = verify(studio, of_a_stranger(text), LOCAL)
    assert verdict.notes[1:] == ("The LoRA style is called fine here.", "The embedding cat is called worn here.")
    assert verdict.cause == "Another program made it (v1.10.1); details of rounding differ."


def test_other_weights_of_the_face_restorer_are_named(studio: App, tmp_path: Path) -> None:
    data = with_networks(studio, tmp_path / "models")
    other = with_record(data, lambda r: r["made"]["networks"].update({"face restorer GFPGAN": "cd" * 32}))
    assert "The face restorer GFPGAN has other weights here: " in verify(studio, other, LOCAL).cause


def test_identical_pixels_need_no_cause(studio: App) -> None:
    data = with_record(file_of(studio), lambda r: r["made"].update(torch="1.13.1"), spot=False)
    assert verify(studio, data, LOCAL) == Verdict(0)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            lambda r: r["made"].update(model="gone", model_sha256="ab" * 32),
            "The checkpoint gone is not here (hash ab",
        ),
        (lambda r: r.update(kind="extras"), "It was made by extras"),
        (lambda r: r.update(format=2), "damaged, or a later version wrote it"),
        (lambda r: r["request"].update(steps=5_000), "steps"),
        (lambda r: r["request"].update(sampler_name="Magic"), "Magic"),
    ],
)
def test_what_cannot_be_made_again_says_why(
    studio: App, change: Callable[[dict[str, Any]], object], cause: str
) -> None:
    verdict = verify(studio, with_record(file_of(studio), change), LOCAL)
    assert verdict.largest is None
    assert verdict.sentence.startswith("cannot be made again: ")
    assert cause in verdict.sentence


def test_a_picture_that_is_not_in_the_file_is_asked_for(studio: App) -> None:
    data = file_of(studio, "img2img")
    missing = verify(studio, data, "somebody else")
    assert "not in the file" in missing.cause
    studio.uploads.add(as_bytes(make_picture(64, 64, "teal"), "BMP"), "somebody else")
    assert verify(studio, data, "somebody else") == Verdict(0)


def of_a_stranger(parameters: str) -> bytes:
    info = PngInfo()
    info.add_text("parameters", parameters)
    return as_bytes(WHITE, pnginfo=info)


FOREIGN = "a cat\nSteps: 2, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x64, "


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("Model: little, Version: v1.10.1", "Its checkpoint is known by name only"),
        ("Model hash: {hash}, Model: x, Version: v1.10.1", "Its noise is taken to be an NVIDIA card's"),
        ("Model hash: {hash}, RNG: CPU, Version: v1.10.1", "Another program made it (v1.10.1)"),
        ("Model hash: {hash}, Magic: 1, RNG: CPU", "This version does not know 'Magic'"),
        ("Model hash: 0123456789, Model: gone", "cannot be made again: The checkpoint gone is not here"),
        ("Model: little, Denoising strength: 0.5", "cannot be made again: It was made from another picture"),
        (
            "Model: little, Denoising strength: 0.5, Hires upscale: 2, Original Size: 64x64",
            "cannot be made again: It was made from another picture",
        ),
    ],
)
def test_pictures_of_others_are_tried_as_far_as_possible(studio: App, rest: str, told: str) -> None:
    file_of(studio)  # the checkpoint's hash is known from then on
    hash = studio.store.find("little.safetensors").sha256[:10]
    assert told in verify(studio, of_a_stranger(FOREIGN + rest.format(hash=hash)), LOCAL).sentence


def test_a_picture_that_says_nothing_cannot_be_made_again(studio: App) -> None:
    assert "Nothing in its file" in verify(studio, as_bytes(WHITE), LOCAL).sentence


# The command line


def test_files_and_flags_may_stand_in_any_order() -> None:
    files, rest = read_files(["--device", "cpu", "a.png", "--no-half", "b c.png"])
    assert files == [Path("a.png"), Path("b c.png")]
    assert rest == ["--device", "cpu", "--no-half"]


def test_the_command_says_a_line_a_file_and_touches_nothing(studio: App, tmp_path: Path, tiny: TinyModels) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(file_of(studio, "img2img"))
    bad.write_bytes(with_record(good.read_bytes(), lambda r: None))
    outputs = sorted((tmp_path / "outputs").rglob("*"))
    flags, told = read_flags(["--data-dir", str(tmp_path), "--no-half", "--device", "cpu"], {}), list[str]()
    assert verify_files(flags, [good], told.append) == 0
    assert told == [f"{good}: identical"]
    assert verify_files(flags, [bad, good, tmp_path / "none.png"], told.append) == 1
    assert "differs by up to" in told[1]
    assert told[2] == f"{good}: identical"
    assert "No such file" in told[3]
    assert sorted((tmp_path / "outputs").rglob("*")) == outputs


def test_other_weights_of_the_same_name_are_found_out(studio: App, tmp_path: Path) -> None:
    data = file_of(studio)
    save_ldm(tmp_path / "models/Stable-diffusion/little.safetensors", networks("SD 1.x", seed=9))
    studio.store.refresh()
    verdict = verify(studio, data, LOCAL)
    assert not verdict.identical
    assert "other weights here" in verdict.cause
