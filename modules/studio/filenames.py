"""File and folder names made from A1111's patterns; whatever goes in, what comes out is one safe path component."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from PIL.Image import Image

from modules.studio.job import Job
from modules.studio.request import Img2Img

LONGEST_NAME = 200
"""Bytes of UTF-8 that a name may have before its ending: within every common file system's limit, encrypted ones
(143) are asked for theirs."""
LONGEST_PART = 128
"""Letters that one tag of a pattern may bring."""
PROMPT_WORDS = 8

_FORBIDDEN = re.compile(r'[#<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789")}
_TAG = re.compile(r"\[([^\[\]]+)\]")
_SPLIT = re.compile(r"[\s,.;:!?()\[\]{}<>]+")


@dataclass(frozen=True)
class Subject:
    """What a file name may speak of: one image of a job."""

    job: Job
    index: int
    image: Image
    params: Mapping[str, str]
    """The entries of its infotext, for what only the model knows."""
    now: datetime
    """Local time, aware of its zone."""

    @property
    def prompt(self) -> str:
        return self.job.prompts[self.index]

    @property
    def negative_prompt(self) -> str:
        return self.job.negative_prompts[self.index]


def file_name(pattern: str, subject: Subject, longest: int = LONGEST_NAME) -> str:
    """The pattern filled in, as a name of at most `longest` bytes, without an ending; "" when nothing is left."""
    return safe_component(fill(pattern, subject), longest)


def folder_names(pattern: str, subject: Subject) -> tuple[str, ...]:
    """The pattern filled in, as the names of nested folders; only a / of the pattern itself divides."""
    parts = re.split(r"[/\\]", pattern)
    return tuple(name for part in parts if (name := file_name(part, subject)))


def fill(pattern: str, subject: Subject) -> str:
    """Each tag replaced by its value. Tags that are not known stay as they are; [none] empties the whole name.

    A tag without a value (None) takes the text before it away too, as in A1111.
    """
    pieces = _TAG.split(pattern)
    filled = ""
    for literal, tag in zip(pieces[0::2], [*pieces[1::2], ""], strict=True):
        if tag.casefold() == "none":
            return ""
        value = _value(tag, subject) if tag else ""
        filled += literal + value if value is not None else ""
    return filled


def safe_component(text: str, longest: int = LONGEST_NAME) -> str:
    """A name that every file system takes: no separators or control letters, no device name, not hidden, not too long.

    `longest` counts bytes of UTF-8; letters are never cut in two. The text's direction marks are removed.
    """
    visible = "".join(letter for letter in text if unicodedata.category(letter) not in ("Cf", "Cs"))
    name = _FORBIDDEN.sub("_", visible).encode()[:longest].decode(errors="ignore")
    name = name.strip(". ")
    name = "_" + name[1:] if name.startswith("-") else name
    if name.split(".")[0].strip().casefold() in _RESERVED:
        name = f"_{name}"[:longest]
    return name


def _value(tag: str, subject: Subject) -> str | None:
    name, arguments = _arguments(tag)
    write = TAGS.get(name.casefold())
    if write is None:
        return f"[{tag}]"
    value = write(subject, arguments)
    return None if value is None else str(value).strip()[:LONGEST_PART]


def _arguments(tag: str) -> tuple[str, list[str]]:
    """`datetime<%H><UTC>` is the tag `datetime` with two arguments."""
    name, *arguments = tag.split("<")
    return name.strip(), [argument.removesuffix(">") for argument in arguments]


def _hash(text: str | bytes, arguments: list[str]) -> str:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    wanted = arguments[0] if arguments and arguments[0].isdecimal() else "8"
    return hashlib.sha256(data).hexdigest()[: int(wanted[:3])]


def _time(subject: Subject, arguments: list[str]) -> str:
    """[datetime<format><zone>]; a format or zone that is not known means the default."""
    pattern, zone, *_ = (*arguments, "", "")
    try:
        moment = subject.now.astimezone(ZoneInfo(zone)) if zone else subject.now
        return moment.strftime(pattern or "%Y%m%d%H%M%S")
    except (ValueError, OSError, KeyError):
        return subject.now.strftime("%Y%m%d%H%M%S")


def _words(subject: Subject, arguments: list[str]) -> str:
    return " ".join([word for word in _SPLIT.split(subject.prompt) if word][:PROMPT_WORDS])


def _has_prompt(subject: Subject, arguments: list[str]) -> str:
    """[hasprompt<word|else>...]: each word that the prompt has, or what stands for its absence."""
    prompt = subject.prompt.casefold()
    choices = [argument.partition("|") for argument in arguments]
    return "".join(word if word.casefold() in prompt else otherwise for word, _, otherwise in choices)


def _of_request(name: str) -> Callable[[Subject, list[str]], object]:
    return lambda subject, arguments: getattr(subject.job.request, name)


def _of_params(label: str) -> Callable[[Subject, list[str]], object]:
    return lambda subject, arguments: subject.params.get(label, "")


def _batch_number(subject: Subject, arguments: list[str]) -> object:
    size = subject.job.request.batch_size
    return None if size == 1 else subject.index % size + 1


def _generation_number(subject: Subject, arguments: list[str]) -> object:
    return None if len(subject.job.prompts) == 1 else subject.index + 1


def _sampler_scheduler(subject: Subject, arguments: list[str]) -> object:
    scheduler = subject.job.request.scheduler
    return f"{subject.job.request.sampler_name} {'' if scheduler in (None, 'Automatic') else scheduler}"


def _denoising(subject: Subject, arguments: list[str]) -> object:
    request = subject.job.request
    return request.denoising_strength if isinstance(request, Img2Img) else None


TAGS: Mapping[str, Callable[[Subject, list[str]], object]] = {
    "basename": lambda s, a: "",
    "seed": lambda s, a: s.job.seeds[s.index],
    "seed_first": lambda s, a: s.job.seeds[0],
    "seed_last": lambda s, a: s.job.seeds[-1],
    "steps": _of_request("steps"),
    "cfg": _of_request("cfg_scale"),
    "width": lambda s, a: s.image.width,
    "height": lambda s, a: s.image.height,
    "styles": lambda s, a: ", ".join(s.job.request.styles) or "None",
    "sampler": _of_request("sampler_name"),
    "sampler_scheduler": _sampler_scheduler,
    "scheduler": _of_request("scheduler"),
    "model_hash": _of_params("Model hash"),
    "model_name": _of_params("Model"),
    "date": lambda s, a: s.now.strftime("%Y-%m-%d"),
    "datetime": _time,
    "job_timestamp": lambda s, a: s.now.strftime("%Y%m%d%H%M%S"),
    "prompt_hash": lambda s, a: _hash(s.prompt, a),
    "negative_prompt_hash": lambda s, a: _hash(s.negative_prompt, a),
    "full_prompt_hash": lambda s, a: _hash(f"{s.prompt} {s.negative_prompt}", a),
    "prompt": lambda s, a: s.prompt.replace(" ", "_"),
    "prompt_no_styles": lambda s, a: s.prompt.replace(" ", "_"),
    "prompt_spaces": lambda s, a: s.prompt,
    "prompt_words": _words,
    "batch_number": _batch_number,
    "batch_size": _of_request("batch_size"),
    "generation_number": _generation_number,
    "hasprompt": _has_prompt,
    "clip_skip": lambda s, a: s.job.options.CLIP_stop_at_last_layers,
    "denoising": _denoising,
    "user": lambda s, a: s.job.owner,
    "vae_filename": _of_params("VAE"),
    "image_hash": lambda s, a: _hash(s.image.tobytes(), a),
}
"""A1111's tags; an argument list holds what stands in <> after the name."""
