"""Prompts to embeddings, compared with transformers' own models and with diffusers' pipelines."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from modules.diffusion.conditioning import CHUNK, TextEncoder, TokenCount, count_tokens, encode_text

TOKENIZER = Path(__file__).parents[2] / "models" / "Stable-diffusion" / "starter" / "tokenizer"
BOS, EOS, BANG = 49406, 49407, 0
PROMPT = "a red cat, sitting on a box"
NORM = "final_layer_norm"
PROJECTED_NORM = "text_model.final_layer_norm"

TextModel = TypeVar("TextModel", CLIPTextModel, CLIPTextModelWithProjection)


def tiny(kind: type[TextModel], norm: str, *, layers: int = 4, seed: int = 0, width: int = 32) -> TextModel:
    torch.manual_seed(seed)
    config = CLIPTextConfig(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        projection_dim=24,
        bos_token_id=BOS,
        eos_token_id=EOS,
        initializer_factor=3.0,
    )
    model = kind(config)
    torch.nn.init.normal_(model.get_parameter(norm + ".bias"))  # a fresh layer norm would make every mean zero
    model.train(False)
    return model


def load_tokenizer(pad_token: str = "<|endoftext|>") -> CLIPTokenizer:
    return cast(CLIPTokenizer, CLIPTokenizer.from_pretrained(TOKENIZER, pad_token=pad_token))


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return load_tokenizer()


@pytest.fixture(scope="module")
def sd1(tokenizer: CLIPTokenizer) -> TextEncoder:
    return TextEncoder(tiny(CLIPTextModel, NORM), tokenizer, pad_token_id=EOS)


@pytest.fixture(scope="module")
def sdxl(tokenizer: CLIPTokenizer) -> tuple[TextEncoder, TextEncoder]:
    small = tiny(CLIPTextModel, NORM, seed=1)
    big = tiny(CLIPTextModelWithProjection, PROJECTED_NORM, layers=5, seed=2, width=40)
    return (
        TextEncoder(small, tokenizer, pad_token_id=EOS, penultimate=True, final_norm=False),
        TextEncoder(
            big, tokenizer, pad_token_id=BANG, penultimate=True, final_norm=False, pooled=True, projection=True
        ),
    )


def ids_of(text: str, tokenizer: CLIPTokenizer, pad: int = EOS) -> Tensor:
    ids = tokenizer(text, add_special_tokens=False).input_ids
    return torch.tensor([[BOS, *ids, EOS, *[pad] * (CHUNK - len(ids))]])


@torch.no_grad()
def hidden_of(encoder: TextEncoder, text: str) -> Tensor:
    """(77, D): what transformers' model says of a text of one chunk."""
    out = encoder.model(input_ids=ids_of(text, encoder.tokenizer))
    return cast(Tensor, out.last_hidden_state[0])


def words(count: int) -> str:
    return " ".join(["cat"] * count)


@pytest.mark.parametrize("prompt", ["", PROMPT, words(75), "ünïcödé 猫 😀"])
def test_a_plain_prompt_is_what_transformers_makes_of_it(sd1: TextEncoder, prompt: str) -> None:
    conditioning = encode_text(prompt, [sd1], 1)
    assert torch.equal(conditioning.embeds, hidden_of(sd1, prompt))
    assert conditioning.embeds.shape == (77, 32)
    assert conditioning.pooled is None


def test_embeds_are_float32_whatever_the_encoder_computes_in(tokenizer: CLIPTokenizer) -> None:
    model = tiny(CLIPTextModel, NORM).bfloat16()
    conditioning = encode_text("(a cat:1.3)", [TextEncoder(model, tokenizer, pad_token_id=EOS)], 1)
    assert conditioning.embeds.dtype == torch.float32
    assert not conditioning.embeds.requires_grad


def test_weights_multiply_their_tokens_and_the_mean_of_the_chunk_is_restored(sd1: TextEncoder) -> None:
    plain = hidden_of(sd1, "a red cat")
    weights = torch.ones(77)
    weights[2] = 1.5  # BOS, a, red
    weighted = plain * weights[:, None]
    expected = weighted * (plain.mean() / weighted.mean())
    actual = encode_text("a (red:1.5) cat", [sd1], 1).embeds
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(actual.mean(), plain.mean())


def test_a_weight_of_one_changes_nothing(sd1: TextEncoder) -> None:
    assert torch.equal(encode_text("a (red:1.0) cat", [sd1], 1).embeds, encode_text("a red cat", [sd1], 1).embeds)


@pytest.mark.parametrize("prompt", ["(cat:0)", "(" * 5000 + "cat", "(cat:" + "9" * 400 + ")", "(cat:-1)"])
def test_extreme_weights_never_make_a_nan(sd1: TextEncoder, prompt: str) -> None:
    assert encode_text(prompt, [sd1], 1).embeds.isfinite().all()


def test_a_prompt_of_more_than_75_tokens_is_encoded_chunk_by_chunk(sd1: TextEncoder) -> None:
    embeds = encode_text(words(80), [sd1], 1).embeds
    assert embeds.shape == (154, 32)
    assert torch.equal(embeds[:77], hidden_of(sd1, words(75)))
    assert torch.equal(embeds[77:], hidden_of(sd1, words(5)))


def test_break_begins_a_new_chunk(sd1: TextEncoder) -> None:
    embeds = encode_text("a cat BREAK a dog", [sd1], 1).embeds
    assert torch.equal(embeds, torch.cat([hidden_of(sd1, "a cat"), hidden_of(sd1, "a dog")]))


@pytest.mark.parametrize(
    ("prompt", "chunks"), [("a cat BREAK", 1), ("BREAK a cat", 2), ("a cat BREAK BREAK a dog", 3), ("BREAK", 1)]
)
def test_break_at_the_edges_counts_as_in_a1111(sd1: TextEncoder, prompt: str, chunks: int) -> None:
    assert encode_text(prompt, [sd1], 1).embeds.shape[0] == 77 * chunks


def test_a_chunk_that_overflows_soon_after_a_comma_ends_at_the_comma(sd1: TextEncoder) -> None:
    embeds = encode_text(f"{words(60)}, {words(20)}", [sd1], 1).embeds
    assert torch.equal(embeds[:77], hidden_of(sd1, words(60) + ","))
    assert torch.equal(embeds[77:], hidden_of(sd1, words(20)))


@pytest.mark.parametrize(("before", "moved"), [(54, 0), (55, 19), (74, 0)])
def test_a_comma_is_looked_for_among_the_last_twenty_tokens(sd1: TextEncoder, before: int, moved: int) -> None:
    embeds = encode_text(f"{words(before)}, {words(75)}", [sd1], 1).embeds
    last = 76 + before - 75 + moved
    assert torch.equal(embeds[77:], hidden_of(sd1, words(last)))


def test_words_that_move_to_the_next_chunk_keep_their_weight(sd1: TextEncoder) -> None:
    moved = encode_text(f"{words(60)}, (dog {words(19)}:1.4)", [sd1], 1).embeds[77:]
    assert torch.equal(moved, encode_text(f"(dog {words(19)}:1.4)", [sd1], 1).embeds)


@pytest.mark.parametrize(("clip_skip", "layer"), [(1, 4), (2, 3), (3, 2), (4, 1), (12, 1)])
def test_clip_skip_reads_an_earlier_layer_through_the_final_norm(sd1: TextEncoder, clip_skip: int, layer: int) -> None:
    with torch.no_grad():
        out = sd1.model(input_ids=ids_of(PROMPT, sd1.tokenizer), output_hidden_states=True)
        expected = sd1.model.final_layer_norm(out.hidden_states[layer])[0]
    assert torch.equal(encode_text(PROMPT, [sd1], clip_skip).embeds, expected)


def test_the_pooled_vector_is_of_the_first_chunk_and_knows_no_weights(sdxl: tuple[TextEncoder, TextEncoder]) -> None:
    first = encode_text("a cat", sdxl, 1).pooled
    both = encode_text("a (cat:1.7) BREAK a dog", sdxl, 1).pooled
    assert first is not None
    assert first.shape == (24,)
    assert first.dtype == torch.float32
    assert both is not None
    assert torch.equal(first, both)


def test_each_encoder_keeps_its_own_mean_under_emphasis(sdxl: tuple[TextEncoder, TextEncoder]) -> None:
    plain = encode_text("a red cat", sdxl, 1).embeds
    weighted = encode_text("a (red:1.5) cat", sdxl, 1).embeds
    torch.testing.assert_close(weighted[:, :32].mean(), plain[:, :32].mean())
    torch.testing.assert_close(weighted[:, 32:].mean(), plain[:, 32:].mean())


def sd_pipeline(model: CLIPTextModel | CLIPTextModelWithProjection, tokenizer: CLIPTokenizer) -> Any:
    return StableDiffusionPipeline(
        vae=None,
        text_encoder=model,
        tokenizer=tokenizer,
        unet=None,
        scheduler=None,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def test_sd1_agrees_with_diffusers(sd1: TextEncoder) -> None:
    expected, _ = sd_pipeline(sd1.model, sd1.tokenizer).encode_prompt(PROMPT, "cpu", 1, False)
    torch.testing.assert_close(encode_text(PROMPT, [sd1], 1).embeds, expected[0])


@pytest.mark.parametrize(("clip_skip", "diffusers_skip"), [(2, 1), (3, 2)])
def test_clip_skip_agrees_with_diffusers(tokenizer: CLIPTokenizer, clip_skip: int, diffusers_skip: int) -> None:
    # diffusers 0.42 finds the final norm of models with a projection only (transformers 5 moved the other's)
    encoder = TextEncoder(tiny(CLIPTextModelWithProjection, PROJECTED_NORM), tokenizer, pad_token_id=EOS)
    pipeline = sd_pipeline(encoder.model, tokenizer)
    expected, _ = pipeline.encode_prompt(PROMPT, "cpu", 1, False, clip_skip=diffusers_skip)
    torch.testing.assert_close(encode_text(PROMPT, [encoder], clip_skip).embeds, expected[0])


@pytest.mark.parametrize("clip_skip", [1, 2])
def test_sd2_agrees_with_diffusers_whose_encoder_lacks_the_last_layer(clip_skip: int) -> None:
    whole = tiny(CLIPTextModel, NORM, layers=4)
    shortened = copy.deepcopy(whole)
    del shortened.encoder.layers[-1]
    tokenizer = load_tokenizer(pad_token="!")
    expected, _ = sd_pipeline(shortened, tokenizer).encode_prompt(PROMPT, "cpu", 1, False)
    encoder = TextEncoder(whole, tokenizer, pad_token_id=BANG, penultimate=True)
    torch.testing.assert_close(encode_text(PROMPT, [encoder], clip_skip).embeds, expected[0])


@pytest.mark.parametrize(("clip_skip", "diffusers_skip"), [(1, None), (2, None), (3, 1)])
def test_sdxl_agrees_with_diffusers(
    sdxl: tuple[TextEncoder, TextEncoder], clip_skip: int, diffusers_skip: int | None
) -> None:
    pipeline = StableDiffusionXLPipeline(
        vae=None,
        text_encoder=sdxl[0].model,
        text_encoder_2=sdxl[1].model,
        tokenizer=sdxl[0].tokenizer,
        tokenizer_2=load_tokenizer(pad_token="!"),
        unet=None,
        scheduler=None,
        add_watermarker=False,
    )
    embeds, _, pooled, _ = pipeline.encode_prompt(
        PROMPT, device="cpu", do_classifier_free_guidance=False, clip_skip=diffusers_skip
    )
    conditioning = encode_text(PROMPT, sdxl, clip_skip)
    torch.testing.assert_close(conditioning.embeds, embeds[0])
    torch.testing.assert_close(conditioning.pooled, pooled[0])


@pytest.mark.parametrize(
    ("prompt", "count"),
    [
        ("", (0, 75)),
        ("a (red:1.2) cat", (3, 75)),
        (words(75), (75, 75)),
        (words(76), (76, 150)),
        ("a cat BREAK a dog", (77, 150)),
        (f"{words(60)}, {words(20)}", (95, 150)),
        ("a BREAK", (75, 75)),
    ],
)
def test_tokens_are_counted_with_what_chunks_leave_empty(
    tokenizer: CLIPTokenizer, prompt: str, count: tuple[int, int]
) -> None:
    assert count_tokens(prompt, tokenizer) == TokenCount(*count)


@settings(deadline=None)
@given(st.text(max_size=200) | st.lists(st.sampled_from(["cat", ",", "BREAK", "(dog:2)", "[", "\ud800"])).map(" ".join))
def test_any_text_can_be_counted_and_fits_its_limit(tokenizer: CLIPTokenizer, text: str) -> None:
    tokens, limit = count_tokens(text, tokenizer)
    assert 0 <= tokens <= limit
    assert limit % CHUNK == 0


def test_half_a_character_from_json_is_encoded_as_a_question_mark(sd1: TextEncoder) -> None:
    assert torch.equal(encode_text("cat \ud83d", [sd1], 1).embeds, encode_text("cat ?", [sd1], 1).embeds)


def test_without_a_norm_weights_multiply_their_tokens_and_nothing_else(sd1: TextEncoder) -> None:
    weights = torch.ones(77)
    weights[2] = 1.5  # BOS, a, red
    expected = hidden_of(sd1, "a red cat") * weights[:, None]
    assert torch.equal(encode_text("a (red:1.5) cat", [sd1], 1, emphasis="No norm").embeds, expected)


def test_weights_are_ignored_or_brackets_read_as_text(sd1: TextEncoder) -> None:
    ignored = encode_text("a (red:1.5) cat", [sd1], 1, emphasis="Ignore").embeds
    assert torch.equal(ignored, hidden_of(sd1, "a red cat"))
    literal = encode_text("a (red:1.5) cat", [sd1], 1, emphasis="None").embeds
    assert torch.equal(literal, hidden_of(sd1, "a (red:1.5) cat"))


@pytest.mark.parametrize(("backtrack", "moved"), [(0, 0), (15, 14), (14, 0), (20, 14)])
def test_how_far_back_a_comma_is_looked_for_can_be_chosen(sd1: TextEncoder, backtrack: int, moved: int) -> None:
    text = f"{words(60)}, {words(20)}"
    embeds = encode_text(text, [sd1], 1, comma_backtrack=backtrack).embeds
    assert torch.equal(embeds[77:], hidden_of(sd1, words(6 + moved)))
    assert count_tokens(text, sd1.tokenizer, comma_backtrack=backtrack).tokens == 75 + 6 + moved
