"""Textual inversions in prompts, compared with diffusers' and transformers' own way of adding words to a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor

from modules.diffusion.checkpoint import read_checkpoint
from modules.diffusion.conditioning import CHUNK, TextEncoder, TokenCount, count_tokens, encode_text, words_in
from modules.diffusion.embedding_files import EmbeddingFolder, Words
from tests.diffusion.conftest import Ready
from tests.tiny import TinyModels

WIDTH = 64


@pytest.fixture
def encoders(tiny: TinyModels, ready: Ready) -> Sequence[TextEncoder]:
    return ready(tiny.ldm("SD 1.x")).text_encoders


def embedding(tokens: int = 2, width: int = WIDTH, seed: int = 1) -> Tensor:
    return torch.randn(tokens, width, generator=torch.Generator().manual_seed(seed)) / 20


def save(folder: Path, **words: Tensor) -> EmbeddingFolder:
    for name, vectors in words.items():
        save_file({"emb_params": vectors}, folder / f"{name}.safetensors")
    return EmbeddingFolder([folder])


def known(folder: EmbeddingFolder, encoders: Sequence[TextEncoder]) -> Words:
    return folder.words([WIDTH], encoders[0].tokenizer)


def encoded(text: str, encoders: Sequence[TextEncoder], words: Words | None) -> Tensor:
    return encode_text(text, encoders, 1, words=words).embeds


def ids_of(text: str, encoder: TextEncoder) -> list[int]:
    ids: list[int] = encoder.tokenizer(text, add_special_tokens=False).input_ids
    return ids


@pytest.mark.parametrize("tokens", [1, 4])
def test_a_word_is_what_diffusers_makes_of_it(
    tiny: TinyModels, encoders: Sequence[TextEncoder], tmp_path: Path, tokens: int
) -> None:
    pipeline: Any = StableDiffusionPipeline.from_pretrained(
        tiny.diffusers("SD 1.x"), safety_checker=None, requires_safety_checker=False, local_files_only=True
    ).to(torch.float32)
    words = known(save(tmp_path, inkstyle=embedding(tokens)), encoders)
    pipeline.tokenizer.model_max_length = 77
    name = "inkstyle.safetensors"
    pipeline.load_textual_inversion(tmp_path, weight_name=name, token="inkstyle", local_files_only=True)
    prompt = "a fox in inkstyle on paper"
    expected, _ = pipeline.encode_prompt(prompt, "cpu", 1, False)
    torch.testing.assert_close(encoded(prompt, encoders, words), expected[0])
    assert not torch.allclose(encoded(prompt, encoders, None), expected[0], atol=1e-3)


def test_other_words_are_as_they_were(encoders: Sequence[TextEncoder], tmp_path: Path) -> None:
    words = known(save(tmp_path, ink=embedding()), encoders)
    assert torch.equal(encoded("a fox, inky", encoders, words), encoded("a fox, inky", encoders, None))
    encoded("ink", encoders, words)
    assert torch.equal(encoded("a fox", encoders, words), encoded("a fox", encoders, None))


def test_a_word_weighs_like_any_other(encoders: Sequence[TextEncoder], tmp_path: Path) -> None:
    words = known(save(tmp_path, ink=embedding(3)), encoders)
    plain = encoded("a fox ink", encoders, words)
    weights = torch.ones(77)
    weights[3:6] = 1.5
    weighted = plain * weights[:, None]
    expected = weighted * (plain.mean() / weighted.mean())
    torch.testing.assert_close(encoded("a fox (ink:1.5)", encoders, words), expected)


def test_sdxl_has_a_vector_for_each_of_its_encoders(tiny: TinyModels, ready: Ready, tmp_path: Path) -> None:
    encoders = ready(tiny.ldm("SDXL")).text_encoders
    small, large = embedding(2, seed=3), embedding(2, seed=4)
    save_file({"clip_l": small, "clip_g": large}, tmp_path / "ink.safetensors")
    words = EmbeddingFolder([tmp_path]).words([WIDTH, WIDTH], encoders[0].tokenizer)
    found = encode_text("a fox ink", encoders, 1, words=words)
    halves = [_by_hand(encoder, "a fox", vectors) for encoder, vectors in zip(encoders, (small, large), strict=True)]
    expected = torch.cat([out.hidden_states[-2][0] for out in halves], dim=-1)
    torch.testing.assert_close(found.embeds, expected)
    torch.testing.assert_close(found.pooled, halves[1].text_embeds[0])


@torch.no_grad()
def _by_hand(encoder: TextEncoder, before: str, vectors: Tensor) -> Any:
    """transformers' model after its own table of tokens got new rows."""
    model: Any = encoder.model
    table = model.get_input_embeddings().weight
    ids, rows = ids_of(before, encoder), [100, 101]
    padding = [encoder.pad_token_id] * (CHUNK - len(ids) - len(rows))
    old = table[rows].clone()
    table[rows] = vectors
    out = model(torch.tensor([[49406, *ids, *rows, 49407, *padding]]), output_hidden_states=True)
    table[rows] = old
    return out


def test_the_longest_name_counts_and_its_case_does_not(encoders: Sequence[TextEncoder], tmp_path: Path) -> None:
    folder = save(tmp_path, ink=embedding(1), **{"Ink Fox": embedding(5)})
    tokenizer, words = encoders[0].tokenizer, known(folder, encoders)
    found = {text: words_in(text, tokenizer, words) for text in ("ink fox", "INK, fox", "a [INK FOX] and ink")}
    names = {text: [file.name for file in files] for text, files in found.items()}
    assert names == {"ink fox": ["Ink Fox"], "INK, fox": ["ink"], "a [INK FOX] and ink": ["Ink Fox", "ink"]}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("ink", (4, 75)),
        ("a fox ink", (6, 75)),
        ("cat " * 71 + "ink", (75, 75)),
        ("cat " * 72 + "ink", (79, 150)),
        ("cat " * 60 + ", " + "cat " * 14 + "ink", (75 + 14 + 4, 150)),
        ("cat " * 60 + ", ink " + "cat " * 11, (75 + 4 + 11, 150)),
        ("ink BREAK ink", (79, 150)),
    ],
)
def test_it_counts_as_many_tokens_as_it_has_and_is_never_split(
    encoders: Sequence[TextEncoder], tmp_path: Path, text: str, count: tuple[int, int]
) -> None:
    words = known(save(tmp_path, ink=embedding(4)), encoders)
    assert count_tokens(text, encoders[0].tokenizer, words=words) == TokenCount(*count)
    assert encoded(text, encoders, words).shape[0] == 77 * count[1] // 75


def test_a_word_at_a_border_is_whole_in_the_next_chunk(encoders: Sequence[TextEncoder], tmp_path: Path) -> None:
    words = known(save(tmp_path, ink=embedding(4)), encoders)
    both = encoded("cat " * 73 + "ink, fox", encoders, words)
    assert torch.equal(both[77:], encoded("ink, fox", encoders, words))
    assert torch.equal(both[:77], encoded("cat " * 73, encoders, words))


def test_what_does_not_fit_the_model_is_known_but_not_used(encoders: Sequence[TextEncoder], tmp_path: Path) -> None:
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    folder = save(tmp_path, ink=embedding(), wide=embedding(width=768), long=embedding(76))
    tokenizer = encoders[0].tokenizer
    others = {file.name: file for file in words_in("ink wide long broken", tokenizer, _others(folder, encoders))}
    assert [file.name for file in folder.fitting([WIDTH])] == ["ink"]
    assert set(others) == {"wide", "long", "broken"}
    assert others["wide"].made_for == "SD 1.x"
    assert "76 vectors" in others["long"].problem
    assert "broken.pt" in others["broken"].problem
    assert torch.equal(encoded("wide", encoders, known(folder, encoders)), encoded("wide", encoders, None))


def _others(folder: EmbeddingFolder, encoders: Sequence[TextEncoder]) -> Words:
    return folder.words([WIDTH], encoders[0].tokenizer, fitting=False)


def test_files_that_come_and_change_are_seen_and_what_is_known_is_not_read_again(
    encoders: Sequence[TextEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "facts.json"
    save(tmp_path, ink=embedding(1))
    EmbeddingFolder([tmp_path], cache)
    monkeypatch.setattr("modules.diffusion.embedding_files.read_embedding", None)
    folder = EmbeddingFolder([tmp_path], cache)
    monkeypatch.undo()
    assert folder.files["ink"].tokens == 1
    save(tmp_path, ink=embedding(3), sun=embedding(2))
    folder.refresh()
    assert count_tokens("ink sun", encoders[0].tokenizer, words=known(folder, encoders)).tokens == 5


@pytest.mark.parametrize(("family", "widths"), [("SD 1.x", (64,)), ("SD 2.x", (64,)), ("SDXL", (64, 64))])
def test_a_checkpoint_tells_the_widths_of_its_encoders(tiny: TinyModels, family: str, widths: tuple[int, ...]) -> None:
    assert read_checkpoint(tiny.ldm(family)).text_widths == widths
    assert read_checkpoint(tiny.diffusers(family)).text_widths == widths
