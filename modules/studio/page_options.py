"""The options of the page: what people see while a job runs, and what the keys of the prompt boxes do."""

from __future__ import annotations

from typing import Annotated

from modules.studio.sampler_options import SamplerOptions, option


class PageOptions(SamplerOptions):
    """Those of the section "ui", with A1111's names."""

    live_previews_enable: Annotated[bool, option("ui", "Show live previews")] = True
    show_progress_every_n_steps: Annotated[int, option("ui", "Preview every n steps", ge=1, le=100)] = 2
    keyedit_precision_attention: Annotated[
        float,
        option(
            "ui", "Ctrl+Up and Ctrl+Down change weights by", "In prompts. After a reload of the page.", ge=0.01, le=0.2
        ),
    ] = 0.1
    keyedit_precision_extra: Annotated[
        float, option("ui", "The same for <lora:name:1> and its kin", ge=0.01, le=0.2)
    ] = 0.05
    keyedit_delimiters: Annotated[
        str, option("ui", "What ends a word for these keys", "Besides blanks and square brackets.", max_length=100)
    ] = r".,\/!?%^*;:{}=`~() "
    keyedit_move: Annotated[
        bool, option("ui", "Alt+Left and Alt+Right move the part between commas", "In prompts.")
    ] = True
