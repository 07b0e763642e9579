"""A1111's `cond_stage_model` and what is in it, as far as it is asked for tokens."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from modules.diffusion.conditioning import count_tokens
from modules.diffusion.loading import clip_tokenizer

from .missing import Missing
from .opts import present

INSTEAD = "text encoders are transformers', prompts are read by us"


class Tokenizer:
    """CLIP's, with the table of bytes that transformers had beside it until version 5."""

    def __init__(self) -> None:
        self._tokenizer: Any = clip_tokenizer()

    @cached_property
    def byte_encoder(self) -> dict[int, str]:
        """{byte: the letter that stands for it in the vocabulary}: itself if it can be seen, else one from 256 on."""
        seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        others = [byte for byte in range(256) if byte not in seen]
        return {byte: chr(byte) for byte in seen} | {byte: chr(256 + place) for place, byte in enumerate(others)}

    @property
    def byte_decoder(self) -> dict[str, int]:
        """The other way round."""
        return {letter: byte for byte, letter in self.byte_encoder.items()}

    @property
    def encoder(self) -> dict[str, int]:
        """{token: its number}"""
        found: dict[str, int] = self._tokenizer.get_vocab()
        return found

    @property
    def decoder(self) -> dict[int, str]:
        """{number: its token}"""
        return {number: token for token, number in self.encoder.items()}

    def __call__(self, *args: Any, **words: Any) -> Any:
        return self._tokenizer(*args, **words)

    def __len__(self) -> int:
        return len(self._tokenizer)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._tokenizer, name)


class FrozenCLIPEmbedder:
    """Stands for LDM's class of that name; of its parts only the tokenizer is here."""

    stands_for = "ldm.modules.encoders.modules.FrozenCLIPEmbedder"
    max_length = 77

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"sd_model.cond_stage_model.wrapped.{name}", INSTEAD)


class TextStage:
    """A1111's `cond_stage_model`: tokens, by CLIP's own vocabulary."""

    @cached_property
    def wrapped(self) -> FrozenCLIPEmbedder:
        """What A1111 has put its own reading of prompts around."""
        return FrozenCLIPEmbedder()

    @property
    def tokenizer(self) -> Tokenizer:
        """That of `wrapped`."""
        return self.wrapped.tokenizer

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """The tokens of each text, without beginning and end."""
        tokenizer = clip_tokenizer()
        return [list(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]

    def get_prompt_lengths(self, text: str) -> tuple[int, int]:
        """(tokens, of so many that its chunks have room for)."""
        options = present()
        tokens, limit = count_tokens(text, clip_tokenizer(), options.emphasis, options.comma_padding_backtrack)
        return tokens, limit

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"sd_model.cond_stage_model.{name}", INSTEAD)
