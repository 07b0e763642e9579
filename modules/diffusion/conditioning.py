"""A prompt's segments -> embeddings: 75-token chunks, weights, BREAK, clip skip, pooled vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from modules.diffusion.prompts import BREAK, Break, Emphasis, Segment, weighted_segments

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    from modules.diffusion.embedding_files import EmbeddingFile, Words

CHUNK = 75
"""Tokens of a prompt that fit between the BOS and EOS of CLIP's 77 places."""
COMMA_BACKTRACK = 20
"""A chunk that overflows ends at its last comma if that is among its last so many tokens. A1111's default."""


@dataclass(frozen=True)
class Conditioning:
    """What one prompt says to the network."""

    embeds: Tensor
    """(77 k, D) for k chunks of 75 tokens."""
    pooled: Tensor | None = None
    """(P,), for families with a pooled text vector (SDXL)."""
    time_ids: Tensor | None = None
    """(6,) or (5,): SDXL's size, crop and target (or aesthetic score) numbers."""


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """One CLIP text encoder, its tokenizer, and what its family settled about it."""

    model: CLIPTextModel | CLIPTextModelWithProjection
    tokenizer: CLIPTokenizer
    _: KW_ONLY
    pad_token_id: int
    """Fills a chunk after its EOS. SD 1.x and SDXL's first encoder: the EOS again; SD 2.x and SDXL's second: 0, "!"."""
    penultimate: bool = False
    """Whether the family never reads the last layer (SD 2.x, SDXL). Layers are counted in the model at hand: a folder
    whose SD 2.x encoder was saved without its last layer has False here."""
    final_norm: bool = True
    """Whether the final layer norm is applied to the layer that is read (SD 1.x, SD 2.x; not SDXL)."""
    pooled: bool = False
    """Whether the family uses this encoder's pooled vector (SDXL's second encoder)."""
    projection: bool = False
    """Whether that vector passes through the text projection (CLIPTextModelWithProjection)."""


class TokenCount(NamedTuple):
    """Tokens of a prompt, and how many fit before one more chunk is needed: "12/75"."""

    tokens: int
    limit: int


class _Token(NamedTuple):
    id: int
    weight: float
    embedding: EmbeddingFile | None = None
    """Whose vector number `row` stands in the place of the token's own."""
    row: int = 0


class _Reading(NamedTuple):
    """How a text is read."""

    emphasis: Emphasis = "Original"
    comma_backtrack: int = COMMA_BACKTRACK
    words: Words | None = None


def encode_text(
    text: str,
    encoders: Sequence[TextEncoder],
    clip_skip: int,
    *,
    emphasis: Emphasis = "Original",
    comma_backtrack: int = COMMA_BACKTRACK,
    words: Words | None = None,
) -> Conditioning:
    """Encodes one prompt with every encoder of a model, concatenating their embeddings on the feature axis.

    `clip_skip` is A1111's CLIP_stop_at_last_layers: the layer that is read, counted from the end, 1 the last. Families
    that never read the last layer (`penultimate`) read the second last for 1 and 2; more than a model's layers means
    its first. `emphasis` is A1111's: with "Original" embeddings times weights, then each chunk scaled to its mean of
    before; with "No norm" times weights alone. The pooled vector is that of the first chunk and knows no weights. A
    chunk may end at a comma among its last `comma_backtrack` tokens. `words` are the embeddings that may be named; one
    is never split between chunks.

    Raises: CheckpointError when the file of an embedding cannot be read. Computes in the encoders' dtype; returns
    float32 on their device, without time_ids.
    """
    with torch.no_grad():
        reading = _Reading(emphasis, comma_backtrack, words)
        encoded = [_encode(text, encoder, number, clip_skip, reading) for number, encoder in enumerate(encoders)]
    embeds = torch.cat([embeds for embeds, _ in encoded], dim=-1)
    pooled = next((pooled for _, pooled in encoded if pooled is not None), None)
    return Conditioning(embeds, pooled)


def count_tokens(
    text: str,
    tokenizer: CLIPTokenizer,
    emphasis: Emphasis = "Original",
    comma_backtrack: int = COMMA_BACKTRACK,
    words: Words | None = None,
) -> TokenCount:
    """Counts as `encode_text` would place them: what BREAK or a comma leaves empty in a chunk counts as used."""
    *full, last = _chunks(text, tokenizer, _Reading(emphasis, comma_backtrack, words))
    tokens = CHUNK * len(full) + len(last)
    return TokenCount(tokens, CHUNK * max(1, math.ceil(tokens / CHUNK)))


def words_in(text: str, tokenizer: CLIPTokenizer, words: Words, emphasis: Emphasis = "Original") -> list[EmbeddingFile]:
    """The embeddings that a text names, each once."""
    segments = _tokenized(text, tokenizer, emphasis)
    found = (file for each in segments if each is not BREAK for file, _ in _named(each.ids, words) if file is not None)
    return list(dict.fromkeys(found))


class _Ids(NamedTuple):
    """A segment's tokens and what they weigh."""

    ids: list[int]
    weight: float


def _tokenized(text: str, tokenizer: CLIPTokenizer, emphasis: Emphasis) -> list[_Ids | Literal[Break.BREAK]]:
    segments = weighted_segments(text, emphasis)
    texts = [_encodable(segment.text) for segment in segments if isinstance(segment, Segment)]
    ids = iter(tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False).input_ids if texts else [])
    return [BREAK if segment is BREAK else _Ids(next(ids), segment.weight) for segment in segments]


def _named(ids: Sequence[int], words: Words | None) -> Iterator[tuple[EmbeddingFile | None, int]]:
    """From the first token to the last: an embedding and where its name begins, or None and where the token is."""
    position = 0
    while position < len(ids):
        embedding, length = words.at(ids, position) if words is not None else (None, 1)
        yield embedding, position
        position += length


def _chunks(text: str, tokenizer: CLIPTokenizer, reading: _Reading) -> list[list[_Token]]:
    """At least one chunk of up to 75 tokens, without BOS, EOS and padding; only the last may be empty by chance."""
    comma = cast(int, tokenizer.convert_tokens_to_ids(",</w>"))
    chunks: list[list[_Token]] = [[]]
    for segment in _tokenized(text, tokenizer, reading.emphasis):
        if segment is BREAK:
            chunks.append([])
            continue
        for added in _with_words(segment, reading.words):
            if len(chunks[-1]) == CHUNK:
                carried = 0 if added[0].id == comma else _tokens_after_comma(chunks[-1], comma, reading.comma_backtrack)
                chunks.append(chunks[-1][CHUNK - carried :])
                del chunks[-2][CHUNK - carried :]
            if len(chunks[-1]) + len(added) > CHUNK:
                chunks.append([])
            chunks[-1] += added
    return chunks


def _with_words(segment: _Ids, words: Words | None) -> Iterator[list[_Token]]:
    """What belongs together: a token alone, or all that an embedding puts in the place of its name."""
    for embedding, position in _named(segment.ids, words):
        if embedding is None:
            yield [_Token(segment.ids[position], segment.weight)]
        else:
            yield [_Token(0, segment.weight, embedding, row) for row in range(embedding.tokens)]


def _encodable(text: str) -> str:
    """Lone surrogates, which JSON can carry, are no text to a tokenizer."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _tokens_after_comma(chunk: list[_Token], comma: int, comma_backtrack: int) -> int:
    """How many tokens of a full chunk follow a comma near its end; 0 where none is near."""
    return next((after for after in range(min(comma_backtrack, CHUNK)) if chunk[-1 - after].id == comma), 0)


def _encode(
    text: str, encoder: TextEncoder, number: int, clip_skip: int, reading: _Reading
) -> tuple[Tensor, Tensor | None]:
    """-> (77 k, D), (P,) or None; `number` is the encoder's among its model's.

    One chunk at a time, so that a long prompt needs no more memory than a short one."""
    chunks = _chunks(text, encoder.tokenizer, reading)
    if len(chunks) > 1 and not chunks[-1]:
        del chunks[-1]
    embeds = []
    pooled = None
    for chunk in chunks:
        with _instead_of_tokens(encoder, _vectors(chunk, number)):
            hidden, vector = _run(encoder, chunk, clip_skip)
        weights = [1.0, *(token.weight for token in chunk), *[1.0] * (CHUNK + 1 - len(chunk))]
        embeds.append(_emphasised(hidden, weights, keep_mean=reading.emphasis == "Original"))
        pooled = vector if pooled is None else pooled
    return torch.cat(embeds), pooled


def _vectors(chunk: list[_Token], number: int) -> dict[int, Tensor]:
    """{place after the BOS: (D,)}."""
    files = dict.fromkeys(token.embedding for token in chunk if token.embedding is not None)
    vectors = {file: file.vectors()[number] for file in files}
    return {
        place: vectors[token.embedding][token.row]
        for place, token in enumerate(chunk, start=1)
        if token.embedding is not None
    }


@contextmanager
def _instead_of_tokens(encoder: TextEncoder, vectors: dict[int, Tensor]) -> Iterator[None]:
    """The encoder sees these vectors (D,) at these places while the block lasts."""

    def put(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        output = output.clone()
        for place, vector in vectors.items():
            output[:, place] = vector.to(output)
        return output

    hook = encoder.model.get_input_embeddings().register_forward_hook(put) if vectors else None
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()


def _run(encoder: TextEncoder, chunk: list[_Token], clip_skip: int) -> tuple[Tensor, Tensor | None]:
    """One chunk through the network -> (77, D) float32, (P,) float32 or None."""
    model, tokenizer = encoder.model, encoder.tokenizer
    body: Any = getattr(model, "text_model", model)
    padding = [encoder.pad_token_id] * (CHUNK - len(chunk))
    ids = [tokenizer.bos_token_id, *(token.id for token in chunk), tokenizer.eos_token_id, *padding]
    out = model(input_ids=torch.tensor([ids], device=model.device), output_hidden_states=True)
    layers = len(out.hidden_states) - 1  # the first of hidden_states is the layers' input
    hidden = out.hidden_states[-min(layers, max(clip_skip, 2 if encoder.penultimate else 1))]
    if encoder.final_norm:
        hidden = body.final_layer_norm(hidden)
    pooled = None
    if encoder.pooled:
        pooled = (out.text_embeds if encoder.projection else out.pooler_output)[0].float()
    return hidden[0].float(), pooled


def _emphasised(hidden: Tensor, weights: list[float], *, keep_mean: bool) -> Tensor:
    """(77, D) and 77 weights -> (77, D); with `keep_mean` of the mean of `hidden`, unless the weighted mean is zero."""
    if all(weight == 1 for weight in weights):
        return hidden
    weighted = hidden * torch.tensor(weights, device=hidden.device)[:, None]
    if not keep_mean:
        return weighted
    scale = hidden.mean() / weighted.mean()
    return weighted * scale if bool(torch.isfinite(scale)) else weighted
