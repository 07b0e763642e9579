"""A1111's `modules.sd_samplers`: the samplers, by their names. Those that run are Aquatint's own."""

from __future__ import annotations

from typing import Any

from modules.diffusion.samplers import SAMPLERS, SamplerRow, split_merged_name

from .bridge.missing import refuse
from .bridge.sampler_face import OurSampler, class_of
from .sd_samplers_common import SamplerData, sample_to_image, samples_to_image_grid

__all__ = [
    "add_sampler",
    "all_samplers",
    "all_samplers_map",
    "create_sampler",
    "find_sampler_config",
    "fix_p_invalid_sampler_and_scheduler",
    "get_hr_sampler_and_scheduler",
    "get_hr_sampler_from_infotext",
    "get_hr_scheduler_from_infotext",
    "get_sampler_and_scheduler",
    "get_sampler_from_infotext",
    "get_scheduler_from_infotext",
    "sample_to_image",
    "samplers",
    "samplers_for_img2img",
    "samplers_hidden",
    "samplers_map",
    "samples_to_image_grid",
    "set_samplers",
    "visible_sampler_names",
    "visible_samplers",
]


def _data(row: SamplerRow) -> SamplerData:
    options: dict[str, Any] = {"scheduler": row.default_schedule.lower().replace(" ", "_")}
    options |= {"uses_ensd": True} if row.uses_ensd else {}
    options |= {"second_order": True} if row.calls_per_step == 2 else {}
    options |= {"discard_next_to_last_sigma": True} if row.discard_penultimate else {}

    def made(model: Any = None) -> OurSampler:
        return class_of(row)(row, data, model)

    data = SamplerData(row.name, made, list(row.aliases), options)
    return data


def _all() -> list[SamplerData]:
    return [_data(row) for row in SAMPLERS.values()]


def _by_any_name(rows: list[SamplerData]) -> dict[str, str]:
    return {name.lower(): row.name for row in rows for name in (row.name, *row.aliases)}


all_samplers = [_data(row) for row in SAMPLERS.values()]
all_samplers_map = {each.name: each for each in all_samplers}
samplers = all_samplers
samplers_for_img2img = all_samplers
samplers_hidden: set[str] = set()
samplers_map = _by_any_name(all_samplers)


def find_sampler_config(name: str | None) -> SamplerData | None:
    """The sampler of that name, in whatever case; the first for None."""
    if name is None:
        return all_samplers[0]
    known = samplers_map.get(name.lower())
    return all_samplers_map[known] if known else None


def create_sampler(name: str, model: Any) -> OurSampler:
    """A face of the sampler of that name, also of one that A1111 named with its schedule before 1.9."""
    config = find_sampler_config(name) or find_sampler_config(split_merged_name(name)[0])
    if config is None:
        raise ValueError(f"No sampler called {name!r:.80}")
    made: OurSampler = config.constructor(model)
    return made


def set_samplers() -> None:
    """They are always the same."""


def add_sampler(sampler: SamplerData) -> None:
    """Raises: NotHereError."""
    refuse("sd_samplers.add_sampler", "samplers are built in; all of A1111's and Forge's are there")


def visible_samplers() -> list[SamplerData]:
    """All."""
    return all_samplers


def visible_sampler_names() -> list[str]:
    """Of all."""
    return [each.name for each in all_samplers]


def get_sampler_and_scheduler(
    sampler_name: str | None, scheduler_name: str | None, *, convert_automatic: bool = True
) -> tuple[str, str]:
    """The two names that a merged one ("DPM++ 2M Karras") or two single ones mean. A schedule that is the sampler's own
    is "Automatic" if it is to be converted."""
    found, schedule = split_merged_name(sampler_name or all_samplers[0].name)
    named = schedule or scheduler_name or "Automatic"
    config = find_sampler_config(found)
    own = config.options.get("scheduler") if config is not None else None
    if convert_automatic and own is not None and named.lower().replace(" ", "_") == own:
        named = "Automatic"
    return found, named


def get_hr_sampler_and_scheduler(d: dict[str, Any]) -> tuple[str, str]:
    """The same of the second pass of hires fix, from the entries of an infotext; its "Use same ..." too."""
    same, also_same = "Use same sampler", "Use same scheduler"
    sampler, schedule = d.get("Hires sampler", same), d.get("Hires schedule type", also_same)
    found, named = get_sampler_and_scheduler(
        d.get("Sampler") if sampler == same else sampler,
        d.get("Schedule type") if schedule == also_same else schedule,
    )
    return same if found == d.get("Sampler") else found, also_same if named == d.get("Schedule type") else named


def get_sampler_from_infotext(d: dict[str, Any]) -> str:
    """The sampler that an infotext names."""
    return get_sampler_and_scheduler(d.get("Sampler"), d.get("Schedule type"))[0]


def get_scheduler_from_infotext(d: dict[str, Any]) -> str:
    """The schedule that an infotext names."""
    return get_sampler_and_scheduler(d.get("Sampler"), d.get("Schedule type"))[1]


def get_hr_sampler_from_infotext(d: dict[str, Any]) -> str:
    """That of hires fix."""
    return get_hr_sampler_and_scheduler(d)[0]


def get_hr_scheduler_from_infotext(d: dict[str, Any]) -> str:
    """That of hires fix."""
    return get_hr_sampler_and_scheduler(d)[1]


def fix_p_invalid_sampler_and_scheduler(p: Any) -> None:
    """Takes a merged name apart."""
    p.sampler_name, p.scheduler = get_sampler_and_scheduler(p.sampler_name, getattr(p, "scheduler", None))
