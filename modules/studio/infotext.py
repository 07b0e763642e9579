"""The "parameters" text of a picture in A1111's grammar, written from a job and read into a request by one table."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from modules.studio.declared import Declared, read_entry
from modules.studio.infotext_entries import entries, entry, plain
from modules.studio.infotext_others import hypernetwork_of, module_as_vae, without_effect
from modules.studio.infotext_row import ModelFacts, Source
from modules.studio.infotext_rows import OLD_TIMELINES, ROWS, SIDES
from modules.studio.job import LOCAL, Job
from modules.studio.request import Img2Img, Inpaint, Request, Txt2Img
from modules.studio.settings import Options
from modules.studio.validation import accepted_part
from modules.studio.version import VERSION

NEGATIVE = "Negative prompt:"
EXACT = "Exact prompt"
EXACT_NEGATIVE = "Exact negative prompt"
"""Entries of our own, written only for prompts that A1111's layout of lines cannot carry unchanged."""

TEMPLATES = ("Template:", "Negative Template:")
WITH_NOISE_OF_THE_CPU = ("InvokeAI", "SwarmUI", "Fooocus", "ComfyUI")
"""Programs whose seeds mean the CPU's random numbers; A1111's, unless it says so, those of an NVIDIA card."""
FEWEST_ENTRIES = 3
"""With fewer `key: value` pairs a text's last line is prompt, not parameters."""


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


def write_infotext(job: Job, index: int, model: ModelFacts) -> str:
    """The text of the job's image number `index`.

    Whoever reads it by `read_infotext` gets the prompts back exactly; A1111's readers get them with their lines
    stripped.
    """
    source = Source(job, index, model)
    params: dict[str, object] = {row.label: row.write(source) for row in ROWS}
    params |= job.further_entries(index)
    params["Version"] = f"Aquatint {VERSION}" if job.options.add_version_to_infotext else None
    params["User"] = job.owner if job.options.add_user_name_to_info and job.owner != LOCAL else None
    prompt, negative_prompt = job.prompts[index], job.negative_prompts[index]
    text = laid_out(prompt, negative_prompt, params)
    read = read_infotext(text)
    if (read.prompt, read.negative_prompt) != (prompt, negative_prompt):
        text = laid_out(prompt, negative_prompt, {**params, EXACT: prompt, EXACT_NEGATIVE: negative_prompt})
    return text


def read_infotext(text: str) -> Infotext:
    """Takes any text apart; what is not parameters is prompt. Linear in its length, never raises."""
    text, templates = _without_templates(text.strip())
    *lines, last = text.split("\n")
    params = dict(entries(last))
    if len(params) < FEWEST_ENTRIES and not _of_the_extras(params):
        lines, params = [*lines, last], {}
    params |= templates
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


def _without_templates(text: str) -> tuple[str, dict[str, str]]:
    """sd-dynamic-prompts writes what the prompts were drawn from below the parameters, in lines of their own."""
    lines = text.split("\n")
    for place in range(1, len(lines)):
        if lines[place].startswith(TEMPLATES) and len(dict(entries(lines[place - 1]))) >= FEWEST_ENTRIES:
            found: dict[str, str] = {}
            label = ""
            for line in lines[place:]:
                begun = next((name for name in TEMPLATES if line.startswith(name)), "")
                label = begun or label
                found[label[:-1]] = f"{found[label[:-1]]}\n{line}" if not begun else line[len(begun) :].strip()
            return "\n".join(lines[:place]), found
    return text, {}


def _of_the_extras(params: Mapping[str, str]) -> bool:
    """A picture that was only enlarged says little, and none of it is a prompt."""
    return bool(params) and all(key.startswith("Postprocess ") for key in params)


def restored_here(text: str, find_vae: Callable[[str], str], declared: Iterable[Declared] = ()) -> Restored:
    """What a text says about a request on this machine, whose VAEs `find_vae` knows (raising AquatintError else), and
    about options that are `declared` by others."""
    infotext = read_infotext(text)
    restored = to_request_values(dataclasses.replace(infotext, params=module_as_vae(infotext.params, find_vae)))
    for row in declared:
        said = infotext.params.get(row.infotext) if row.infotext else None
        if said is None:
            continue
        try:
            restored.options.setdefault(row.name, read_entry(row, said))
        except (ValueError, OverflowError):
            restored.problems.append(_dropped(row.infotext, said))
    return restored


def to_request_values(infotext: Infotext) -> Restored:
    """What the text says about a request. Never raises: what cannot be is dropped, and said in `problems`."""
    prompt = infotext.prompt + hypernetwork_of(infotext.params)
    found: dict[str, Any] = {"prompt": prompt, "negative_prompt": infotext.negative_prompt}
    labels = {"prompt": "Prompt", "negative_prompt": "Negative prompt"}
    problems = without_effect(infotext.params)
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
    kind = Img2Img if found.get("sd_upscale_upscaler") or any(found.get(side) for side in SIDES) else Inpaint
    values, refused = accepted_part(kind, {**_STAND_INS, **_within(Inpaint, found)})
    hires, refused_hires = accepted_part(Txt2Img, {**_within(Txt2Img, values), **_within(Txt2Img, found)})
    rest = {key: value for key, value in found.items() if key not in {**Inpaint.model_fields, **Txt2Img.model_fields}}
    options, refused_options = accepted_part(Options, rest)
    reasons = {**refused_hires, **refused, **refused_options}
    problems += [_dropped(labels[key], reason) for key, reason in reasons.items()]
    values = {key: value for key, value in {**hires, **values}.items() if key not in _STAND_INS}
    return Restored(values, options, _checkpoints(infotext.params), problems)


def _of_its_time(infotext: Infotext) -> dict[str, str]:
    """The entries, and what a text does not say since its program cannot do otherwise."""
    params = infotext.params
    program, said = params.get("Version", ""), dict[str, str]()
    if re.match(r"v?1\.[0-5]\b", program) and "[" in infotext.prompt + infotext.negative_prompt:
        said[OLD_TIMELINES] = "True"
    if program.startswith("Aquatint") or params.get("Generator") in WITH_NOISE_OF_THE_CPU:
        said["RNG"] = "CPU"
    return said | params


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
