"""How long a prompt is for CLIP, as the page's counters say it: "12/75"."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from modules.diffusion.conditioning import count_tokens
from modules.diffusion.loading import CONFIGS, tokenizer_from
from modules.diffusion.prompt_parts import read_prompt
from modules.diffusion.prompt_schedules import Timeline, text_schedule
from modules.studio.settings import Options

if TYPE_CHECKING:
    from transformers import CLIPTokenizer


class TokenCounter:
    """Counts with CLIP's own tokenizer, which all families share and which is read when the first prompt is typed."""

    @cached_property
    def _tokenizer(self) -> CLIPTokenizer:
        return tokenizer_from(CONFIGS / "clip_tokenizer")

    def count(self, prompt: str, options: Options, steps: int = 20, *, negative: bool = False) -> str:
        """Tokens, and the tokens that its chunks have room for; of the longest text that it is in so many steps."""
        read = read_prompt(prompt, comments=options.enable_prompt_comments, composed=not negative)
        timeline = Timeline(steps, old=options.use_old_scheduling)
        texts = {entry.text for part in read.parts for entry in text_schedule(part.text, timeline)}
        tokens, limit = max(
            count_tokens(text, self._tokenizer, options.emphasis, options.comma_padding_backtrack) for text in texts
        )
        return f"{tokens}/{limit}"
