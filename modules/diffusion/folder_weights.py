"""The weights of a diffusers folder under the names that they have in single files, read one by one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from modules.diffusion.diffusers_folder import open_part, read_folder, read_json
from modules.diffusion.families import EncoderRow
from modules.diffusion.ldm_keys import VAE, Source, clip_sources, open_clip_sources, unet_sources, vae_sources
from modules.diffusion.weights import TensorInfo, Weights, fail

OLD_ATTENTION = ((".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0."))
"""How diffusers named a VAE's attention before 2023, and since."""


class _Piece(NamedTuple):
    """A weight of the folder, which is one of a single file or a third of one."""

    file: Weights
    name: str
    source: Source


@contextmanager
def open_folder(folder: Path) -> Iterator[Weights]:
    """Opens a folder of a family that has single files; takes the memory of one weight at a time.

    Raises: CheckpointError naming the folder when it is incomplete, or of sizes that no single file has.
    """
    facts = read_folder(folder)
    if facts.family.has_own_sizes:
        fail(folder, "its networks have sizes of their own, which no single file can tell.")
    with ExitStack() as stack:

        def part(name: str) -> Weights:
            return stack.enter_context(open_part(folder, name))

        unet, vae = part("unet"), part("vae")
        config = {"layers_per_block": 2, **read_json(folder / "unet/config.json", folder)}
        pieces = [_Piece(unet, name, source) for name, source in unet_sources(unet.tensors, config).items()]
        pieces += [_Piece(vae, name, Source(key)) for key, name in original_vae_names(vae.tensors).items()]
        for number, row in enumerate(facts.family.encoders):
            text = part(row.folder)
            pieces += [_Piece(text, name, source) for name, source in _text_sources(text, row, number).items()]
        said = {"v_pred": facts.prediction_type == "v_prediction", "ztsnr": facts.zero_snr}
        yield _Folder(folder, pieces, [mark for mark, is_so in said.items() if is_so])


class _Folder:
    """What `open_folder` gives. `marks` are empty tensors: so a single file says what a folder's scheduler does."""

    def __init__(self, path: Path, pieces: Collection[_Piece], marks: Collection[str]) -> None:
        self.path = path
        self.metadata: Mapping[str, str] = {}
        self._pieces: dict[str, list[_Piece]] = {}
        for piece in sorted(pieces, key=lambda piece: piece.source.third or 0):
            self._pieces.setdefault(piece.source.key, []).append(piece)
        for key, parts in self._pieces.items():
            if parts[0].source.third is not None and len(parts) != 3:
                fail(path, f"the weights of {key} are incomplete.")
        infos = {key: _joined(key, parts) for key, parts in self._pieces.items()}
        self.tensors: Mapping[str, TensorInfo] = {**infos, **dict.fromkeys(marks, TensorInfo(torch.float16, (0,)))}

    def read(self, name: str) -> Tensor:
        info = self.tensors[name]
        if name not in self._pieces:
            return torch.empty(info.shape, dtype=info.dtype)
        parts = self._pieces[name]
        tensor = torch.cat([piece.file.read(piece.name) for piece in parts])
        return (tensor.T if parts[0].source.transposed else tensor).reshape(info.shape)

    def close(self) -> None:
        """Whoever opened the files closes them."""


def _joined(key: str, parts: list[_Piece]) -> TensorInfo:
    first = parts[0].file.tensors[parts[0].name]
    shape = first.shape[::-1] if parts[0].source.transposed else first.shape
    if len(parts) > 1:
        shape = (sum(piece.file.tensors[piece.name].shape[0] for piece in parts), *shape[1:])
    return as_original(key, TensorInfo(first.dtype, tuple(shape)))


def _text_sources(text: Weights, row: EncoderRow, number: int) -> dict[str, Source]:
    """By the names in the folder, which may begin with "text_model."; `number` says which of the encoders it is."""
    prefix = row.prefixes[-1] if row.pooled and not number else row.prefixes[0]
    plain = {name.removeprefix("text_model."): name for name in text.tensors}
    if row.is_open_clip:
        plain = {name: there for name, there in plain.items() if not name.endswith("position_ids")}
    sources = (open_clip_sources if row.is_open_clip else clip_sources)(plain, prefix)
    return {plain[name]: source for name, source in sources.items()}


def original_vae_names(names: Collection[str]) -> dict[str, str]:
    """{name in a checkpoint: name in the VAE's file} of a file without the checkpoint's prefix."""
    levels = [int(found[1]) for name in names if (found := re.match(r"encoder\.down_blocks\.(\d{1,2})\.", name))]
    if not levels:
        return {VAE + name: name for name in names}
    present = {}
    for name in names:
        renamed = name
        for old, new in OLD_ATTENTION:
            renamed = renamed.replace(old, new)
        present[renamed] = name
    return {source.key: present[name] for name, source in vae_sources(present, max(levels) + 1).items()}


def as_original(name: str, info: TensorInfo) -> TensorInfo:
    """The attention's linear layers of diffusers are 1x1 convolutions in the original."""
    shape = tuple(info.shape)
    is_linear = ".attn_1." in name and name.endswith(".weight") and len(shape) == 2
    return TensorInfo(info.dtype, (*shape, 1, 1) if is_linear else shape)
