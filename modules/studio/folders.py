"""Where everything lies: A1111's folders, below one data folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from modules.studio.files import explained

REPOSITORY = Path(__file__).resolve().parents[2]
"""The root of this checkout: the data folder unless another is named."""


class FolderFlags(Protocol):
    """The command line's words about folders; an empty one means the default."""

    @property
    def data_dir(self) -> str | Path | None: ...
    @property
    def models_dir(self) -> str | Path | None: ...
    @property
    def ckpt_dir(self) -> str | Path | None: ...
    @property
    def vae_dir(self) -> str | Path | None: ...
    @property
    def lora_dir(self) -> str | Path | None: ...
    @property
    def hypernetwork_dir(self) -> str | Path | None: ...
    @property
    def embeddings_dir(self) -> str | Path | None: ...
    @property
    def styles_file(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Folders:
    """Absolute paths. What people bring and get lies where A1111 has it; what the program keeps lies in `state`."""

    data: Path
    models: Path
    checkpoints: tuple[Path, ...]
    vae: Path
    lora: Path
    hypernetworks: Path
    embeddings: Path
    outputs: Path
    wildcards: Path
    styles: tuple[Path, ...]
    """Style files, in the order in which a name is looked up; new styles go to the first."""
    state: Path
    config: Path

    def named(self, text: str | Path) -> Path:
        """What an option or an extension names: below the data folder, unless it is absolute."""
        return Path(os.path.normpath(self.data / text))

    @property
    def exchange(self) -> Path:
        """What goes between extensions' boxes in the page and their code; it is empty whenever a server starts."""
        return self.state / "exchange"

    def empty_exchange(self) -> None:
        """Makes it if it is missing, for nobody else on the machine to look into; whatever lay there goes."""
        shutil.rmtree(self.exchange, ignore_errors=True)
        with explained(self.exchange):
            self.exchange.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make(self) -> None:
        """Makes the folders that are missing; a new data folder begins with the styles that ship with the program.

        Raises: AquatintError naming the one that cannot be made.
        """
        own = (self.data, self.models, self.checkpoints[0], self.vae, self.lora, self.embeddings, self.outputs)
        for folder in (*own, self.wildcards, self.state):
            with explained(folder):
                folder.mkdir(parents=True, exist_ok=True)
        shipped = REPOSITORY / "styles.csv"
        if self.styles == (self.data / "styles.csv",) and not self.styles[0].exists() and shipped.exists():
            with explained(self.styles[0]):
                shutil.copyfile(shipped, self.styles[0])


def find_folders(flags: FolderFlags) -> Folders:
    """The folders that the command line asks for. Nothing is made or read, but patterns of style files are looked up.

    `ckpt_dir` is looked through before models/Stable-diffusion; so is this checkout's own folder when
    the data folder is another one, since the starter checkpoint lies there.
    """
    data = _absolute(flags.data_dir, REPOSITORY)
    models = _absolute(flags.models_dir, data / "models")
    named = [_absolute(flags.ckpt_dir, data)] if flags.ckpt_dir else []
    checkpoints = (*named, models / "Stable-diffusion", REPOSITORY / "models" / "Stable-diffusion")
    return Folders(
        data=data,
        models=models,
        checkpoints=tuple(dict.fromkeys(checkpoints)),
        vae=_absolute(flags.vae_dir, models / "VAE"),
        lora=_absolute(flags.lora_dir, models / "Lora"),
        hypernetworks=_absolute(flags.hypernetwork_dir, models / "hypernetworks"),
        embeddings=_absolute(flags.embeddings_dir, data / "embeddings"),
        outputs=data / "outputs",
        wildcards=data / "wildcards",
        styles=_style_files(flags.styles_file, data),
        state=data / "aquatint",
        config=data / "config.json",
    )


def _absolute(named: str | Path | None, default: Path) -> Path:
    return Path(named).expanduser().absolute() if named else default


def _style_files(patterns: Iterable[str], data: Path) -> tuple[Path, ...]:
    """A plain name counts also when there is no such file yet; wildcards in it stand for files in its folder."""
    found: list[Path] = []
    for pattern in patterns:
        path = _absolute(data / pattern, data)
        found += sorted(path.parent.glob(path.name)) if "*" in path.name else [path]
    return tuple(dict.fromkeys(found)) or (data / "styles.csv",)
