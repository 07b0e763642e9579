"""How long a prompt is for CLIP, as the page's counters say it: "12/75"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from modules.diffusion.conditioning import count_tokens, words_in
from modules.diffusion.embedding_files import EmbeddingFile, EmbeddingFolder
from modules.diffusion.loading import CONFIGS, tokenizer_from
from modules.diffusion.prompt_parts import read_prompt
from modules.diffusion.prompt_schedules import Timeline, text_schedule
from modules.studio.settings import Options

if TYPE_CHECKING:
    from transformers import CLIPTokenizer


Reader: TypeAlias = Callable[[str, int, bool], str]
"""Given a prompt, its steps, and whether it is the negative one."""


class TokenCounter:
    """Counts with CLIP's own tokenizer, which all families share and which is read when the first prompt is typed."""

    @cached_property
    def _tokenizer(self) -> CLIPTokenizer:
        return tokenizer_from(CONFIGS / "clip_tokenizer")

    def __init__(self, embeddings: EmbeddingFolder | None = None, readers: Sequence[Reader] = ()) -> None:
        """`readers` are asked in turn what is to be counted instead of a prompt."""
        self._embeddings = embeddings
        self._readers = readers

    def count(
        self, prompt: str, options: Options, steps: int = 20, *, negative: bool = False, widths: Sequence[int] = ()
    ) -> str:
        """Tokens, and the tokens that its chunks have room for; of the longest text that it is in so many steps.

        `widths` are those of the model's text encoders, which tell the embeddings that it understands.
        """
        for reader in self._readers:
            prompt = reader(prompt, steps, negative)
        words = self._embeddings.words(widths, self._tokenizer) if self._embeddings else None
        read = read_prompt(prompt, comments=options.enable_prompt_comments, composed=not negative)
        timeline = Timeline(steps, old=options.use_old_scheduling)
        texts = {entry.text for part in read.parts for entry in text_schedule(part.text, timeline)}
        reading = options.emphasis, options.comma_padding_backtrack, words
        tokens, limit = max(count_tokens(text, self._tokenizer, *reading) for text in texts)
        return f"{tokens}/{limit}"

    def tokens(self, text: str, options: Options, widths: Sequence[int] = ()) -> int:
        """How many tokens the text of one moment has."""
        words = self._embeddings.words(widths, self._tokenizer) if self._embeddings else None
        return count_tokens(text, self._tokenizer, options.emphasis, options.comma_padding_backtrack, words).tokens

    def strangers(self, text: str, options: Options, widths: Sequence[int]) -> list[EmbeddingFile]:
        """The embeddings that a text names and such a model does not understand."""
        if self._embeddings is None:
            return []
        words = self._embeddings.words(widths, self._tokenizer, fitting=False)
        return words_in(text, self._tokenizer, words, options.emphasis)
