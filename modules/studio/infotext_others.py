"""What other programs of A1111's family write into a text and nothing here can obey, so that it is said, not lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from modules.diffusion.errors import AquatintError

NEUTRAL = ("", "0", "0.0", "1.0", "None", "Disable", "False", "Automatic", "[]")
WITHOUT_EFFECT = re.compile(
    r"(Image CFG scale|FP8 weight|Cache FP16 weight for LoRA|Pad conds( v0)?"
    r"|Downcast alphas_cumprod|VAE (En|De)coder|(Hires )?Distilled CFG Scale|(Hires )?Module \d+|Diffusion in Low Bits"
    r"|Hypertile.*|ControlNet \d+)"
)
"""A1111's and Forge's entries for what this program does not have."""
MODULE = re.compile(r"Module \d+")
FULL = {"VAE Encoder": "Full", "VAE Decoder": "Full"}
MOST_NAMED = 6


def hypernetwork_of(params: Mapping[str, str]) -> str:
    """The tag for a hypernetwork that texts of before A1111 1.0 name in an entry; empty when there is none."""
    name, strength = params.get("Hypernet", ""), params.get("Hypernet strength", "1")
    plain = re.fullmatch(r"[^<>:\n]{1,200}", name) and re.fullmatch(r"-?\d{1,3}(\.\d{1,6})?", strength)
    return f"<hypernet:{name}:{strength}>" if plain and name != "None" else ""


def module_as_vae(params: Mapping[str, str], find: Callable[[str], str]) -> dict[str, str]:
    """The entries with Forge's `Module N` as `VAE` where `find` knows it as one, so that it has its effect; what Forge
    loads besides (text encoders of other families) stays. `find` raises AquatintError for a name that it does not know.
    """
    modules = {label: value for label, value in params.items() if MODULE.fullmatch(label) and value not in NEUTRAL}
    if "VAE" in params:
        return dict(params)
    for label, value in modules.items():
        with suppress(AquatintError):
            found = {"VAE": find(value)}
            return {key: each for key, each in params.items() if key != label} | found
    return dict(params)


def without_effect(params: Mapping[str, str]) -> list[str]:
    """One sentence that names the entries which change nothing here; none for a text without any."""
    named = [
        f"{label} ({value:.40})"
        for label, value in params.items()
        if WITHOUT_EFFECT.fullmatch(label) and value not in NEUTRAL and value != FULL.get(label)
    ]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return [f"Without effect here: {', '.join(named[:MOST_NAMED])}{more}."] if named else []
