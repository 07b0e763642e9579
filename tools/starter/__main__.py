"""python -m tools.starter STEP: data, text, vae, reader, unet, pack, unpack, measure, examples; resumable at each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from modules.diffusion.attention import hide_xformers_without_cuda
from tools.starter.workspace import ROOT, Workspace

if TYPE_CHECKING:
    from tools.starter.latents import Latents

STARTER = ROOT / "models" / "Stable-diffusion" / "starter"


def main() -> None:
    """Reads the command line and does the step; what is heavy is imported by the step that needs it."""
    flags = _parser().parse_args()
    hide_xformers_without_cuda()
    torch.set_num_threads(flags.threads)
    workspace = Workspace(flags.folder)
    steps = (_data, _text, _vae, _reader, _unet, _pack, _unpack, _measure, _examples)
    next(step for step in steps if step.__name__ == f"_{flags.step}")(workspace, flags)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.starter", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "tmp" / "starter", help="where the training is kept")
    parser.add_argument("--threads", type=int, default=2, help="how many cores it may take")
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("data", help="fetch and check the pictures, the labels and the sentence encoder")
    steps.add_parser("text", help="give each token its meaning, and choose the words that are kept from the model")
    vae = steps.add_parser("vae", help="train the autoencoder; again to go on")
    vae.add_argument("minutes", type=float)
    vae.add_argument("--start", type=Path, help="begin with the autoencoder of this model folder")
    vae.add_argument("--decoder", action="store_true", help="leave the encoder, and so all latents, as they are")
    reader = steps.add_parser("reader", help="train the text encoder to tell what captions are about")
    reader.add_argument("minutes", type=float)
    unet = steps.add_parser("unet", help="train UNet and text encoder; again to go on")
    unet.add_argument("minutes", type=float)
    unet.add_argument("--cooling", type=float, default=0.4, help="the part of the run in which the rate falls")
    pack = steps.add_parser("pack", help="write the model as a folder in float16")
    unpack = steps.add_parser("unpack", help="begin a training with the weights of a model folder")
    measure = steps.add_parser("measure", help="say how good a model folder is")
    for parts in (pack, unpack, measure):
        parts.add_argument("model", type=Path, nargs="?", default=STARTER)
    examples = steps.add_parser("examples", help="make the worked examples of the README with the tracked starter")
    examples.add_argument("images", type=Path, nargs="?", default=ROOT / "docs" / "images")
    measure.add_argument("--sheet", type=Path, help="write 64 pictures into this file too")
    return parser


def _data(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.concepts import read_concepts, taught
    from tools.starter.packages import fetch

    fetch(workspace)
    concepts = read_concepts(workspace)
    print(f"{len(concepts)} concepts, of which {len(taught(concepts))} are taught")


def _text(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.concepts import read_concepts, taught
    from tools.starter.words import make_words
    from tools.starter.workspace import save

    words = make_words(workspace, taught(read_concepts(workspace)))
    save(words._asdict(), workspace.words)
    print(f"{sum(map(len, words.synonyms.values()))} synonyms; kept from the model:")
    print(", ".join(f"{word} ({label})" for word, label in words.unseen))


def _vae(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.compositions import Composer
    from tools.starter.concepts import read_concepts, taught
    from tools.starter.vae import train_vae

    train_vae(workspace, Composer(taught(read_concepts(workspace))), flags.minutes, flags.start, flags.decoder)


def _reader(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.reader import train_reader
    from tools.starter.unet import Painter
    from tools.starter.words import Words
    from tools.starter.workspace import load

    words = Words(**load(workspace.words, "text"))
    train_reader(workspace, Painter(words.embeddings).text, _table(workspace), words, flags.minutes)


def _unet(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.unet import Training

    table = _table(workspace)
    Training(workspace).run(table, flags.minutes, flags.cooling)


def _table(workspace: Workspace) -> Latents:
    from tools.starter.compositions import Composer
    from tools.starter.concepts import read_concepts, taught
    from tools.starter.latents import encode
    from tools.starter.vae import open_vae
    from tools.starter.workspace import load

    load(workspace.vae, "vae")
    synonyms = load(workspace.words, "text")["synonyms"]
    return encode(workspace, open_vae(workspace)[0].eval(), Composer(taught(read_concepts(workspace)), synonyms))


def _pack(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.concepts import read_concepts, taught
    from tools.starter.pack import pack

    pack(workspace, taught(read_concepts(workspace)), flags.model)


def _unpack(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.pack import unpack

    unpack(workspace, flags.model)


def _measure(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.measure import measure

    measure(workspace, flags.model, flags.sheet)


def _examples(workspace: Workspace, flags: argparse.Namespace) -> None:
    from tools.starter.examples import write_examples

    write_examples(flags.images)


if __name__ == "__main__":
    main()
