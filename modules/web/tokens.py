"""How long a prompt is for CLIP, as the page's counters say it: "12/75"."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from modules.diffusion.conditioning import count_tokens
from modules.diffusion.loading import CONFIGS, tokenizer_from

if TYPE_CHECKING:
    from transformers import CLIPTokenizer


class TokenCounter:
    """Counts with CLIP's own tokenizer, which all families share and which is read when the first prompt is typed."""

    @cached_property
    def _tokenizer(self) -> CLIPTokenizer:
        return tokenizer_from(CONFIGS / "clip_tokenizer")

    def count(self, prompt: str) -> str:
        """Tokens, and the tokens that its chunks have room for."""
        tokens, limit = count_tokens(prompt, self._tokenizer)
        return f"{tokens}/{limit}"
