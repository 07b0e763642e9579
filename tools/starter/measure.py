"""How good a model folder is, in figures that anybody can take again, and a sheet of pictures to look at."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from tools.starter.compositions import COLOURS, SIDE, Composer
from tools.starter.concepts import Concept, read_concepts
from tools.starter.drawing import Drawer
from tools.starter.vae import psnr
from tools.starter.workspace import Workspace, load

LABELS = 256
GROUNDS = 128
SHEET = 8
SHOWN = (
    *("red heart", "cat face", "dog face", "lion", "panda", "fox", "unicorn", "dragon"),
    *("smiling face", "crying face", "robot", "ghost", "skull", "alien", "clown face", "pile of poo"),
    *("red apple", "banana", "strawberry", "pizza", "hamburger", "ice cream", "birthday cake", "doughnut"),
    *("rocket", "automobile", "airplane", "bicycle", "sailboat", "locomotive", "fire engine", "helicopter"),
    *("house", "castle", "rainbow", "sun", "snowman", "volcano", "tent", "ferris wheel"),
    *("rose", "sunflower", "cactus", "palm tree", "mushroom", "maple leaf", "tulip", "cherry blossom"),
    *("guitar", "violin", "soccer ball", "trophy", "crown", "top hat", "teddy bear", "balloon"),
    *("puppy", "kitten", "lemon on a blue background", "owl on a pink background", "fish, teal background"),
    *("penguin on a yellow background", "frog", "butterfly"),
)
"""Eight rows of eight."""


class Judge:
    """Tells which original a picture is most like: Euclidean distance of the means of 8 x 8 pixels."""

    def __init__(self, concepts: Sequence[Concept], composer: Composer) -> None:
        self.labels = [concept.label for concept in concepts]
        self._originals = _blurred(np.stack([composer.original(index) for index in range(len(concepts))]))

    def nearest(self, pictures: NDArray[np.uint8], count: int) -> list[list[str]]:
        """The labels of the `count` originals that are most like each picture, the nearest first."""
        order = torch.cdist(_blurred(pictures), self._originals).argsort(1)[:, :count]
        return [[self.labels[index] for index in row] for row in order.tolist()]

    def shares(self, pictures: NDArray[np.uint8], wanted: Sequence[str]) -> tuple[float, float]:
        """The shares of pictures whose wanted label is the nearest, and among the five nearest."""
        found = list(zip(self.nearest(pictures, 5), wanted, strict=True))
        first = sum(labels[0] == label for labels, label in found)
        return first / len(found), sum(label in labels for labels, label in found) / len(found)


def measure(workspace: Workspace, folder: Path, sheet: Path | None = None) -> None:
    """Prints the table of the model card; with `sheet` writes 64 pictures there."""
    concepts = read_concepts(workspace)
    known = json.loads((folder / "concepts.json").read_text("utf-8"))
    taught = [concept for concept in concepts if concept.label in set(known)]
    drawer, composer = Drawer(folder), Composer(concepts)
    everything, among = Judge(concepts, composer), Judge(taught, Composer(taught))
    labels = random.Random(5).sample(known, min(LABELS, len(known)))
    pictures = drawer.draw(labels)
    mean, together = _vae_psnr(folder, Composer(taught))
    rows = [("VAE: PSNR of held-out compositions (of all pixels together)", f"{mean:.1f} dB ({together:.1f} dB)")]
    for name, judge in ((f"all {len(concepts)} originals", everything), (f"its {len(taught)} concepts", among)):
        first, five = judge.shares(pictures, labels)
        rows.append((f"top-1, top-5 of {len(labels)} labels among {name}", f"{first:.3f}, {five:.3f}"))
    unseen = [pair for pair in load(workspace.words, "text")["unseen"] if pair[1] in known]
    drawn = drawer.draw([word for word, _ in unseen])
    first, five = among.shares(drawn, [label for _, label in unseen])
    rows.append((f"top-1, top-5 of {len(unseen)} words it never saw", f"{first:.3f}, {five:.3f}"))
    rows.append((f"background obeyed, of {GROUNDS}", f"{_grounds(drawer, known):.3f}"))
    rows.append(("seconds a picture, 20 steps on two cores", f"{_seconds(drawer):.2f}"))
    weights = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    rows.append(("weights", f"{weights / 1e6:.1f} MB"))
    print("| | |\n|---|---|\n" + "\n".join(f"| {name} | {figure} |" for name, figure in rows))
    if sheet is not None:
        contact_sheet(drawer.draw(SHOWN, seed=3)).save(sheet)


def contact_sheet(pictures: NDArray[np.uint8]) -> Image.Image:
    """(N, H, W, 3) as rows of eight."""
    _, height, width, _ = pictures.shape
    rows = pictures.reshape(-1, SHEET, height, width, 3).transpose(0, 2, 1, 3, 4)
    return Image.fromarray(rows.reshape(-1, SHEET * width, 3))


def ground_of(picture: NDArray[np.uint8]) -> str:
    """The name of the colour that is nearest to the corners of a picture."""
    edge = SIDE // 16
    corners = [picture[y, x] for y in (slice(edge), slice(-edge, None)) for x in (slice(edge), slice(-edge, None))]
    middle = np.median(np.concatenate([corner.reshape(-1, 3) for corner in corners]), axis=0)
    return min(COLOURS, key=lambda name: float(np.square(np.subtract(COLOURS[name], middle)).sum()))


def _grounds(drawer: Drawer, labels: Sequence[str]) -> float:
    """How often "X on a blue background" is."""
    rng = random.Random(11)
    names = [name for name in COLOURS if name != "white"]
    asked = [(rng.choice(labels), names[index % len(names)]) for index in range(GROUNDS)]
    drawn = drawer.draw([f"{label} on a {colour} background" for label, colour in asked])
    return sum(ground_of(picture) == colour for picture, (_, colour) in zip(drawn, asked, strict=True)) / GROUNDS


def _seconds(drawer: Drawer, runs: int = 5) -> float:
    """The median of whole pictures, one at a time, after one that warms up."""
    drawer.draw(["red heart"])
    times = []
    for seed in range(runs):
        started = time.perf_counter()
        drawer.draw(["red heart"], seed)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _vae_psnr(folder: Path, composer: Composer) -> tuple[float, float]:
    vae = AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True).float().eval()
    return psnr(vae.to(memory_format=torch.channels_last), composer)


def _blurred(pictures: NDArray[np.uint8]) -> Tensor:
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    return F.avg_pool2d(x, 8).flatten(1)
