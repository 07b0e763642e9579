"""Hundreds of requests, made from the tables of fields and options, through an infotext and back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sd_parsers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modules.diffusion.hardware import Hardware
from modules.diffusion.latent_upscaling import LATENT_UPSCALERS
from modules.diffusion.samplers import SAMPLERS
from modules.diffusion.sigmas import SCHEDULES
from modules.diffusion.store import ModelStore
from modules.studio.again import MODELS
from modules.studio.command_line import ROOT
from modules.studio.face_restoring import CODEFORMER, FINDER, FaceRestorers
from modules.studio.image_files import read_parameters
from modules.studio.infotext import read_infotext, to_request_values, write_infotext
from modules.studio.infotext_row import ModelFacts
from modules.studio.infotext_rows import SOFT
from modules.studio.job import LOCAL, Job
from modules.studio.record import IN_THE_REQUEST, OF_THE_FILE, lasting_options
from modules.studio.request import Request, read_request
from modules.studio.resolve import resolve
from modules.studio.settings import Options
from modules.studio.styles import Styles
from modules.studio.upscaling import Upscalers
from tests.studio.samples import png_with_texts

CORPUS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
NOT_IN_A_TEXT = {
    *("styles", "batch_size", "n_iter", "do_not_save_samples", "do_not_save_grid", "override_settings"),
    *("init_images", "mask", "latent_mask", "firstpass_image", "original_size", "include_init_images", "mask_round"),
    *("script_name", "script_args", "alwayson_scripts"),
}
"""Fields that A1111's texts do not have either: how many, where to, from what. Scripts write entries of their own."""
OPTIONS_NOT_IN_A_TEXT = {
    *("enable_prompt_comments", "img2img_fix_steps", "ESRGAN_tile", "ESRGAN_tile_overlap"),
    *("dynamic_prompts", "img2img_background_color"),
}
"""The drawn words are in the text, so nothing is to be drawn again."""
CHECKPOINTS = st.sampled_from([None, "one.safetensors", "sub/Two Words.safetensors", "v1.5 folder"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "sampler_name": st.sampled_from(list(SAMPLERS)),
    "scheduler": st.sampled_from(["Automatic", *SCHEDULES]),
    "hr_sampler_name": st.sampled_from([None, *SAMPLERS]),
    "hr_scheduler": st.sampled_from([None, *SCHEDULES]),
    "hr_upscaler": st.sampled_from([None, "Lanczos", *LATENT_UPSCALERS]),
    "hr_checkpoint_name": CHECKPOINTS,
    "refiner_checkpoint": CHECKPOINTS,
    "sd_vae": st.sampled_from(["Automatic", "sub/Fine.safetensors"]),
    "width": st.integers(64, 1024),
    "height": st.integers(64, 1024),
    "hr_scale": st.floats(1, 4),
    "hr_resize_x": st.just(0) | st.integers(0, 512),
    "hr_resize_y": st.just(0) | st.integers(0, 512),
    **{f"outpaint_{side}": st.integers(0, 200) for side in ("left", "right", "up", "down")},
    "sd_upscale_upscaler": st.sampled_from([None, "Lanczos", "Nearest"]),
}
"""Fields that the schema says less of than there is to know."""
ONLY_WITH: dict[str, Callable[[Request], object]] = {
    "subseed": lambda r: r.subseed_strength,
    "seed_resize_from_w": lambda r: r.seed_resize_from_w and r.seed_resize_from_h,
    "seed_resize_from_h": lambda r: r.seed_resize_from_w and r.seed_resize_from_h,
    "inpaint_full_res_padding": lambda r: getattr(r, "inpaint_full_res", False),
    "denoising_strength": lambda r: r.kind != "txt2img" or getattr(r, "enable_hr", False),
    **dict.fromkeys(("denoising_curve", "final_denoising_strength"), lambda r: getattr(r, "loops", 1) > 1),
    **dict.fromkeys((name for _, name in SOFT), lambda r: getattr(r, "soft_inpainting", False)),
    **dict.fromkeys(("outpaint_blur", "outpaint_fill"), lambda r: getattr(r, "outpaints", False)),
    **dict.fromkeys(
        ("outpaint_falloff", "outpaint_color_variation"),
        lambda r: getattr(r, "outpaints", False) and getattr(r, "outpaint_fill", "") == "noise",
    ),
    **dict.fromkeys(("sd_upscale_scale", "sd_upscale_overlap"), lambda r: getattr(r, "sd_upscale_upscaler", None)),
    "hr_scale": lambda r: not (getattr(r, "hr_resize_x", 0) or getattr(r, "hr_resize_y", 0)),
}
"""Fields that mean nothing unless something else is said; those of the second pass need it."""
OPTION_ONLY_WITH: dict[str, Callable[[Request, Options], object]] = {
    "img2img_extra_noise": lambda r, o: ONLY_WITH["denoising_strength"](r),
    "inpainting_mask_weight": lambda r, o: r.kind != "txt2img",
    "img2img_color_correction": lambda r, o: r.kind != "txt2img",
    "face_restoration_model": lambda r, o: r.restore_faces,
    "code_former_weight": lambda r, o: r.restore_faces and o.face_restoration_model == CODEFORMER,
}


def counts(field: str, request: Request) -> bool:
    second = not field.startswith("hr_") or getattr(request, "enable_hr", False)
    return bool(second and (field not in ONLY_WITH or ONLY_WITH[field](request)))


def said(request: Request, options: Options) -> dict[str, Any]:
    """The fields and options that a text has to carry, the blank ones as they count."""
    fields = [name for name in type(request).model_fields if name not in NOT_IN_A_TEXT and counts(name, request)]
    told = {name: getattr(request, name) for name in fields}
    names = lasting_options() - OF_THE_FILE - OPTIONS_NOT_IN_A_TEXT - IN_THE_REQUEST - {"initial_noise_multiplier"}
    counting = {name for name in names if name not in OPTION_ONLY_WITH or OPTION_ONLY_WITH[name](request, options)}
    told |= {f"option {name}": getattr(options, name) for name in sorted(counting)}
    if told.get("initial_noise_multiplier", 1) is None:
        told["initial_noise_multiplier"] = options.initial_noise_multiplier
    return told


def values_of(name: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What pydantic accepts for a field."""
    if name in CHOICES:
        return CHOICES[name]
    if "anyOf" in schema:
        return st.one_of([values_of("", each) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    low, high = schema.get("minimum"), schema.get("maximum")
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(),
        "boolean": st.booleans(),
        "string": TEXTS,
        "integer": st.integers(low if low != -1 else 0, high if high is not None else 2**40),
        "number": st.floats(low, high, allow_nan=False) | st.sampled_from([low or 0.0, min(1.0, high or 1.0)]),
    }
    return kinds[schema["type"]]


def filled(schema: dict[str, Any], names: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these fields, with any values."""
    rows = schema["properties"]
    return st.fixed_dictionaries({}, optional={name: values_of(name, rows[name]) for name in sorted(names)})


def fields_of(kind: str) -> set[str]:
    """Those that a text has to carry; outpainting and SD upscale are for whole pictures."""
    whole = () if kind != "inpaint" else ("outpaint_", "sd_upscale_")
    return {name for name in MODELS[kind].model_fields if not name.startswith(whole)} - NOT_IN_A_TEXT


def requests_of(kind: str) -> st.SearchStrategy[tuple[dict[str, Any], dict[str, Any]]]:
    """Values of a request, and of the options."""
    fields = fields_of(kind)
    schema, options = MODELS[kind].model_json_schema(), lasting_options() - OF_THE_FILE - OPTIONS_NOT_IN_A_TEXT
    outpainted, tiled = ({name for name in fields if name.startswith(start)} for start in ("outpaint_", "sd_upscale_"))
    either = filled(schema, fields - outpainted) | filled(schema, fields - tiled)
    return st.tuples(either, filled(Options.model_json_schema(), set(options)))


@pytest.fixture
def resolved(
    open_store: Callable[..., ModelStore], tmp_path: Path, cpu: Hardware
) -> Callable[[str, dict[str, Any], dict[str, Any]], tuple[Request, Options]]:
    """Resolves values as a request that is submitted."""
    for name in ("GFPGAN/GFPGAN.pth", "Codeformer/codeformer.pth", FINDER):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    store, styles = open_store(), Styles([tmp_path / "styles.csv"])
    upscalers, faces = Upscalers(tmp_path, cpu), FaceRestorers(tmp_path, cpu)

    def resolve_values(kind: str, values: dict[str, Any], options: dict[str, Any]) -> tuple[Request, Options]:
        request = read_request(kind, {"init_images": ("0",), "mask": "0", **values})
        chosen = Options.model_validate({"sd_model_checkpoint": "one.safetensors", **options})
        return resolve(request, chosen, store, styles, upscalers, faces)

    return resolve_values


def text_of(request: Request, options: Options) -> str:
    """The infotext of a job's only image."""
    job = Job("job", LOCAL, request, options)
    job.prompts, job.negative_prompts = [request.prompt], [request.negative_prompt]
    job.seeds, job.subseeds = [request.seed], [request.subseed]
    vae = "" if options.sd_vae == "Automatic" else options.sd_vae.rpartition("/")[2]
    return write_infotext(job, 0, ModelFacts("one", "0123456789", vae))


@pytest.mark.parametrize("kind", MODELS)
def test_whatever_is_asked_for_reads_back(
    kind: str, resolved: Callable[[str, dict[str, Any], dict[str, Any]], tuple[Request, Options]]
) -> None:
    seen: list[str] = []

    @CORPUS
    @given(requests_of(kind))
    def there_and_back(asked: tuple[dict[str, Any], dict[str, Any]]) -> None:
        request, options = resolved(kind, *asked)
        restored = to_request_values(read_infotext(text_of(request, options)))
        again, options_again = resolved(kind, restored.values, restored.options)
        assert said(again, options_again) == said(request, options)
        assert restored.problems == []
        seen.extend(said(request, options))

    there_and_back()
    assert len(seen) > 150
    assert fields_of(kind) <= set(seen)


def test_what_is_lost_is_noticed(
    resolved: Callable[[str, dict[str, Any], dict[str, Any]], tuple[Request, Options]],
) -> None:
    request, options = resolved("txt2img", {"cfg_scale": 3, "seed": 1, "tiling": True}, {})
    text = text_of(request, options)
    whole, part = (to_request_values(read_infotext(each)) for each in (text, text.replace("Tiling: True, ", "")))
    assert said(*resolved("txt2img", whole.values, whole.options)) == said(request, options)
    assert said(*resolved("txt2img", part.values, part.options)) != said(request, options)


# Other programs' texts, made up by hand after their grammar

OTHERS: list[dict[str, Any]] = json.loads((ROOT / "tests/data/infotexts.json").read_text("utf-8"))


def file_of(row: dict[str, Any]) -> bytes:
    return png_with_texts(**row["texts"])


@pytest.mark.parametrize("row", OTHERS, ids=[row["name"] for row in OTHERS])
def test_what_others_write_is_read(row: dict[str, Any]) -> None:
    restored = to_request_values(read_infotext(read_parameters(file_of(row))))
    assert {key: restored.values.get(key) for key in row["values"]} == row["values"]
    assert {key: restored.options.get(key) for key in row["options"]} == row["options"]
    assert set(row["checkpoints"]) <= set(restored.checkpoints)
    assert len(restored.problems) == row["problems"]
    txt2img = {key: value for key, value in restored.values.items() if key in MODELS["txt2img"].model_fields}
    assert read_request("txt2img", txt2img).steps == restored.values["steps"]


A1111S = [row for row in OTHERS if "parameters" in row["texts"]]


@pytest.mark.parametrize("row", A1111S, ids=[row["name"] for row in A1111S])
def test_a_reader_that_others_published_agrees(row: dict[str, Any]) -> None:
    theirs = sd_parsers.ParserManager().parse(io.BytesIO(file_of(row)))
    ours = read_infotext(row["texts"]["parameters"])
    (sampler,) = theirs.samplers
    assert [prompt.value for prompt in sampler.prompts] == [ours.prompt]
    assert "".join(prompt.value for prompt in sampler.negative_prompts) == ours.negative_prompt
    told = {"steps": "Steps", "seed": "Seed", "cfg_scale": "CFG scale"}
    assert {name: sampler.parameters[name] for name in told} == {name: ours.params[told[name]] for name in told}
    assert (sampler.name, sampler.model.hash) == (ours.params["Sampler"], ours.params.get("Model hash"))
