"""`sd_model.cond_stage_model`, as extensions take it apart that show a prompt's tokens."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from modules.studio.app import App
from tests.a1111.words import word


@pytest.fixture
def stubs() -> Iterator[None]:
    """LDM's names, as long as the test lasts."""
    remove = word("bridge.stubs").install()
    yield
    remove()


@pytest.mark.usefixtures("stubs", "studio")
def test_what_is_wrapped_is_of_the_kind_that_ldm_has() -> None:
    encoders = importlib.import_module("ldm.modules.encoders.modules")
    wrapped = word("shared").sd_model.cond_stage_model.wrapped
    assert isinstance(wrapped, encoders.FrozenCLIPEmbedder)
    assert not isinstance(wrapped, encoders.FrozenOpenCLIPEmbedder)
    assert not isinstance("a text", encoders.FrozenCLIPEmbedder)
    with pytest.raises(word("bridge.missing").NotHereError, match="text encoders are transformers'"):
        wrapped.transformer.text_model()


@pytest.mark.parametrize("text", ["a red heart", "crème brûlée", "\u304b\u3044", "~\u00ad|"])
def test_the_bytes_of_tokens_are_the_text_again(studio: App, text: str) -> None:
    stage = word("shared").sd_model.cond_stage_model
    (tokens,) = stage.tokenize([text])
    tokenizer = stage.wrapped.tokenizer
    names = {number: token for token, number in tokenizer.get_vocab().items()}
    letters = "".join(names[token] for token in tokens).replace("</w>", " ")
    read = bytes(tokenizer.byte_decoder.get(letter, 0x20) for letter in letters).decode("utf-8")
    assert read.split() == text.split()
    assert [tokenizer.encoder[tokenizer.decoder[token]] for token in tokens] == tokens
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == tokens
    assert len(tokenizer.byte_encoder) == len(tokenizer) - 49408 + 256
