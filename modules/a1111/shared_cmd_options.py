"""A1111's `modules.shared_cmd_options`: the command line, by A1111's names."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .bridge import places
from .bridge.theirs_flags import DEFAULTS

FOLDERS: dict[str, Callable[[], Path]] = {
    "data_dir": lambda: places.folders().data,
    "models_dir": lambda: places.folders().models,
    "ckpt_dir": lambda: places.folders().checkpoints[0],
    "vae_dir": lambda: places.folders().vae,
    "lora_dir": lambda: places.folders().lora,
    "lyco_dir": lambda: places.folders().models / "LyCORIS",
    "lyco_dir_backcompat": lambda: places.folders().models / "LyCORIS",
    "hypernetwork_dir": lambda: places.folders().hypernetworks,
    "embeddings_dir": lambda: places.folders().embeddings,
    "ui_settings_file": lambda: places.folders().config,
    "ui_config_file": lambda: places.folders().data / "ui-config.json",
    "wildcards_dir": lambda: places.folders().wildcards,
    "gfpgan_dir": lambda: places.folders().models / "GFPGAN",
    "localizations_dir": lambda: places.folders().data / "localizations",
    "textual_inversion_templates_dir": lambda: places.folders().data / "textual_inversion_templates",
    "esrgan_models_path": lambda: places.flags().esrgan_models_path or places.folders().models / "ESRGAN",
    "realesrgan_models_path": lambda: places.flags().realesrgan_models_path or places.folders().models / "RealESRGAN",
    "dat_models_path": lambda: places.flags().dat_models_path or places.folders().models / "DAT",
    "gfpgan_models_path": lambda: places.flags().gfpgan_models_path or places.folders().models / "GFPGAN",
    "codeformer_models_path": lambda: places.flags().codeformer_models_path or places.folders().models / "Codeformer",
}
"""Flags that A1111 fills with a folder when they are not given."""


class CommandLine:
    """A1111's `cmd_opts`: flags of ours as they were given, folders filled in, of theirs the defaults, and whatever
    the preload.py of extensions added. What is assigned is what is read afterwards."""

    def take(self, parsed: argparse.Namespace) -> None:
        """What a parser that extensions have added to read; our own flags are known anyway."""
        ours = vars(places.flags())
        for name, value in vars(parsed).items():
            if name not in ours:
                setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        flags = places.flags()
        given = getattr(flags, name, None) if name in vars(flags) else None
        if name in FOLDERS:
            empty = name in ("ckpt_dir", "vae_dir") and given is None
            return None if empty else str(FOLDERS[name]())
        if name in vars(flags):
            return str(given) if isinstance(given, Path) else list(given) if isinstance(given, tuple) else given
        if name == "use_cpu" and flags.device == "cpu":
            return ["all"]
        if name in DEFAULTS:
            default = DEFAULTS[name]
            return type(default)(default) if isinstance(default, list | dict) else default
        raise AttributeError(f"There is no flag called --{name.replace('_', '-')}.")

    def __iter__(self) -> Iterator[str]:
        return iter({**vars(places.flags()), **DEFAULTS, **FOLDERS, **vars(self)})

    def __contains__(self, name: object) -> bool:
        return name in set(self)


class Parser(argparse.ArgumentParser):
    """A1111's parser. The server's own words were read when it began: who reads them again gets what they came to."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if args is not None:
            return super().parse_known_args(args, namespace)
        return argparse.Namespace(**{name: getattr(cmd_opts, name) for name in cmd_opts}), []


cmd_opts = CommandLine()
parser = Parser(add_help=False, allow_abbrev=False)
"""What `preload(parser)` of extensions may add to."""
