"""Three of A1111's img2img scripts as fields of a request: what `script_name` and `script_args` ask of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from modules.studio.infotext_rows import SOFT
from modules.studio.request import RequestError

SOFT_INPAINTING = "soft inpainting"
SIDES = ("left", "right", "up", "down")


class Scripted(Protocol):
    """As much of a payload as tells a script."""

    @property
    def script_name(self) -> str: ...

    @property
    def script_args(self) -> list[Any]: ...


Read = Callable[[Sequence[Any]], dict[str, Any]]


def script_values(payload: Scripted) -> dict[str, Any]:
    """The request's fields that the script's arguments stand for; those left out have A1111's defaults.

    Raises: RequestError naming `script_args` when they are not what A1111's page sends.
    """
    read = IMG2IMG_SCRIPTS.get(payload.script_name.strip().casefold())
    if read is None:
        return {}
    try:
        return read(payload.script_args)
    except (TypeError, ValueError, AttributeError):
        raise RequestError(
            f"script_args: {payload.script_args!r:.100} are not the arguments of {payload.script_name:.60}",
            "script_args",
        ) from None


def soft_values(scripts: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of soft inpainting, whose arguments are enabled and its six numbers in A1111's order.

    Raises: RequestError naming `alwayson_scripts`.
    """
    found = [value for name, value in scripts.items() if name.casefold() == SOFT_INPAINTING]
    if not found:
        return {}
    args = found[0].get("args") if isinstance(found[0], Mapping) else None
    if not isinstance(args, list) or len(args) > 1 + len(SOFT):
        raise RequestError(f"alwayson_scripts: {SOFT_INPAINTING} wants a list of args", "alwayson_scripts")
    return dict(zip(("soft_inpainting", *(name for _, name in SOFT)), args, strict=False))


def _loopback(args: Sequence[Any]) -> dict[str, Any]:
    """loops, final_denoising_strength, denoising_curve, append_interrogation"""
    loops, last, curve, interrogate = _filled(args, (4, 0.5, "Linear", "None"))
    if str(interrogate or "None").casefold() != "none":
        raise RequestError("script_args: this version cannot interrogate pictures", "script_args")
    return {"loops": int(loops), "final_denoising_strength": float(last), "denoising_curve": str(curve)}


def _sd_upscale(args: Sequence[Any]) -> dict[str, Any]:
    """_, overlap, upscaler_index (a name), scale_factor"""
    _, overlap, upscaler, scale = _filled(args, ("", 64, "None", 2.0))
    if not isinstance(upscaler, str):
        raise RequestError("script_args: name the upscaler; what its number is depends on the server", "script_args")
    values = {"sd_upscale_overlap": int(overlap), "sd_upscale_scale": float(scale)}
    return {**values, "sd_upscale_upscaler": upscaler or "None"}


def _outpainting(args: Sequence[Any]) -> dict[str, Any]:
    """pixels, mask_blur, inpainting_fill, direction"""
    pixels, blur, _, direction = _filled(args, (128, 4, 1, SIDES))
    return _sides(pixels, blur, direction)


def _outpainting_mk2(args: Sequence[Any]) -> dict[str, Any]:
    """_, pixels, mask_blur, direction, noise_q, color_variation"""
    _, pixels, blur, direction, falloff, variation = _filled(args, ("", 128, 8, SIDES, 1.0, 0.05))
    noise = {"outpaint_falloff": float(falloff), "outpaint_color_variation": float(variation)}
    return {**_sides(pixels, blur, direction), "outpaint_fill": "noise", **noise}


def _sides(pixels: Any, blur: Any, direction: Any) -> dict[str, Any]:
    wanted = [str(side).strip().casefold() for side in direction]
    if unknown := set(wanted) - set(SIDES):
        raise RequestError(f"script_args: there is no direction {sorted(unknown)[0]:.40!r}", "script_args")
    return {f"outpaint_{side}": int(pixels) for side in wanted} | {"outpaint_blur": int(blur)}


def _filled(args: Sequence[Any], defaults: Sequence[Any]) -> list[Any]:
    """A1111's own defaults where an argument is left out."""
    return [*args[: len(defaults)], *defaults[len(args) :]]


IMG2IMG_SCRIPTS: Mapping[str, Read] = {
    "loopback": _loopback,
    "sd upscale": _sd_upscale,
    "poor man's outpainting": _outpainting,
    "outpainting mk2": _outpainting_mk2,
}
