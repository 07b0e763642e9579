"""Names that are not here by design, importable all the same: LDM and its kin, and A1111's own insides.

The finder stands last, so that a package of that name which is installed is the one that is found.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Collection, Sequence
from types import ModuleType
from typing import Any, NoReturn

from modules.studio.extension_words import LORA, LORA_INSTEAD, OF_FORGE

from .asking import is_asked
from .missing import NotHereError, refuse

PACKAGES = {
    "ldm": "networks are diffusers', sd_model.unet inside a job",
    "sgm": "networks are diffusers', sd_model.unet inside a job",
    "k_diffusion": "samplers and schedules are built in: sampler_name and scheduler of a job",
    "open_clip": "text encoders are transformers', and prompts are read by Aquatint",
    "ldm_patched": "Forge's patchers are not here; LoRA, hires fix and refiner are built in",
    "backend": "Forge's backend is not here; LoRA, hires fix and refiner are built in",
    "modules_forge": "Forge's backend is not here; LoRA, hires fix and refiner are built in",
    "lib_controlnet": "ControlNet's preprocessors are not here yet",
    "BLIP": "no network that describes pictures is here",
    "repositories": "A1111's repositories are not checked out",
    "basicsr": "networks that restore and enlarge are spandrel's; weights are put where they are looked for",
}
"""Packages that extensions import and that are not here, and what to use instead."""

EXEMPT = {
    "codeformer_model": "faces are restored by Aquatint's own: shared.face_restorers",
    "config_states": "versions of extensions are kept and put back on the Extensions tab",
    "dat_model": "upscalers are Aquatint's own: shared.sd_upscalers",
    "deepbooru_model": "no network that tags pictures is here",
    "esrgan_model": "upscalers are Aquatint's own: shared.sd_upscalers",
    "face_restoration_utils": "faces are restored by Aquatint's own: shared.face_restorers",
    "gfpgan_model": "faces are restored by Aquatint's own: shared.face_restorers",
    "gradio_extensons": "Gradio's older words are spoken for extensions by Aquatint's bridge",
    "gitpython_hack": "git is called as a program",
    "hat_model": "upscalers are Aquatint's own: shared.sd_upscalers",
    "mac_specific": "Apple's device is chosen by trial",
    "models": "networks are diffusers', sd_model.unet inside a job",
    "ngrok": "no tunnel to the internet is opened",
    "npu_specific": "Huawei's devices are not used",
    "processing_scripts": "seed, refiner, sampler and soft inpainting are built into the form",
    "realesrgan_model": "upscalers are Aquatint's own: shared.sd_upscalers",
    "scripts_auto_postprocessing": "scripts of the Extras tab run there only",
    "sd_disable_initialization": "networks are built without memory by Aquatint itself",
    "sd_hijack_checkpoint": "memory is saved by --medvram and --lowvram",
    "sd_hijack_clip": "prompts are read and encoded by Aquatint: sd_model.get_learned_conditioning",
    "sd_hijack_clip_old": "prompts are read and encoded by Aquatint: sd_model.get_learned_conditioning",
    "sd_hijack_ip2p": "InstructPix2Pix checkpoints are not known",
    "sd_hijack_open_clip": "prompts are read and encoded by Aquatint: sd_model.get_learned_conditioning",
    "sd_hijack_optimizations": "attention is chosen by trial at the start",
    "sd_hijack_unet": "the UNet is diffusers' own, sd_model.unet inside a job",
    "sd_hijack_utils": "nothing is hijacked",
    "sd_hijack_xlmr": "Alt-Diffusion checkpoints are not known",
    "sd_models_xl": "SDXL is diffusers' own, sd_model.unet inside a job",
    "sd_samplers_cfg_denoiser": "guidance is Aquatint's own: script_callbacks.on_cfg_denoiser and on_cfg_denoised",
    "sd_samplers_timesteps_impl": "samplers are built in: sampler_name of a job",
    "sd_vae_approx": "previews are a linear map of the latents",
    "sd_vae_taesd": "previews are a linear map of the latents",
    "sub_quadratic_attention": "attention is chosen by trial at the start",
    "torch_utils": "networks are diffusers', sd_model.unet inside a job",
    "ui_checkpoint_merger": "checkpoints are merged on the Merge tab",
    "ui_extensions": "the Extensions tab is Aquatint's own",
    "ui_extra_networks_checkpoints_user_metadata": "notes are kept on the page of a card",
    "ui_extra_networks_user_metadata": "notes are kept on the page of a card",
    "ui_gradio_extensions": "the page's scripts are served by Aquatint",
    "ui_loadsave": "forms are kept by the server, for each person",
    "upscaler_utils": "upscalers are Aquatint's own: shared.sd_upscalers",
    "xlmr": "Alt-Diffusion checkpoints are not known",
    "xlmr_m18": "Alt-Diffusion checkpoints are not known",
    "xpu_specific": "Intel's GPUs are not used",
}
"""A1111's own modules that alter or are its insides, and what to use instead."""


class _Unusable(type):
    """A class that may be named, annotated with and derived from; made or looked into, it says what it is."""

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        refuse(cls.about, cls.instead)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(f"{cls.__dict__.get('about', cls.__name__)}.{name}", cls.__dict__.get("instead", "use what is built in"))

    def __instancecheck__(cls, instance: Any) -> bool:
        """What stands for one of its kind says so."""
        return bool(getattr(type(instance), "stands_for", None) == cls.__dict__.get("about"))

    about: str
    instead: str


class Stub(ModuleType):
    """A module that holds whatever name it is asked for, as something that may be imported and not used."""

    def __init__(self, name: str, instead: str) -> None:
        super().__init__(name, f"Not part of Aquatint: {instead}.")
        self.__path__: list[str] = []
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        about = f"{self.__name__}.{name}"
        made = _Unusable(name, (), {"about": about, "instead": self._instead, "__module__": self.__name__})
        setattr(self, name, made)
        return made


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nothing else has found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname in LORA:
            # Most who import it know what to do where it is not.
            why = f"it is of A1111's Lora extension, and {LORA_INSTEAD}"
            raise ModuleNotFoundError(f"No module named {fullname!r}: {why}", name=fullname)
        if _instead(fullname) is None or not _belongs(fullname):
            return None
        if fullname.partition(".")[0] in OF_FORGE and is_asked():
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return Stub(spec.name, _instead(spec.name) or "")

    def exec_module(self, module: ModuleType) -> None:
        return None


def inside(module: str, name: str, names: Collection[str]) -> Any:
    """For a module's `__getattr__`: one of A1111's denoisers, which may be derived from and not used.

    Raises: AttributeError for what is none of `names`.
    """
    if name not in names:
        raise AttributeError(f"{module} has no {name}")
    return getattr(importlib.import_module("modules.sd_samplers_cfg_denoiser"), name)


def _instead(fullname: str) -> str | None:
    first, _, rest = fullname.partition(".")
    return EXEMPT.get(rest.partition(".")[0]) if first == "modules" else PACKAGES.get(first)


def _belongs(fullname: str) -> bool:
    """Below a package that is installed nothing is made up."""
    parent = sys.modules.get(fullname.partition(".")[0])
    return parent is None or isinstance(parent, Stub) or fullname.startswith("modules.")


def install() -> Callable[[], None]:
    """From now on these names can be imported. -> what takes that back."""
    if any(isinstance(each, Finder) for each in sys.meta_path):
        return lambda: None
    sys.meta_path.append(Finder())
    return remove


def forget_forge() -> None:
    """What one extension took for granted is no answer for the next that asks."""
    for name in [name for name, module in sys.modules.items() if isinstance(module, Stub)]:
        if name.partition(".")[0] in OF_FORGE:
            del sys.modules[name]


def remove() -> None:
    """Nothing is made up any more, and what was is forgotten."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, Finder)]
    for name in [name for name, module in sys.modules.items() if isinstance(module, Stub)]:
        del sys.modules[name]


__all__ = ["EXEMPT", "OF_FORGE", "PACKAGES", "Finder", "NotHereError", "Stub", "forget_forge", "install", "remove"]
