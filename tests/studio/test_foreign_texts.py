"""Pictures of other programs: read in A1111's words, in agreement with the sd-parsers package where it reads them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sd_parsers import ParserManager

from modules.studio.foreign_texts import READERS, foreign_infotext
from modules.studio.image_files import read_parameters
from modules.studio.infotext import read_infotext, to_request_values

COMFY = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 156680208700286,
            "steps": 25,
            "cfg": 6.5,
            "sampler_name": "dpmpp_2m_sde",
            "scheduler": "karras",
            "denoise": 0.6,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sub/dreamy.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 768, "height": 512, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0], "clip": ["10", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry, (bad:1.2)", "clip": ["10", 1]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {
            "lora_name": "ink.safetensors",
            "strength_model": 0.7,
            "strength_clip": 1.0,
            "model": ["4", 0],
            "clip": ["4", 1],
        },
    },
    "11": {"class_type": "PrimitiveString", "inputs": {"value": "a castle, dawn"}},
}
WORKFLOW = {
    "nodes": [{"id": int(number), "type": node["class_type"], "inputs": []} for number, node in COMFY.items()],
    "links": [],
}
INVOKE = {
    "positive_prompt": "a fox in the snow",
    "negative_prompt": "text",
    "width": 832,
    "height": 1216,
    "seed": 77,
    "steps": 30,
    "cfg_scale": 7.5,
    "scheduler": "dpmpp_2m_k",
    "clip_skip": 1,
    "model": {"key": "abc", "hash": "blake3:1", "name": "juggernaut", "base": "sdxl", "type": "main"},
    "loras": [{"model": {"name": "ink"}, "weight": 0.75}],
    "app_version": "5.4.0",
}
OLD_INVOKE = {
    "model": "stable diffusion",
    "model_weights": "sd-1.5",
    "image": {
        "prompt": [{"prompt": "an owl [text, frame]", "weight": 1.0}],
        "steps": 40,
        "cfg_scale": 7.5,
        "seed": 5,
        "sampler": "k_euler_a",
        "width": 512,
        "height": 640,
    },
}
FOOOCUS = {
    "prompt": "a lighthouse",
    "negative_prompt": "fog",
    "guidance_scale": 4.0,
    "steps": 30,
    "seed": "1234",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "resolution": "(896, 1152)",
    "base_model": "juggernautXL",
    "base_model_hash": "aeb7e9e689",
    "loras": [["offset.safetensors", 0.1, "2a3b"]],
    "version": "Fooocus v2.5.5",
}
SWARM = {
    "sui_image_params": {
        "prompt": "a whale",
        "negativeprompt": "boat",
        "model": "sd_xl_base_1.0",
        "seed": 99,
        "steps": 20,
        "cfgscale": 7,
        "width": 1024,
        "height": 1024,
        "sampler": "euler_ancestral",
        "scheduler": "normal",
        "loras": ["ink"],
        "loraweights": ["0.5"],
        "swarm_version": "0.9.5.0",
    }
}
NOVEL = {"steps": 28, "sampler": "k_euler_ancestral", "seed": 1234567, "strength": 0.7, "noise": 0.2, "scale": 11.0}
PICTURES: dict[str, dict[str, str]] = {
    "ComfyUI": {"prompt": json.dumps(COMFY), "workflow": json.dumps(WORKFLOW)},
    "InvokeAI": {"invokeai_metadata": json.dumps(INVOKE)},
    "InvokeAI 2": {"sd-metadata": json.dumps(OLD_INVOKE)},
    "Fooocus": {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"},
    "SwarmUI": {"parameters": json.dumps(SWARM)},
    "NovelAI": {
        "Title": "AI generated image",
        "Software": "NovelAI",
        "Source": "Stable Diffusion 1D44365E",
        "Description": "masterpiece, a garden ",
        "Comment": json.dumps({**NOVEL, "uc": "lowres", "width": 512, "height": 768}),
    },
}
EXPECTED = {
    "ComfyUI": (
        "a castle, dawn <lora:ink:0.7>\nNegative prompt: blurry, (bad:1.2)\n"
        "Steps: 25, Sampler: DPM++ 2M SDE, Schedule type: Karras, CFG scale: 6.5, Seed: 156680208700286, "
        "Size: 768x512, Model: dreamy, Denoising strength: 0.6, Generator: ComfyUI"
    ),
    "InvokeAI": (
        "a fox in the snow <lora:ink:0.75>\nNegative prompt: text\n"
        "Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 77, Size: 832x1216, "
        "Model: juggernaut, Clip skip: 2, Generator: InvokeAI"
    ),
    "InvokeAI 2": (
        "an owl\nNegative prompt: text, frame\n"
        "Steps: 40, Sampler: Euler a, CFG scale: 7.5, Seed: 5, Size: 512x640, Model: sd-1.5, Generator: InvokeAI"
    ),
    "Fooocus": (
        "a lighthouse <lora:offset:0.1>\nNegative prompt: fog\n"
        "Steps: 30, Sampler: DPM++ 2M SDE, Schedule type: Karras, CFG scale: 4, Seed: 1234, Size: 896x1152, "
        "Model hash: aeb7e9e689, Model: juggernautXL, Generator: Fooocus"
    ),
    "SwarmUI": (
        "a whale <lora:ink:0.5>\nNegative prompt: boat\n"
        "Steps: 20, Sampler: Euler a, Schedule type: Normal, CFG scale: 7, Seed: 99, Size: 1024x1024, "
        "Model: sd_xl_base_1.0, Generator: SwarmUI"
    ),
    "NovelAI": (
        "masterpiece, a garden\nNegative prompt: lowres\n"
        "Steps: 28, Sampler: Euler a, CFG scale: 11, Seed: 1234567, Size: 512x768, Denoising strength: 0.7, "
        "Model: Stable Diffusion 1D44365E, Generator: NovelAI"
    ),
}


def picture(texts: dict[str, str]) -> bytes:
    chunks, file = PngInfo(), io.BytesIO()
    for name, text in texts.items():
        chunks.add_text(name, text)
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


@pytest.mark.parametrize("program", PICTURES)
def test_a_picture_of_another_program_is_read_in_a1111s_words(program: str) -> None:
    assert read_parameters(picture(PICTURES[program])) == EXPECTED[program]


@pytest.mark.parametrize("program", PICTURES)
def test_what_was_read_fills_a_request(program: str) -> None:
    restored = to_request_values(read_infotext(read_parameters(picture(PICTURES[program]))))
    assert {"prompt", "negative_prompt", "steps", "cfg_scale", "seed", "width", "height"} <= restored.values.keys()


@pytest.mark.parametrize("program", ["ComfyUI", "InvokeAI", "Fooocus", "NovelAI"])
def test_prompts_seeds_and_steps_are_those_that_sd_parsers_reads(program: str) -> None:
    data = picture(PICTURES[program])
    theirs = ParserManager().parse(Image.open(io.BytesIO(data)))
    assert theirs is not None
    ours = read_infotext(read_parameters(data))
    sampler = theirs.samplers[0]
    negative = {each.value for each in sampler.negative_prompts}
    assert ours.negative_prompt in negative
    assert ours.params["Seed"] == str(sampler.parameters["seed"])
    assert float(ours.params["CFG scale"]) == float(sampler.parameters["cfg_scale"])


def test_a1111s_own_text_comes_first_and_what_nobody_understands_stays() -> None:
    own = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 64x64"
    assert read_parameters(picture({**PICTURES["ComfyUI"], "parameters": own})) == own
    assert read_parameters(picture({"parameters": '{"unknown": 1}'})) == '{"unknown": 1}'
    assert read_parameters(picture({"prompt": "just words"})) == ""


def test_a_jpeg_may_hold_another_programs_text_too() -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + json.dumps(SWARM).encode("utf-16-be")
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    assert read_parameters(file.getvalue()) == EXPECTED["SwarmUI"]


@pytest.mark.parametrize(
    ("guider", "sigmas", "told"),
    [
        (
            {"class_type": "CFGGuider", "inputs": {"cfg": 6, "positive": ["6", 0], "negative": ["7", 0]}},
            {"class_type": "BasicScheduler", "inputs": {"scheduler": "sgm_uniform", "steps": 25, "denoise": 0.8}},
            "Negative prompt: blurry, (bad:1.2)\n"
            "Steps: 25, Sampler: DPM++ 2M, Schedule type: SGM Uniform, CFG scale: 6, ",
        ),
        (
            {"class_type": "BasicGuider", "inputs": {"conditioning": ["6", 0], "model": ["10", 0]}},
            {"class_type": "KarrasScheduler", "inputs": {"steps": 8, "sigma_max": 14.6, "denoise": 0.8}},
            "Steps: 8, Sampler: DPM++ 2M, Schedule type: Karras, ",
        ),
    ],
)
def test_a_sampler_of_comfyui_in_parts_is_read_like_one(
    guider: dict[str, Any], sigmas: dict[str, Any], told: str
) -> None:
    guider["inputs"]["model"] = ["10", 0]
    sampler = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "guider": ["20", 0],
            "sigmas": ["21", 0],
            "sampler": ["22", 0],
            "noise": ["23", 0],
            "latent_image": ["5", 0],
        },
    }
    parts = {
        "22": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "dpmpp_2m"}},
        "23": {"class_type": "RandomNoise", "inputs": {"noise_seed": 9}},
    }
    graph = {**COMFY, "3": sampler, "20": guider, "21": sigmas, **parts}
    assert read_parameters(picture({"prompt": json.dumps(graph)})) == (
        f"a castle, dawn <lora:ink:0.7>\n{told}"
        "Seed: 9, Size: 768x512, Model: dreamy, Denoising strength: 0.8, Generator: ComfyUI"
    )


def test_a_graph_that_goes_in_circles_is_read_to_its_end() -> None:
    graph: dict[str, Any] = json.loads(json.dumps(COMFY))
    graph["11"]["inputs"]["value"] = ["11", 0]
    graph["4"]["inputs"]["model"] = ["10", 0]
    assert foreign_infotext({"prompt": json.dumps(graph)}) == ""


WORDS = [*COMFY["3"], "inputs", "guider", "sigmas", *INVOKE, *FOOOCUS, "image", "3"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["prompt", "parameters", "invokeai_metadata", "sd-metadata", "Comment"]), JSON))
def test_nothing_that_a_picture_holds_raises(texts: dict[str, Any]) -> None:
    found = foreign_infotext({"Software": "NovelAI", **{name: json.dumps(value) for name, value in texts.items()}})
    assert found == "" or any(found.endswith(f"Generator: {name}") for name in READERS)
