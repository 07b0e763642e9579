"""What an axis does to a job: one row an axis, in A1111's order and under its names, which others look for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modules import sd_models, sd_samplers, sd_schedulers, sd_vae, shared
from xyz_plot.values import ValuesError

Apply = Callable[[Any, Any, Sequence[Any]], None]
"""(p, value, all values of the axis)."""


class AxisOption:
    """An axis. `type` is int, float, str or `str_permutations`; `cost` says how dear it is to change it, 0 to 1."""

    def __init__(
        self,
        label: str,
        type: Any,
        apply: Apply,
        format_value: Callable[..., str] | None = None,
        confirm: Callable[[Any, Sequence[Any]], None] | None = None,
        cost: float = 0.0,
        choices: Callable[[], list[str]] | None = None,
        prepare: Callable[[str], list[Any]] | None = None,
    ) -> None:
        self.label, self.type, self.apply = label, type, apply
        self.format_value = format_value or format_value_add_label
        self.confirm, self.cost, self.choices, self.prepare = confirm, cost, choices, prepare

    is_img2img: bool | None = None
    """Of both kinds of jobs."""


class AxisOptionImg2Img(AxisOption):
    """An axis of jobs that begin with a picture."""

    is_img2img = True


class AxisOptionTxt2Img(AxisOption):
    """An axis of jobs that begin with words alone."""

    is_img2img = False


def str_permutations(text: str) -> str:
    """The type of an axis whose values are put into every order."""
    return text


# What is done with a value


def do_nothing(p: Any, value: Any, values: Sequence[Any]) -> None:
    """Of the axis that is none."""


def apply_field(field: str) -> Apply:
    """Sets an attribute of the job."""

    def apply(p: Any, value: Any, values: Sequence[Any]) -> None:
        setattr(p, field, value)

    return apply


def apply_override(field: str, boolean: bool = False) -> Apply:
    """Sets an option for the job alone."""

    def apply(p: Any, value: Any, values: Sequence[Any]) -> None:
        p.override_settings[field] = str(value).casefold() == "true" if boolean else value

    return apply


def apply_prompt(p: Any, value: str, values: Sequence[str]) -> None:
    """Search and replace: the first value stands in a prompt, the others take its place."""
    if values[0] not in p.prompt and values[0] not in p.negative_prompt:
        raise ValuesError(f"Prompt S/R did not find {values[0]!r} in the prompt or the negative prompt.")
    p.prompt = p.prompt.replace(values[0], value)
    p.negative_prompt = p.negative_prompt.replace(values[0], value)


def apply_order(p: Any, value: Sequence[str], values: Sequence[Any]) -> None:
    """The words of `value`, which stand somewhere in the prompt, take one another's places."""
    missing = [word for word in value if word not in p.prompt]
    if missing:
        raise ValuesError(f"Prompt order did not find {missing[0]!r} in the prompt.")
    places = sorted((p.prompt.find(word), word) for word in value)
    parts, rest = [], p.prompt
    for _, word in places:
        before, _, rest = rest.partition(word)
        parts.append(before)
    p.prompt = "".join(part + word for part, word in zip(parts, value, strict=True)) + rest


def apply_checkpoint(p: Any, value: str, values: Sequence[str]) -> None:
    """Another checkpoint for the job."""
    p.override_settings["sd_model_checkpoint"] = _checkpoint(value).name


def apply_refiner(p: Any, value: str, values: Sequence[str]) -> None:
    """Another refiner, or none."""
    p.refiner_checkpoint = None if value.casefold() == "none" else _checkpoint(value).name


def apply_vae(p: Any, value: str, values: Sequence[str]) -> None:
    """Another VAE for the job."""
    p.override_settings["sd_vae"] = _matched(value, ["Automatic", "None", *sd_vae.vae_dict], "VAE")


def apply_styles(p: Any, value: str, values: Sequence[str]) -> None:
    """Adds styles to those of the job; several are joined by `,` inside quotes."""
    if value.casefold() != "none":
        p.styles = [*p.styles, *(style.strip() for style in value.split(",") if style.strip())]


def apply_uni_pc_order(p: Any, value: int, values: Sequence[int]) -> None:
    """At most the number of steps less one."""
    p.override_settings["uni_pc_order"] = max(1, min(int(value), p.steps - 1))


def apply_face_restore(p: Any, value: str, values: Sequence[str]) -> None:
    """`true`, `false`, or the name of a restorer."""
    chosen = value.casefold()
    p.restore_faces = chosen not in ("false", "none", "off", "no", "0")
    if p.restore_faces and chosen not in ("true", "on", "yes", "1"):
        p.override_settings["face_restoration_model"] = value


def apply_size(p: Any, value: str, values: Sequence[str]) -> None:
    """`512x768`, or `512` for a square."""
    p.width, p.height = size(value)


def size(text: str) -> tuple[int, int]:
    """(width, height) of `512x768`, `512 × 768` or `512`."""
    sides = text.casefold().replace("×", "x").replace(":", "x").split("x")
    try:
        width, height = (int(side) for side in (sides if len(sides) == 2 else sides * 2))
    except ValueError:
        raise ValuesError(f"{text!r} is no size: write 512x768.") from None
    return width, height


# How a value is written at the side of the plot


def format_value_add_label(p: Any, option: AxisOption, value: Any) -> str:
    """`Steps: 20`."""
    return f"{option.label}: {round(value, 8) if isinstance(value, float) else value}"


def format_value(p: Any, option: AxisOption, value: Any) -> str:
    """The value alone."""
    return str(round(value, 8) if isinstance(value, float) else value)


def format_value_join_list(p: Any, option: AxisOption, value: Sequence[str]) -> str:
    return ", ".join(value)


def format_remove_path(p: Any, option: AxisOption, value: str) -> str:
    """A file without its folders."""
    return Path(value).name


def format_nothing(p: Any, option: AxisOption, value: Any) -> str:
    return ""


# What is looked at before anything is painted


def confirm_samplers(p: Any, values: Sequence[str]) -> None:
    for value in values:
        _matched(value, sd_samplers.samplers_map, "sampler")


def confirm_checkpoints(p: Any, values: Sequence[str]) -> None:
    for value in values:
        _checkpoint(value)


def confirm_checkpoints_or_none(p: Any, values: Sequence[str]) -> None:
    confirm_checkpoints(p, [value for value in values if value.casefold() != "none"])


def confirm_vaes(p: Any, values: Sequence[str]) -> None:
    for value in values:
        _matched(value, ["Automatic", "None", *sd_vae.vae_dict], "VAE")


def confirm_sizes(p: Any, values: Sequence[str]) -> None:
    for value in values:
        size(value)


def confirm_prompt(p: Any, values: Sequence[str]) -> None:
    apply_prompt(_Words(p.prompt, p.negative_prompt), values[0], values)


class _Words:
    """As much of a job as search and replace sees."""

    def __init__(self, prompt: str, negative_prompt: str) -> None:
        self.prompt, self.negative_prompt = prompt, negative_prompt


def _checkpoint(name: str) -> Any:
    found = sd_models.get_closet_checkpoint_match(name)
    if found is None:
        raise ValuesError(f"There is no checkpoint called {name!r}.")
    return found


def _matched(value: str, names: Any, kind: str) -> str:
    known = {name.casefold(): name for name in names}
    if value.casefold() not in known:
        raise ValuesError(f"There is no {kind} called {value!r}.")
    return known[value.casefold()]


def _samplers() -> list[str]:
    return [sampler.name for sampler in sd_samplers.samplers]


def _img2img_samplers() -> list[str]:
    return [sampler.name for sampler in sd_samplers.samplers_for_img2img]


def _checkpoints() -> list[str]:
    return sorted(sd_models.checkpoints_list, key=str.casefold)


def make_axis_options() -> list[AxisOption]:
    """A1111's axes; those that this program cannot do are left out: Image CFG Scale (InstructPix2Pix), FP8 mode."""
    return [
        AxisOption("Nothing", str, do_nothing, format_nothing),
        AxisOption("Seed", int, apply_field("seed")),
        AxisOption("Var. seed", int, apply_field("subseed")),
        AxisOption("Var. strength", float, apply_field("subseed_strength")),
        AxisOption("Steps", int, apply_field("steps")),
        AxisOptionTxt2Img("Hires steps", int, apply_field("hr_second_pass_steps")),
        AxisOption("CFG Scale", float, apply_field("cfg_scale")),
        AxisOption("Prompt S/R", str, apply_prompt, format_value, confirm_prompt),
        AxisOption("Prompt order", str_permutations, apply_order, format_value_join_list),
        AxisOptionTxt2Img(
            "Sampler", str, apply_field("sampler_name"), format_value, confirm_samplers, choices=_samplers
        ),
        AxisOptionTxt2Img(
            "Hires sampler", str, apply_field("hr_sampler_name"), format_value, confirm_samplers, choices=_samplers
        ),
        AxisOptionImg2Img(
            "Sampler", str, apply_field("sampler_name"), format_value, confirm_samplers, choices=_img2img_samplers
        ),
        AxisOption(
            "Checkpoint name", str, apply_checkpoint, format_remove_path, confirm_checkpoints, 1.0, _checkpoints
        ),
        AxisOption("Negative Guidance minimum sigma", float, apply_field("s_min_uncond")),
        AxisOption("Sigma Churn", float, apply_field("s_churn")),
        AxisOption("Sigma min", float, apply_field("s_tmin")),
        AxisOption("Sigma max", float, apply_field("s_tmax")),
        AxisOption("Sigma noise", float, apply_field("s_noise")),
        AxisOption(
            "Schedule type", str, apply_field("scheduler"), choices=lambda: [x.label for x in sd_schedulers.schedulers]
        ),
        AxisOption("Schedule min sigma", float, apply_override("sigma_min")),
        AxisOption("Schedule max sigma", float, apply_override("sigma_max")),
        AxisOption("Schedule rho", float, apply_override("rho")),
        AxisOption("Beta schedule alpha", float, apply_override("beta_dist_alpha")),
        AxisOption("Beta schedule beta", float, apply_override("beta_dist_beta")),
        AxisOption("Eta", float, apply_field("eta")),
        AxisOption("Clip skip", int, apply_override("CLIP_stop_at_last_layers")),
        AxisOption("Denoising", float, apply_field("denoising_strength")),
        AxisOption("Initial noise multiplier", float, apply_field("initial_noise_multiplier")),
        AxisOption("Extra noise", float, apply_override("img2img_extra_noise")),
        AxisOptionTxt2Img(
            "Hires upscaler",
            str,
            apply_field("hr_upscaler"),
            choices=lambda: [*shared.latent_upscale_modes, *(x.name for x in shared.sd_upscalers)],
        ),
        AxisOptionImg2Img("Cond. Image Mask Weight", float, apply_override("inpainting_mask_weight")),
        AxisOption(
            "VAE", str, apply_vae, format_value, confirm_vaes, 0.7, lambda: ["Automatic", "None", *sd_vae.vae_dict]
        ),
        AxisOption("Styles", str, apply_styles, choices=lambda: list(shared.prompt_styles.styles)),
        AxisOption("UniPC Order", int, apply_uni_pc_order, cost=0.5),
        AxisOption(
            "Face restore",
            str,
            apply_face_restore,
            format_value,
            choices=lambda: [x.name() for x in shared.face_restorers],
        ),
        AxisOption("Token merging ratio", float, apply_override("token_merging_ratio")),
        AxisOption("Token merging ratio high-res", float, apply_override("token_merging_ratio_hr")),
        AxisOption(
            "Always discard next-to-last sigma",
            str,
            apply_override("always_discard_next_to_last_sigma", boolean=True),
            choices=lambda: ["true", "false"],
        ),
        AxisOption(
            "SGM noise multiplier", str, apply_override("sgm_noise_multiplier", True), choices=lambda: ["true", "false"]
        ),
        AxisOption(
            "Refiner checkpoint",
            str,
            apply_refiner,
            format_remove_path,
            confirm_checkpoints_or_none,
            1.0,
            lambda: ["None", *_checkpoints()],
        ),
        AxisOption("Refiner switch at", float, apply_field("refiner_switch_at")),
        AxisOption("RNG source", str, apply_override("randn_source"), choices=lambda: ["GPU", "CPU", "NV"]),
        AxisOption("Size", str, apply_size, format_value, confirm_sizes),
    ]
