"""What NovelAI, InvokeAI, Fooocus, SwarmUI and ComfyUI write into pictures, in A1111's words as far as possible."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from modules.studio.infotext import laid_out

Texts = Mapping[str, str]
"""A picture's texts by their keys."""


class Told(NamedTuple):
    """What a picture says of itself."""

    prompt: str
    negative_prompt: str
    params: dict[str, object]
    """A1111's entries; None where nothing was said."""


def foreign_infotext(texts: Texts) -> str:
    """The parameters in A1111's grammar with "Generator" behind them; "" for a picture of nobody we know."""
    for name, read in READERS.items():
        try:
            told = read(texts)
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError):
            continue  # not theirs, or not whole
        if told is not None:
            params = {
                key: value for key, value in told.params.items() if isinstance(value, str | int | float) and value != ""
            }
            return laid_out(told.prompt, told.negative_prompt, {**params, "Generator": name})
    return ""


def is_foreign(infotext: str) -> bool:
    """Whether the text that should be A1111's is JSON, as Fooocus and SwarmUI write it there."""
    return infotext.lstrip().startswith("{")


def novelai(texts: Texts) -> Told | None:
    """`Software` is NovelAI; the prompt is in `Description`, the rest as JSON in `Comment`."""
    if texts.get("Software") != "NovelAI":
        return None
    said = _object(texts["Comment"])
    sampler, schedule = SAMPLERS.get(str(said.get("sampler", "")).removeprefix("k_"), ""), said.get("noise_schedule")
    params = {
        "Steps": said.get("steps"),
        "Sampler": sampler,
        "Schedule type": SCHEDULES.get(str(schedule)),
        "CFG scale": said.get("scale"),
        "Seed": said.get("seed"),
        "Size": _size(said.get("width"), said.get("height")),
        "Denoising strength": said.get("strength"),
        "Model": texts.get("Source"),
    }
    return Told(texts["Description"].strip(), str(said.get("uc") or ""), params)


def invokeai(texts: Texts) -> Told | None:
    """`invokeai_metadata` of version 3 and later, `sd-metadata` of version 2."""
    if "invokeai_metadata" in texts:
        said = _object(texts["invokeai_metadata"])
        model = said.get("model") or {}
        sampler, schedule = _invoke_scheduler(str(said.get("scheduler", "")))
        loras = [
            (_name_of(each.get("model") or each.get("lora") or {}), each.get("weight", 1))
            for each in said.get("loras") or ()
        ]
        params = {
            "Steps": said.get("steps"),
            "Sampler": sampler,
            "Schedule type": schedule,
            "CFG scale": said.get("cfg_scale"),
            "Seed": said.get("seed"),
            "Size": _size(said.get("width"), said.get("height")),
            "Model": _name_of(model),
            "Clip skip": _skipped(said.get("clip_skip")),
            "Denoising strength": said.get("strength"),
        }
        return Told(_with_loras(str(said["positive_prompt"]), loras), str(said.get("negative_prompt") or ""), params)
    if "sd-metadata" not in texts:
        return None
    said = _object(texts["sd-metadata"])
    image = said["image"]
    written = image["prompt"] if isinstance(image["prompt"], str) else image["prompt"][0]["prompt"]
    negative = " ".join(re.findall(r"\[(.*?)\]", written))
    sampler, schedule = _invoke_scheduler(str(image.get("sampler", "")).removeprefix("k_"))
    params = {
        "Steps": image.get("steps"),
        "Sampler": sampler,
        "Schedule type": schedule,
        "CFG scale": image.get("cfg_scale"),
        "Seed": image.get("seed"),
        "Size": _size(image.get("width"), image.get("height")),
        "Model": said.get("model_weights"),
    }
    return Told(re.sub(r"\s*\[.*?\]", "", written), negative, params)


def fooocus(texts: Texts) -> Told | None:
    """JSON in `parameters` (or the comment of a JPEG), with fooocus_scheme "fooocus"; its other scheme is A1111's."""
    said = _object(texts["parameters"])
    if "base_model" not in said or "sampler" not in said:
        return None
    listed = said.get("loras") or ()
    loras: list[tuple[Any, ...]] = [tuple(each[:2]) for each in listed if isinstance(each, list) and len(each) > 1]
    loras += [tuple(str(said[key]).rsplit(" : ", 1)) for key in said if re.fullmatch(r"lora_combined_\d+", key)]
    size = re.findall(r"\d+", str(said.get("resolution", "")))
    params = {
        "Steps": said.get("steps"),
        "Sampler": SAMPLERS.get(said["sampler"]),
        "Schedule type": SCHEDULES.get(str(said.get("scheduler"))),
        "CFG scale": said.get("guidance_scale"),
        "Seed": said.get("seed"),
        "Size": _size(*size[:2]) if len(size) > 1 else None,
        "Model hash": said.get("base_model_hash"),
        "Model": said["base_model"],
        "Clip skip": said.get("clip_skip"),
    }
    return Told(_with_loras(str(said["prompt"]), loras), str(said.get("negative_prompt") or ""), params)


def swarmui(texts: Texts) -> Told | None:
    """JSON in `parameters` under `sui_image_params`."""
    said = _object(texts["parameters"]).get("sui_image_params")
    if said is None:
        return None
    loras = zip(said.get("loras") or (), said.get("loraweights") or (), strict=False)
    params = {
        "Steps": said.get("steps"),
        "Sampler": SAMPLERS.get(str(said.get("sampler"))),
        "Schedule type": SCHEDULES.get(str(said.get("scheduler"))),
        "CFG scale": said.get("cfgscale"),
        "Seed": said.get("seed"),
        "Size": _size(said.get("width"), said.get("height")),
        "Model": said.get("model"),
        "VAE": said.get("vae"),
        "Denoising strength": said.get("initimagecreativity"),
    }
    return Told(_with_loras(str(said["prompt"]), loras), str(said.get("negativeprompt") or ""), params)


def comfyui(texts: Texts) -> Told | None:
    """The graph that ran, in `prompt`: the first sampler that has both prompts, and what it is joined to."""
    graph = _Graph(_object(texts["prompt"]))
    for node in (*graph.of_kind("KSampler"), *map(graph.whole, graph.of_kind("SamplerCustom"))):
        positive = graph.text(node, "positive")
        if positive is None:
            continue
        loras = [
            (graph.value(each, "lora_name"), graph.value(each, "strength_model") or 1)
            for each in graph.upstream(node, "model")
            if "lora_name" in each["inputs"]
        ]
        models = (
            graph.value(each, key) for each in graph.upstream(node, "model") for key in ("ckpt_name", "unet_name")
        )
        latents = list(graph.upstream(node, "latent_image"))
        sizes = (_size(graph.value(each, "width"), graph.value(each, "height")) for each in latents)
        seed = graph.value(node, "seed")
        params = {
            "Steps": graph.value(node, "steps"),
            "Sampler": SAMPLERS.get(str(graph.value(node, "sampler_name"))),
            "Schedule type": SCHEDULES.get(str(graph.value(node, "scheduler"))),
            "CFG scale": graph.value(node, "cfg"),
            "Seed": seed if seed is not None else graph.value(node, "noise_seed"),
            "Size": next(filter(None, sizes), None),
            "Model": _stem(next((model for model in models if model), "")),
            "Denoising strength": _less_than_all(graph.value(node, "denoise")),
        }
        return Told(_with_loras(positive, loras), graph.text(node, "negative") or "", params)
    return None


class _Graph:
    """ComfyUI's nodes: {id: {"class_type", "inputs"}}, where an input is a value or [id, output]."""

    def __init__(self, nodes: Mapping[str, Any]) -> None:
        self._nodes = nodes

    def of_kind(self, kind: str) -> Iterator[dict[str, Any]]:
        """Nodes whose class is called like that, the last ones first: refining and upscaling come later."""
        for node in self._nodes.values():
            if isinstance(node, dict) and kind in str(node.get("class_type")) and isinstance(node.get("inputs"), dict):
                yield node

    def whole(self, node: dict[str, Any]) -> dict[str, Any]:
        """A sampler in parts (guider, sampler, sigmas, noise), with their inputs as if it were a KSampler."""
        inputs = node["inputs"]
        for name in PARTS:
            part = next(self.upstream(node, name), None)
            if part is not None:
                inputs = {**part["inputs"], **inputs}
                kind = str(part.get("class_type")).lower().removesuffix("scheduler").removesuffix("sampling")
                inputs = {**({"scheduler": kind} if name == "sigmas" else {}), **inputs}
        return {**node, "inputs": {"positive": inputs.get("conditioning"), **inputs}}

    def value(self, node: Mapping[str, Any], name: str) -> Any:
        """An input, through nodes that only hold a value."""
        found = node["inputs"].get(name)
        for _ in range(len(self._nodes)):
            if not isinstance(found, list) or len(found) != 2:
                return found
            inputs = self._nodes[str(found[0])]["inputs"]
            plain = [value for value in inputs.values() if not isinstance(value, list)]
            found = inputs.get(name, inputs.get("value", plain[0] if len(plain) == 1 else None))
        return None

    def upstream(self, node: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
        """The node that an input is joined to, and those before it, each once, the nearest first."""
        waiting, seen = [node["inputs"].get(name)], set()
        while waiting:
            link = waiting.pop(0)
            if isinstance(link, list) and len(link) == 2 and str(link[0]) in self._nodes and str(link[0]) not in seen:
                seen.add(str(link[0]))
                found = self._nodes[str(link[0])]
                yield found
                waiting += found["inputs"].values()

    def text(self, node: Mapping[str, Any], name: str) -> str | None:
        """The words that an input's conditioning was made from."""
        for found in self.upstream(node, name):
            for key in ("text", "text_g", "text_l", "prompt"):
                words = self.value(found, key) if key in found["inputs"] else None
                if isinstance(words, str):
                    return words.strip()
        return None


def _object(text: str) -> dict[str, Any]:
    """A JSON object; ComfyUI writes NaN where it has nothing."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _size(width: object, height: object) -> str | None:
    return f"{width}x{height}" if width and height and f"{width}{height}".isdecimal() else None


def _stem(name: object) -> str:
    """A file's name as infotexts have it."""
    return re.sub(r"\.(safetensors|ckpt|pt|sft|gguf)$", "", re.split(r"[\\/]", str(name))[-1])


def _name_of(model: Mapping[str, Any]) -> str:
    return str(model.get("name") or model.get("model_name") or model.get("key") or "")


def _with_loras(prompt: str, loras: Any) -> str:
    """The prompt with `<lora:name:weight>` for each (name, weight)."""
    tags = [f"<lora:{_stem(name)}:{weight}>" for name, weight in loras if name and name != "None"]
    return " ".join([prompt, *tags])


def _skipped(layers: object) -> int | None:
    """InvokeAI counts the layers that are left out, A1111 from one."""
    return layers + 1 if isinstance(layers, int) and layers > 0 else None


def _less_than_all(denoise: object) -> object:
    return denoise if denoise != 1 else None


def _invoke_scheduler(name: str) -> tuple[str | None, str | None]:
    """InvokeAI's schedulers are a sampler and, with _k behind it, Karras' noise levels."""
    plain = name.removesuffix("_k")
    return INVOKE.get(plain) or SAMPLERS.get(plain), "Karras" if plain != name else None


PARTS = ("guider", "sampler", "sigmas", "noise")
SAMPLERS: Mapping[str, str] = {
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "heunpp2": "HeunPP2",
    "dpm_2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "lms": "LMS",
    "dpm_fast": "DPM fast",
    "dpm_adaptive": "DPM adaptive",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_sde_gpu": "DPM++ SDE",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_gpu": "DPM++ 2M SDE",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "dpmpp_3m_sde_gpu": "DPM++ 3M SDE",
    "ddpm": "DDPM",
    "lcm": "LCM",
    "ipndm": "IPNDM",
    "ipndm_v": "IPNDM_V",
    "deis": "DEIS",
    "ddim": "DDIM",
    "plms": "PLMS",
    "uni_pc": "UniPC",
    "restart": "Restart",
}
"""ComfyUI's names, which Fooocus, SwarmUI and (with k_ before them) NovelAI share."""
INVOKE: Mapping[str, str] = {
    "euler_a": "Euler a",
    "dpmpp_2s": "DPM++ 2S a",
    "kdpm_2": "DPM2",
    "kdpm_2_a": "DPM2 a",
    "unipc": "UniPC",
    "pndm": "PLMS",
}
SCHEDULES: Mapping[str, str] = {
    "karras": "Karras",
    "exponential": "Exponential",
    "polyexponential": "Polyexponential",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
    "normal": "Normal",
    "ddim_uniform": "DDIM",
    "beta": "Beta",
    "kl_optimal": "KL Optimal",
    "turbo": "Turbo",
    "sdturbo": "Turbo",
    "alignyoursteps": "Align Your Steps",
}
READERS: Mapping[str, Callable[[Texts], Told | None]] = {
    "NovelAI": novelai,
    "InvokeAI": invokeai,
    "SwarmUI": swarmui,
    "Fooocus": fooocus,
    "ComfyUI": comfyui,
}
