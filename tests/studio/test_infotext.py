from __future__ import annotations

import io
from typing import Any

import pytest
import sd_parsers
from hypothesis import example, given
from hypothesis import strategies as st

from modules.studio.image_files import FORMATS, encode
from modules.studio.infotext import Infotext, read_infotext, to_request_values, write_infotext
from modules.studio.infotext_row import ModelFacts
from modules.studio.request import read_request
from modules.studio.settings import Options
from modules.studio.version import VERSION
from tests.studio.samples import MODEL, make_job, make_picture

ABSENT_OPTIONS = {
    "CLIP_stop_at_last_layers": 1,
    "code_former_weight": 0.5,
    "img2img_color_correction": False,
    "eta_noise_seed_delta": 0,
    "emphasis": "Original",
    "comma_padding_backtrack": 20,
    "use_old_scheduling": False,
    "hires_fix_refiner_pass": "second pass",
    "img2img_extra_noise": 0.0,
    "inpainting_mask_weight": 1.0,
    "refiner_switch_by_sample_steps": False,
    "s_min_uncond_all": False,
    "skip_early_cond": 0.0,
    "token_merging_ratio": 0.0,
    "token_merging_ratio_img2img": 0.0,
    "token_merging_ratio_hr": 0.0,
    "randn_source": "NV",
    "sd_noise_schedule": "Default",
    "sigma_min": 0.0,
    "sigma_max": 0.0,
    "rho": 0.0,
    "beta_dist_alpha": 0.6,
    "beta_dist_beta": 0.6,
    "always_discard_next_to_last_sigma": False,
    "sgm_noise_multiplier": False,
    "uni_pc_variant": "bh1",
    "uni_pc_skip_type": "time_uniform",
    "uni_pc_order": 3,
    "uni_pc_lower_order_final": True,
}
VERSION_ENTRY = f"Version: Aquatint {VERSION}"


def test_a_text_is_laid_out_as_a1111_does() -> None:
    job = make_job(prompts=("a cat\non a mat",), negative_prompts=("dog",), cfg_scale=7, width=832, height=1216)
    assert write_infotext(job, 0, MODEL) == (
        "a cat\non a mat\n"
        "Negative prompt: dog\n"
        "Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 1000, Size: 832x1216, "
        f"Model hash: 31e35c80fc, Model: sd_xl_base_1.0, RNG: CPU, {VERSION_ENTRY}"
    )


def test_every_entry_stands_in_a1111s_order() -> None:
    job = make_job(
        "inpaint",
        options={"CLIP_stop_at_last_layers": 2, "eta_noise_seed_delta": 31337},
        cfg_scale=7.5,
        subseed_strength=0.25,
        denoising_strength=0.4,
        inpainting_mask_invert=1,
        inpaint_full_res=True,
        inpaint_full_res_padding=16,
        inpainting_fill=2,
        resize_mode=1,
        initial_noise_multiplier=0.9,
        eta=0.5,
        s_noise=1.01,
        tiling=True,
    )
    job.extra_generation_params = {"Lora hashes": "detail: 8b6c1f2a90ab", "Wildcard prompt": "x"}
    text = write_infotext(job, 0, ModelFacts("model", "0123456789", "my.vae.safetensors", "abcdef0123"))
    assert text.split("\n")[-1] == (
        "Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7.5, Seed: 1000, Size: 512x512, "
        "Model hash: 0123456789, Model: model, VAE hash: abcdef0123, VAE: my.vae.safetensors, "
        "Variation seed: 2000, Variation seed strength: 0.25, Denoising strength: 0.4, Clip skip: 2, ENSD: 31337, "
        "RNG: CPU, Tiling: True, Mask mode: Inpaint not masked, Mask blur: 4, Inpaint area: Only masked, "
        "Masked area padding: 16, "
        "Masked content: latent noise, Resize mode: Crop and resize, Noise multiplier: 0.9, Eta: 0.5, "
        f'Sigma noise: 1.01, Lora hashes: "detail: 8b6c1f2a90ab", Wildcard prompt: x, {VERSION_ENTRY}'
    )


def test_each_image_of_a_job_has_its_own_prompt_and_seed() -> None:
    job = make_job(prompts=("one", "two"))
    assert [write_infotext(job, index, MODEL).split("\n")[0] for index in range(2)] == ["one", "two"]
    assert "Seed: 1001" in write_infotext(job, 1, MODEL)


def test_the_model_and_the_version_may_be_left_out() -> None:
    job = make_job(options={"add_model_name_to_info": False, "add_version_to_infotext": False})
    text = write_infotext(job, 0, ModelFacts("secret-project"))
    assert "secret" not in text
    assert "Version" not in text


def test_the_owner_is_not_in_the_text() -> None:
    assert "alice" not in write_infotext(make_job(owner="alice"), 0, MODEL)


def test_the_owner_is_in_the_text_where_somebody_asks_for_it() -> None:
    named = {"add_user_name_to_info": True}
    assert write_infotext(make_job(owner="alice", options=named), 0, MODEL).endswith(f"{VERSION_ENTRY}, User: alice")
    assert "User" not in write_infotext(make_job(options=named), 0, MODEL)


HIRES = {"enable_hr": True, "denoising_strength": 0.4, "hr_upscaler": "Latent"}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("txt2img", {"steps": 31, "cfg_scale": 6.5, "width": 640, "height": 384, "eta": 0.3, "s_noise": 1.1}),
    ("txt2img", {"scheduler": "Automatic", "cfg_scale": 1}),
    ("txt2img", {"sampler_name": "Heun", "s_churn": 4.5, "s_tmin": 0.1, "s_tmax": 9, "s_noise": 1.01}),
    ("txt2img", {"sampler_name": "DDIM", "eta": 0.7}),
    ("txt2img", {"tiling": True, "s_min_uncond": 1.5, "cfg_rescale": 0.7}),
    ("txt2img", {"restore_faces": True}),
    ("txt2img", {"seed_resize_from_w": 512, "seed_resize_from_h": 768}),
    ("img2img", {"refiner_checkpoint": "sd_xl_refiner_1.0", "refiner_switch_at": 0.8}),
    ("txt2img", {**HIRES, "hr_scale": 1.5}),
    ("txt2img", {**HIRES, "hr_resize_x": 1024, "hr_second_pass_steps": 7, "hr_upscaler": "Lanczos"}),
    ("txt2img", {**HIRES, "hr_prompt": "a, b: c\nd", "hr_negative_prompt": "worse", "hr_checkpoint_name": "other"}),
    ("txt2img", {**HIRES, "hr_sampler_name": "Euler", "hr_scheduler": "Simple", "hr_cfg": 3.5}),
    ("txt2img", {"sampler_name": "DDIM CFG++", "eta": 1}),
    ("img2img", {"denoising_strength": 0.35, "resize_mode": 2, "initial_noise_multiplier": 1.2}),
    ("img2img", {"denoising_strength": 0}),
    ("inpaint", {"mask_blur_x": 9, "mask_blur_y": 9, "inpainting_fill": 3, "inpaint_full_res_padding": 48}),
    ("inpaint", {"mask_blur_x": 2, "mask_blur_y": 7, "inpainting_fill": 1}),
    ("inpaint", {"mask_blur_x": 0, "mask_blur_y": 0, "inpainting_mask_invert": 1}),
    ("inpaint", {"inpaint_full_res": False, "inpaint_full_res_padding": 32}),
]


@pytest.mark.parametrize(("kind", "values"), REQUESTS)
def test_what_was_written_restores_the_request(kind: str, values: dict[str, Any]) -> None:
    job = make_job(kind, prompt="a cat", seed=1000, **values)
    restored = to_request_values(read_infotext(write_infotext(job, 0, MODEL)))
    assert restored.problems == []
    assert restored.checkpoints == ("31e35c80fc", "sd_xl_base_1.0")
    assert read_request(kind, {"init_images": ("0",), "mask": "0", **restored.values}) == job.request


def test_what_was_written_restores_the_options_and_the_variation_seed() -> None:
    job = make_job(options={"CLIP_stop_at_last_layers": 3, "eta_noise_seed_delta": 5}, subseed_strength=0.5)
    restored = to_request_values(read_infotext(write_infotext(job, 0, ModelFacts("m", vae_name="v.safetensors"))))
    changed = {"CLIP_stop_at_last_layers": 3, "eta_noise_seed_delta": 5, "randn_source": "CPU"}
    changed |= {"sd_vae": "v.safetensors"}
    assert restored.options == ABSENT_OPTIONS | changed
    assert (restored.values["subseed"], restored.values["subseed_strength"]) == (2000, 0.5)


@pytest.mark.parametrize(
    ("rest", "source"),
    [
        ("RNG: CPU, Version: v1.10.1", "CPU"),
        ("RNG: NV, Version: v1.10.1", "NV"),
        ("Version: v1.10.1", "NV"),
        ("Model: x", "NV"),
        ("Generator: ComfyUI", "CPU"),
        ("Version: Aquatint 0.1.0", "CPU"),
        ("RNG: GPU, Version: Aquatint 0.1.0", "GPU"),
    ],
)
def test_a_seed_means_the_random_numbers_of_the_program_that_wrote_it(rest: str, source: str) -> None:
    text = read_infotext(f"a cat\nSteps: 9, Sampler: Euler, Seed: 3, {rest}")
    assert to_request_values(text).options["randn_source"] == source


def test_eta_and_the_sigmas_have_a1111s_names() -> None:
    churned = write_infotext(make_job(sampler_name="Heun", s_churn=4.5, s_tmin=0.1, s_tmax=9, s_noise=1.01), 0, MODEL)
    assert "Sigma churn: 4.5, Sigma tmin: 0.1, Sigma tmax: 9, Sigma noise: 1.01" in churned
    ddim, euler = (write_infotext(make_job(sampler_name=name, eta=0.7), 0, MODEL) for name in ("DDIM", "Euler a"))
    assert "Eta DDIM: 0.7" in ddim
    assert "Eta: 0.7" in euler


PROMPTS = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from(
        [
            "a cat",
            ", ",
            ": ",
            '"',
            "\\",
            "\n",
            "Steps: 20, Sampler: Euler, Seed: 3",
            "Negative prompt:",
            "猫",
            " ",
            "\t",
        ]
    )
).map("".join)


@given(PROMPTS, PROMPTS)
@example("", "")
@example("Steps: 20, Sampler: Euler a, Seed: 5, Size: 512x512", "")
@example("a\nNegative prompt: b\nSteps: 1, Seed: 2, Size: 3x4", "c\nNegative prompt: d")
@example(" lines \r\n  with spaces  ", "\n\n")
@example('he said "no", then: left\\', "x, y: z")
def test_every_prompt_reads_back_as_it_was(prompt: str, negative_prompt: str) -> None:
    job = make_job(prompts=(prompt,), negative_prompts=(negative_prompt,))
    read = read_infotext(write_infotext(job, 0, MODEL))
    assert (read.prompt, read.negative_prompt) == (prompt, negative_prompt)
    assert read.params["Seed"] == "1000"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_further_entry_reads_back_as_it_was(value: str) -> None:
    job = make_job()
    job.extra_generation_params = {"Wildcard prompt": value, "After it": "x"}
    read = read_infotext(write_infotext(job, 0, MODEL))
    assert read.params["Wildcard prompt"] == value
    assert read.params["After it"] == "x"


@given(st.text())
def test_reading_never_raises(text: str) -> None:
    restored = to_request_values(read_infotext(text))
    read_request("txt2img", restored.values)
    Options.model_validate(restored.options)


@given(
    st.dictionaries(
        st.sampled_from(["Steps", "Sampler", "CFG scale", "Seed", "Size", "Clip skip", "Mask blur", "Masked content"]),
        st.text(max_size=12) | st.floats().map(str) | st.integers().map(str),
        min_size=3,
    )
)
def test_whatever_entries_say_the_values_make_a_request(params: dict[str, str]) -> None:
    text = "a cat\n" + ", ".join(f"{key}: {value}" for key, value in params.items())
    read_request("inpaint", {"init_images": ("0",), "mask": "0", **to_request_values(read_infotext(text)).values})


@pytest.mark.parametrize("format", ["png", "jpg", "webp"])
def test_a_reader_that_others_published_reads_our_pictures(format: str) -> None:
    job = make_job(prompts=("a cat, sitting: ünïcode 猫",), negative_prompts=("bad, worse",), cfg_scale=7.5)
    data = encode(make_picture(), FORMATS[format], write_infotext(job, 0, MODEL), Options())
    found = sd_parsers.ParserManager().parse(io.BytesIO(data))
    sampler = found.samplers[0]
    assert sampler.name == "Euler a"
    assert sampler.parameters == {"scheduler": "Karras", "cfg_scale": "7.5", "seed": "1000", "steps": "20"}
    assert (sampler.model.name, sampler.model.hash) == ("sd_xl_base_1.0", "31e35c80fc")
    assert [prompt.value for prompt in sampler.prompts] == ["a cat, sitting: ünïcode 猫"]
    assert [prompt.value for prompt in sampler.negative_prompts] == ["bad, worse"]


A1111_TEXT = """a cat, (blue eyes:1.2)
line two
Negative prompt: blurry,
worse
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 965400086, Size: 832x1216, \
Model hash: 31e35c80fc, Model: sd_xl_base_1.0, Denoising strength: 0.4, Clip skip: 2, \
Lora hashes: "detail: 8b6c1f2a90ab, x: 0123456789ab", Hires prompt: "a cat, (blue eyes:1.2)\\nline two", \
Hires upscale: 2, Version: v1.10.1"""


def test_a_text_of_a1111_is_taken_apart() -> None:
    read = read_infotext(A1111_TEXT)
    assert read.prompt == "a cat, (blue eyes:1.2)\nline two"
    assert read.negative_prompt == "blurry,\nworse"
    assert read.params["Lora hashes"] == "detail: 8b6c1f2a90ab, x: 0123456789ab"
    assert read.params["Hires prompt"] == "a cat, (blue eyes:1.2)\nline two"
    assert read.params["Version"] == "v1.10.1"
    assert len(read.params) == 14


def test_a_text_of_a1111_restores_a_request() -> None:
    restored = to_request_values(read_infotext(A1111_TEXT))
    assert restored.problems == []
    assert restored.values["sampler_name"] == "DPM++ 2M"
    assert restored.values["scheduler"] == "Karras"
    assert (restored.values["width"], restored.values["height"]) == (832, 1216)
    assert restored.values["denoising_strength"] == 0.4
    assert restored.options["CLIP_stop_at_last_layers"] == 2


def test_an_old_merged_sampler_name_is_split() -> None:
    text = "a cat\nSteps: 20, Sampler: DPM++ 2M SDE Karras, CFG scale: 7, Seed: 1, Size: 512x512"
    values = to_request_values(read_infotext(text)).values
    assert (values["sampler_name"], values["scheduler"]) == ("DPM++ 2M SDE", "Karras")


def test_an_img2img_text_switches_hires_fix_off() -> None:
    text = write_infotext(make_job("img2img"), 0, MODEL)
    assert "Hires" not in text
    assert to_request_values(read_infotext(text)).values["enable_hr"] is False


def test_a_text_of_a1111_with_hires_fix_switches_it_on() -> None:
    values = to_request_values(read_infotext(A1111_TEXT)).values
    assert (values["enable_hr"], values["hr_scale"], values["hr_prompt"]) == (
        True,
        2,
        "a cat, (blue eyes:1.2)\nline two",
    )
    resized = A1111_TEXT.replace("Hires upscale: 2", "Hires resize: 1024x0, Hires sampler: Use same sampler")
    values = to_request_values(read_infotext(resized)).values
    assert (values["enable_hr"], values["hr_resize_x"], values["hr_resize_y"]) == (True, 1024, 0)
    assert values["hr_sampler_name"] is None


def test_a_text_without_parameters_is_prompt_and_sets_nothing_else() -> None:
    restored = to_request_values(read_infotext("a cat\nSteps: many"))
    assert restored.values == {"prompt": "a cat\nSteps: many", "negative_prompt": ""}
    assert restored.options == {}


def test_absent_entries_mean_their_defaults() -> None:
    restored = to_request_values(read_infotext("a cat\nSteps: 20, Sampler: Euler, Seed: 1"))
    assert restored.values["subseed_strength"] == 0
    assert restored.values["scheduler"] == "Automatic"
    assert restored.values["inpainting_fill"] == 1
    assert restored.options == ABSENT_OPTIONS


@pytest.mark.parametrize(
    ("name", "value", "entry"),
    [
        ("emphasis", "No norm", "Emphasis: No norm"),
        ("emphasis", "None", "Emphasis: None"),
        ("use_old_scheduling", True, "Old prompt editing timelines: True"),
        ("comma_padding_backtrack", 5, "Prompt word wrap length limit: 5"),
    ],
)
def test_how_a_prompt_was_read_is_written_and_restored(name: str, value: object, entry: str) -> None:
    text = write_infotext(make_job(options={name: value}), 0, MODEL)
    assert f", {entry}, " in text
    assert to_request_values(read_infotext(text)).options == ABSENT_OPTIONS | {"randn_source": "CPU"} | {name: value}


@pytest.mark.parametrize(
    ("version", "prompt", "old"),
    [
        ("v1.5.2", "a [b:0.5]", True),
        ("v1.6.0", "a [b:0.5]", False),
        ("v1.10.1", "a [b:0.5]", False),
        ("v1.5.2", "a b", False),
        (f"Aquatint {VERSION}", "a [b:0.5]", False),
    ],
)
def test_a_picture_older_than_the_new_timelines_keeps_the_old_ones(version: str, prompt: str, old: bool) -> None:
    read = read_infotext(f"{prompt}\nSteps: 20, Sampler: Euler, Seed: 1, Version: {version}")
    assert to_request_values(read).options["use_old_scheduling"] is old


HOSTILE = (
    "a cat\nSteps: 1e9, Sampler: Euler, CFG scale: NaN, Seed: 99999999999999999999, Size: 999999x999999, "
    "Model hash: ../../x, Model: ../../../etc/passwd, VAE: ../evil.pt, Clip skip: -3, Denoising strength: 7, "
    "Masked content: everything, outdir_txt2img_samples: /etc, override_settings: x"
)


def test_absurd_values_are_dropped_and_named() -> None:
    restored = to_request_values(read_infotext(HOSTILE))
    named = {problem.split(" is left")[0] for problem in restored.problems}
    assert named == {
        "Steps", "CFG scale", "Seed", "Size", "VAE", "Clip skip", "Denoising strength", "Masked content",
    }  # fmt: skip
    assert not {"steps", "cfg_scale", "seed", "width", "height", "denoising_strength"} & restored.values.keys()
    assert restored.options == {name: value for name, value in ABSENT_OPTIONS.items() if not name.startswith("CLIP")}
    assert restored.checkpoints == ()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line",
    [
        "a" * 2_000_000,
        "aa:" * 700_000,
        'aa: "' * 400_000,
        'aa: "\\' * 400_000,
        "aa: " + '"' * 2_000_000,
        " -/" * 700_000,
        "Steps: 20, Sampler: x, Seed: 1, aa: " + "[" * 2_000_000,
        "\n".join(["Negative prompt: x"] * 200_000),
    ],
)
def test_a_hostile_text_is_read_in_linear_time(line: str) -> None:
    assert read_infotext(line) != Infotext()


def test_what_the_extras_wrote_is_no_prompt() -> None:
    read = read_infotext("Postprocess upscale by: 3, Postprocess upscaler: Nearest")
    assert (read.prompt, read.params["Postprocess upscaler"]) == ("", "Nearest")
    assert read_infotext("Postprocess upscale by: 3, a cat: 4").prompt != ""
