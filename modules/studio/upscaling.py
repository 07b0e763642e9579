"""Upscalers: the ways to make a finished picture larger, two that need no network and one for each file in models/.

Anything that holds the App's `upscalers` may call `upscale` from the engine's thread, also in the middle of a job:
`upscalers.upscale(picture, "4x-UltraSharp", 1024, 1024, tiles_of(job.options), check)`, where `check` raises `Stopped`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from modules.diffusion.errors import AquatintError, CheckpointError
from modules.diffusion.file_facts import FileFacts
from modules.diffusion.finding import files_below
from modules.diffusion.hardware import Hardware, release_memory
from modules.diffusion.tiles import A1111, Size, Tiles, count_tiles
from modules.diffusion.upscale_network import UpscaleNetwork
from modules.studio.image_files import LONGEST_SIDE
from modules.studio.request import MOST_PIXELS, RequestError
from modules.studio.settings import Options

log = logging.getLogger(__name__)

NONE = "None"
FOLDERS = ("ESRGAN", "RealESRGAN", "DAT", "SwinIR", "ScuNET", "HAT")
"""Below models/, A1111's; what is in a file is told by its bytes, so any network may lie in any of them."""
SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin")
KNOWN_AS = {
    "RealESRGAN_x4plus": "R-ESRGAN 4x+",
    "RealESRGAN_x4plus_anime_6B": "R-ESRGAN 4x+ Anime6B",
    "RealESRGAN_x2plus": "R-ESRGAN 2x+",
    "realesr-animevideov3": "R-ESRGAN AnimeVideo",
    "realesr-general-x4v3": "R-ESRGAN General 4xV3",
    "realesr-general-wdn-x4v3": "R-ESRGAN General WDN 4xV3",
    "DAT_x2": "DAT x2",
    "DAT_x3": "DAT x3",
    "DAT_x4": "DAT x4",
}
"""The names under which A1111 lists, and infotexts name, the files that their authors publish under these stems."""
MOST_IN_BETWEEN = 4 * MOST_PIXELS
"""Pixels of what a network makes, before it is resized to what was asked for."""
MOST_RUNS = 3
"""How often a network may go over its own result to reach a size, as in A1111."""


class Upscaler(NamedTuple):
    """A way to make a picture larger: a network in a file, or else a way to resize."""

    name: str
    path: Path | None = None
    resample: Image.Resampling = Image.Resampling.LANCZOS
    enlarge: Callable[[Image.Image, float], Image.Image] | None = None
    """What somebody else has brought: (picture, factor) -> a picture of about that size."""


RESIZERS = (Upscaler(NONE), Upscaler("Lanczos"), Upscaler("Nearest", resample=Image.Resampling.NEAREST))
"""Listed before the networks; clients expect None first."""


class Upscalers:
    """All upscalers, and the network that was used last, in memory.

    `refresh`, `names` and `find` may be called from any thread, the others from the engine's only.
    """

    def __init__(
        self,
        models: Path,
        hardware: Hardware,
        others: Iterable[Path | None] = (),
        facts: FileFacts | None = None,
    ) -> None:
        """`others` are folders besides those below `models`; what lies in them comes first."""
        self._folders = [*(folder.expanduser() for folder in others if folder), *(models / name for name in FOLDERS)]
        self._hardware, self._facts = hardware, facts or FileFacts()
        self._network: tuple[Path, int, UpscaleNetwork] | None = None
        self.rows: tuple[Upscaler, ...] = ()
        self._brought: dict[str, Upscaler] = {}
        self.refresh()

    def bring(self, name: str, enlarge: Callable[[Image.Image, float], Image.Image]) -> None:
        """From now on there is an upscaler of that name; one of our own keeps its name."""
        self._brought[name] = Upscaler(name, enlarge=enlarge)
        self.refresh()

    def refresh(self) -> None:
        """Looks at the disk again; of two files with one name the first counts. No file is opened."""
        paths = sorted(files_below(self._folders, SUFFIXES), key=lambda path: path.stem.casefold())
        rows = {row.name.casefold(): row for row in RESIZERS}
        for path in paths:
            name = KNOWN_AS.get(path.stem, path.stem)
            rows.setdefault(name.casefold(), Upscaler(name, path))
        for row in self._brought.values():
            rows.setdefault(row.name.casefold(), row)
        self.rows = tuple(rows.values())

    def names(self) -> list[str]:
        """In the order in which they are listed."""
        return [row.name for row in self.rows]

    def find(self, name: str) -> Upscaler:
        """By name or the stem of its file, whatever its case; a file that is new is found too.

        Raises: AquatintError saying what there is.
        """
        row = self._listed(name)
        if row is None:
            self.refresh()
            row = self._listed(name)
        if row is None:
            raise AquatintError(f"No upscaler called '{name:.80}'. There are: {', '.join(self.names())}.")
        return row

    def hashes(self, name: str) -> dict[str, str]:
        """The SHA-256 of the network of that name, by what it is; none where no file makes pictures larger.

        Raises: AquatintError naming an unknown upscaler or a file that cannot be read.
        """
        row = self.find(name)
        return {f"upscaler {row.name}": self._facts.hash_of(row.path)} if row.path else {}

    def _listed(self, name: str) -> Upscaler | None:
        wanted = name.strip().casefold() or NONE.casefold()
        for row in self.rows:
            if wanted in (row.name.casefold(), row.path.stem.casefold() if row.path else None):
                return row
        return None

    def upscale(
        self,
        picture: Image.Image,
        name: str,
        width: int,
        height: int,
        tiles: Tiles = A1111,
        check: Callable[[], None] = lambda: None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Image.Image:
        """The picture in that size. A network goes over it, again if that was not enough, and what is left is resized.

        `check` is called before each tile, and what it raises ends the work; `progress` hears (tiles done, of so many).
        Raises: AquatintError naming an unknown upscaler or a broken file; RequestError when the result is too large.
        """
        refuse_too_large((width, height))
        row = self.find(name)
        if row.enlarge is not None:
            check()
            made = row.enlarge(picture, max(width / picture.width, height / picture.height))
            return made if made.size == (width, height) else made.resize((width, height), Image.Resampling.LANCZOS)
        if row.path is None:
            return picture.resize((width, height), row.resample)
        network = self._lend(row.path)
        runs = _runs(picture.size, (width, height), network.scale)
        if math.prod(_times(picture.size, network.scale)) > MOST_IN_BETWEEN:
            raise RequestError(
                f"The picture is too large for {row.name}: it would be {network.scale} times as wide and high first.",
                "upscaling_resize",
            )
        total, done = sum(count_tiles(size, tiles) for size in runs), 0

        def before_each() -> None:
            nonlocal done
            check()
            progress(done, total)
            done += 1

        made = picture.convert("RGB")
        for _ in runs:
            made = network.enlarge(made, tiles, before_each)
        progress(total, total)
        made = made.resize((width, height), Image.Resampling.LANCZOS) if made.size != (width, height) else made
        if picture.mode == "RGBA":
            made.putalpha(picture.getchannel("A").resize((width, height), Image.Resampling.LANCZOS))
        return made

    def free(self) -> None:
        """Gives the memory of the network back."""
        if self._network is not None:
            self._network = None
            release_memory(self._hardware.device)

    def _lend(self, path: Path) -> UpscaleNetwork:
        try:
            changed = path.stat().st_mtime_ns
        except OSError as error:
            raise CheckpointError(f"{path.name} cannot be opened: {error.strerror or error}.") from None
        if self._network is None or self._network[:2] != (path, changed):
            self.free()
            log.info("Loading the upscaler %s", path.name)
            self._network = path, changed, UpscaleNetwork(path, self._hardware)
        return self._network[2]


def tiles_of(options: Options) -> Tiles:
    """The tiles that a job's options ask for."""
    return Tiles(options.ESRGAN_tile, options.ESRGAN_tile_overlap)


def refuse_too_large(size: Size) -> None:
    """Raises: RequestError when a picture of that size would be too large."""
    if size[0] * size[1] > MOST_PIXELS or max(size) > LONGEST_SIDE:
        raise RequestError(
            f"upscaling_resize: the result would have {size[0]} x {size[1]} pixels; at most {MOST_PIXELS:,} are made.",
            "upscaling_resize",
        )


def _runs(size: Size, target: Size, scale: int) -> list[Size]:
    """The sizes of the pictures that the network is given, one after another: one at least."""
    runs = [size]
    while scale > 1 and len(runs) < MOST_RUNS and _smaller(made := _times(runs[-1], scale), target):
        if math.prod(_times(made, scale)) > MOST_IN_BETWEEN:
            break
        runs.append(made)
    return runs


def _smaller(size: Size, target: Size) -> bool:
    return size[0] < target[0] or size[1] < target[1]


def _times(size: Size, scale: int) -> Size:
    return size[0] * scale, size[1] * scale
