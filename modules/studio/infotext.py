"""The "parameters" text of a picture in A1111's grammar, written from a job and read into a request by one table."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from modules.studio.infotext_entries import entries, entry, plain
from modules.studio.job import Job
from modules.studio.request import Img2Img, Inpaint, Request
from modules.studio.settings import Options
from modules.studio.validation import accepted_part
from modules.studio.version import VERSION

if TYPE_CHECKING:
    from modules.diffusion.model import Model

NEGATIVE = "Negative prompt:"
EXACT = "Exact prompt"
EXACT_NEGATIVE = "Exact negative prompt"
"""Entries of our own, written only for prompts that A1111's layout of lines cannot carry unchanged."""

OLD_TIMELINES = "Old prompt editing timelines"

FEWEST_ENTRIES = 3
"""With fewer `key: value` pairs a text's last line is prompt, not parameters."""

MASK_MODES = ("Inpaint masked", "Inpaint not masked")
MASKED_CONTENTS = ("fill", "original", "latent noise", "latent nothing")
INPAINT_AREAS = ("Whole picture", "Only masked")
RESIZE_MODES = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")


@dataclass(frozen=True)
class ModelFacts:
    """What a picture says of the weights that made it. Hashes are the first 10 hex digits of SHA-256, or empty."""

    name: str = ""
    hash: str = ""
    vae_name: str = ""
    """Empty when the checkpoint's own VAE was used."""
    vae_hash: str = ""

    @staticmethod
    def of(model: Model) -> ModelFacts:
        """The facts of a leased model."""
        checkpoint = model.checkpoint
        return ModelFacts(checkpoint.stem, checkpoint.sha256[:10], model.vae_name or "")


@dataclass(frozen=True)
class Source:
    """What the text of one picture is written from."""

    job: Job
    index: int
    model: ModelFacts

    @property
    def request(self) -> Request:
        return self.job.request

    @property
    def options(self) -> Options:
        return self.job.options


@dataclass(frozen=True)
class Infotext:
    """A text taken apart; `params` are its entries in their order, unquoted."""

    prompt: str = ""
    negative_prompt: str = ""
    params: dict[str, str] = dataclasses.field(default_factory=dict)


class Restored(NamedTuple):
    """What an infotext says about a request; everything in it was validated as if it had been typed."""

    values: dict[str, Any]
    """Fields of a request (those of the kind at hand count, `read_request` ignores the others)."""
    options: dict[str, Any]
    checkpoints: tuple[str, ...]
    """What the checkpoint may be called, the surest first: a hash, a name."""
    problems: list[str]
    """A sentence for each entry that was dropped."""


Write = Callable[[Source], object]
Read = Callable[[str], dict[str, Any]]
R = TypeVar("R", bound=Request)


class Row(NamedTuple):
    """One entry, both ways."""

    label: str
    write: Write
    """None leaves the entry out."""
    read: Read = lambda text: {}
    """Fields of a request, or names of options; raises ValueError."""
    missing: str | None = None
    """What it means when the entry is not there."""


def _field(name: str, parse: Callable[[str], object]) -> Read:
    return lambda text: {name: parse(text)}


def _only(kind: type[R], write: Callable[[R], object]) -> Write:
    return lambda source: write(source.request) if isinstance(source.request, kind) else None


def _option(name: str) -> Write:
    """An option's value, left out when it is the default."""
    default = Options.model_fields[name].default
    return lambda source: None if (value := getattr(source.options, name)) == default else value


def _switch(text: str) -> bool:
    return bool(("False", "True").index(text))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise
        return int(number)


def _word(text: str) -> str:
    """A name: of one line, not absurdly long, and without a path before it."""
    if not text or len(text) > 200 or not text.isprintable() or "/" in text or "\\" in text:
        raise ValueError("it is not a name")
    return text


def _one_of(choices: tuple[str, ...]) -> Callable[[str], int]:
    """The number of a choice; ValueError when it is none of them."""
    return lambda text: choices.index(text)


def _size(text: str) -> dict[str, Any]:
    width, height = text.split("x")
    return {"width": _whole(width), "height": _whole(height)}


def _sampler(text: str) -> dict[str, Any]:
    # Imported here: the samplers bring torch, which a text does not need.
    from modules.diffusion.samplers import split_merged_name

    sampler, scheduler = split_merged_name(_word(text))
    return {"sampler_name": sampler} | ({"scheduler": scheduler} if scheduler else {})


def _on_timesteps(source: Source) -> bool:
    """A1111 has another name for the eta of DDIM."""
    return (source.request.sampler_name or "").startswith("DDIM")


def _mask_blur(text: str) -> dict[str, Any]:
    return {"mask_blur_x": _whole(text), "mask_blur_y": _whole(text)}


def _noise_multiplier(source: Source) -> object:
    if not isinstance(source.request, Img2Img):
        return None
    asked = source.request.initial_noise_multiplier
    multiplier = source.options.initial_noise_multiplier if asked is None else asked
    return multiplier if multiplier != 1 else None


def _model_name(source: Source) -> object:
    return source.model.name if source.options.add_model_name_to_info else None


ROWS: tuple[Row, ...] = (
    Row("Steps", lambda s: s.request.steps, _field("steps", _whole)),
    Row("Sampler", lambda s: s.request.sampler_name, _sampler),
    Row("Schedule type", lambda s: s.request.scheduler, _field("scheduler", _word), "Automatic"),
    Row("CFG scale", lambda s: s.request.cfg_scale, _field("cfg_scale", float)),
    Row("Seed", lambda s: s.job.seeds[s.index], _field("seed", _whole)),
    Row("Size", lambda s: f"{s.request.width}x{s.request.height}", _size),
    Row("Model hash", lambda s: s.model.hash or None),
    Row("Model", lambda s: _model_name(s) or None),
    Row("VAE hash", lambda s: s.model.vae_hash or None),
    Row("VAE", lambda s: s.model.vae_name or None, _field("sd_vae", _word)),
    Row(
        "Variation seed",
        lambda s: s.job.subseeds[s.index] if s.request.subseed_strength else None,
        _field("subseed", _whole),
    ),
    Row(
        "Variation seed strength",
        lambda s: s.request.subseed_strength or None,
        _field("subseed_strength", float),
        "0",
    ),
    Row("Denoising strength", _only(Img2Img, lambda r: r.denoising_strength), _field("denoising_strength", float)),
    Row(
        "Clip skip",
        lambda s: s.options.CLIP_stop_at_last_layers if s.options.CLIP_stop_at_last_layers > 1 else None,
        _field("CLIP_stop_at_last_layers", _whole),
        "1",
    ),
    Row("ENSD", lambda s: s.options.eta_noise_seed_delta or None, _field("eta_noise_seed_delta", _whole), "0"),
    Row("Emphasis", _option("emphasis"), _field("emphasis", str), "Original"),
    Row(
        "Prompt word wrap length limit",
        _option("comma_padding_backtrack"),
        _field("comma_padding_backtrack", _whole),
        "20",
    ),
    Row(OLD_TIMELINES, _option("use_old_scheduling"), _field("use_old_scheduling", _switch), "False"),
    Row("RNG", lambda s: "CPU"),
    Row(
        "Mask mode",
        _only(Inpaint, lambda r: MASK_MODES[1] if r.inpainting_mask_invert else None),
        _field("inpainting_mask_invert", _one_of(MASK_MODES)),
        MASK_MODES[0],
    ),
    Row("Mask blur", _only(Inpaint, lambda r: r.mask_blur_x if r.mask_blur_x == r.mask_blur_y else None), _mask_blur),
    Row(
        "Mask blur x",
        _only(Inpaint, lambda r: r.mask_blur_x if r.mask_blur_x != r.mask_blur_y else None),
        _field("mask_blur_x", _whole),
    ),
    Row(
        "Mask blur y",
        _only(Inpaint, lambda r: r.mask_blur_y if r.mask_blur_x != r.mask_blur_y else None),
        _field("mask_blur_y", _whole),
    ),
    Row(
        "Inpaint area",
        _only(Inpaint, lambda r: INPAINT_AREAS[1] if r.inpaint_full_res else None),
        _field("inpaint_full_res", _one_of(INPAINT_AREAS)),
        INPAINT_AREAS[0],
    ),
    Row(
        "Masked area padding",
        _only(Inpaint, lambda r: r.inpaint_full_res_padding if r.inpaint_full_res else None),
        _field("inpaint_full_res_padding", _whole),
        "32",
    ),
    Row(
        "Masked content",
        _only(Inpaint, lambda r: MASKED_CONTENTS[r.inpainting_fill] if r.inpainting_fill != 1 else None),
        _field("inpainting_fill", _one_of(MASKED_CONTENTS)),
        "original",
    ),
    Row(
        "Resize mode",
        _only(Img2Img, lambda r: RESIZE_MODES[r.resize_mode] if r.resize_mode else None),
        _field("resize_mode", _one_of(RESIZE_MODES)),
        RESIZE_MODES[0],
    ),
    Row("Noise multiplier", _noise_multiplier, _field("initial_noise_multiplier", float)),
    Row("Eta", lambda s: None if _on_timesteps(s) else s.request.eta, _field("eta", float)),
    Row("Eta DDIM", lambda s: s.request.eta if _on_timesteps(s) else None, _field("eta", float)),
    Row("Sigma churn", lambda s: s.request.s_churn, _field("s_churn", float)),
    Row("Sigma tmin", lambda s: s.request.s_tmin, _field("s_tmin", float)),
    Row("Sigma tmax", lambda s: s.request.s_tmax, _field("s_tmax", float)),
    Row("Sigma noise", lambda s: s.request.s_noise, _field("s_noise", float)),
)
"""In A1111's order; `Job.extra_generation_params` follow, then the version."""


def write_infotext(job: Job, index: int, model: ModelFacts) -> str:
    """The text of the job's image number `index`.

    Whoever reads it by `read_infotext` gets the prompts back exactly; A1111's readers get them with their lines
    stripped.
    """
    source = Source(job, index, model)
    params: dict[str, object] = {row.label: row.write(source) for row in ROWS}
    params |= job.extra_generation_params
    params["Version"] = f"Aquatint {VERSION}" if job.options.add_version_to_infotext else None
    prompt, negative_prompt = job.prompts[index], job.negative_prompts[index]
    text = laid_out(prompt, negative_prompt, params)
    read = read_infotext(text)
    if (read.prompt, read.negative_prompt) != (prompt, negative_prompt):
        text = laid_out(prompt, negative_prompt, {**params, EXACT: prompt, EXACT_NEGATIVE: negative_prompt})
    return text


def read_infotext(text: str) -> Infotext:
    """Takes any text apart; what is not parameters is prompt. Linear in its length, never raises."""
    *lines, last = text.strip().split("\n")
    params = dict(entries(last))
    if len(params) < FEWEST_ENTRIES:
        lines, params = [*lines, last], {}
    prompt: list[str] = []
    negative: list[str] = []
    part = prompt
    for line in map(str.strip, lines):
        if line.startswith(NEGATIVE):
            part, line = negative, line[len(NEGATIVE) :].strip()
        part.append(line)
    return Infotext(
        params.pop(EXACT, "\n".join(prompt).lstrip("\n")),
        params.pop(EXACT_NEGATIVE, "\n".join(negative).lstrip("\n")),
        params,
    )


def to_request_values(infotext: Infotext) -> Restored:
    """What the text says about a request. Never raises: what cannot be is dropped, and said in `problems`."""
    found: dict[str, Any] = {"prompt": infotext.prompt, "negative_prompt": infotext.negative_prompt}
    labels = {"prompt": "Prompt", "negative_prompt": "Negative prompt"}
    problems: list[str] = []
    params = _of_its_time(infotext)
    for row in sorted(ROWS, key=lambda row: row.label in params) if params else ():
        text = params.get(row.label, row.missing)
        if text is None:
            continue
        try:
            read = row.read(text)
        except (ValueError, OverflowError):
            problems.append(_dropped(row.label, text))
            continue
        found |= read
        labels |= dict.fromkeys(read, row.label)
    values, refused = accepted_part(Inpaint, {**_STAND_INS, **_within(Inpaint, found)})
    rest = {key: value for key, value in found.items() if key not in Inpaint.model_fields}
    options, refused_options = accepted_part(Options, rest)
    problems += [_dropped(labels[key], reason) for key, reason in {**refused, **refused_options}.items()]
    values = {key: value for key, value in values.items() if key not in _STAND_INS}
    return Restored(values, options, _checkpoints(infotext.params), problems)


def _of_its_time(infotext: Infotext) -> dict[str, str]:
    """The entries, and what a picture of A1111 before 1.6 does not say since it could not be otherwise."""
    before_1_6 = re.match(r"v?1\.[0-5]\b", infotext.params.get("Version", ""))
    edited = "[" in infotext.prompt + infotext.negative_prompt
    return ({OLD_TIMELINES: "True"} if before_1_6 and edited else {}) | infotext.params


_STAND_INS: Mapping[str, Any] = {"init_images": ("0",), "mask": "0"}
"""Pictures are not in a text, but a request to inpaint is not valid without them."""


def _within(kind: type[Request], found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key in kind.model_fields}


def _dropped(label: str, what: str) -> str:
    return f"{label} is left as it was: {what:.100}"


def _checkpoints(params: Mapping[str, str]) -> tuple[str, ...]:
    """A hash and a name as they are looked up in a list of checkpoints; neither is ever a path to open."""
    digits, name = params.get("Model hash", ""), params.get("Model", "")
    hashes = (digits,) if re.fullmatch("[0-9a-f]{8,64}", digits) else ()
    names = (name,) if 0 < len(name) <= 200 and not set(name) & set("/\\") else ()
    return hashes + names


def laid_out(prompt: str, negative_prompt: str, params: Mapping[str, object]) -> str:
    """The text in A1111's layout of lines; entries that are None are left out."""
    entries = ", ".join(entry(key, plain(value)) for key, value in params.items() if value is not None)
    negative = f"\n{NEGATIVE} {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{entries}".strip()
