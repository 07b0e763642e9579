"""What the header of a network's file says of its training, in a few facts that a card can show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from modules.diffusion.errors import CheckpointError
from modules.diffusion.weights import open_weights

MOST_TAGS = 200
LONGEST_TAG = 200
LONGEST_VALUE = 4_000
"""Letters."""
ROWS = {
    "Title": ("modelspec.title", "ss_output_name"),
    "Base model": ("ss_base_model_version", "modelspec.architecture"),
    "Trained on": ("ss_sd_model_name",),
    "Rank": ("ss_network_dim",),
    "Alpha": ("ss_network_alpha",),
    "Network": ("ss_network_module",),
    "Resolution": ("ss_resolution", "modelspec.resolution"),
    "Pictures": ("ss_num_train_images",),
    "Epochs": ("ss_num_epochs", "ss_epoch"),
    "Steps": ("ss_steps", "ss_max_train_steps"),
    "Clip skip": ("ss_clip_skip",),
    "Author": ("modelspec.author",),
    "License": ("modelspec.license",),
    "Trigger phrase": ("modelspec.trigger_phrase",),
}
"""What a person wants to know, and the keys that say it; the first that says something counts."""


class CardFacts(NamedTuple):
    """What is shown of a header."""

    tags: list[tuple[str, int]]
    """Training tags and how often each occurred, the most frequent first."""
    rows: list[tuple[str, str]]
    everything: list[tuple[str, str]]
    problem: str = ""


def read_facts(path: Path) -> CardFacts:
    """Reads the header only. A file that cannot be read says why."""
    try:
        with open_weights(path) as weights:
            metadata = dict(weights.metadata)
    except CheckpointError as error:
        return CardFacts([], [], [], str(error))
    return facts_of(metadata)


def facts_of(metadata: Mapping[str, Any]) -> CardFacts:
    """The facts in a header's metadata, whatever somebody wrote into it."""
    texts = {str(key): str(value) for key, value in metadata.items()}
    rows = []
    for label, keys in ROWS.items():
        found = next((texts[key] for key in keys if texts.get(key, "None") not in ("", "None")), "")
        if found:
            rows.append((label, found[:LONGEST_VALUE]))
    everything = [(key[:LONGEST_TAG], value[:LONGEST_VALUE]) for key, value in sorted(texts.items())]
    return CardFacts(training_tags(texts.get("ss_tag_frequency", "")), rows, everything)


def training_tags(text: str) -> list[tuple[str, int]]:
    """kohya's `ss_tag_frequency`, {folder: {tag: count}} in JSON, added up over the folders."""
    try:
        folders = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return []
    counts: Counter[str] = Counter()
    for tags in folders.values() if isinstance(folders, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if isinstance(count, int) and 0 < count < 1 << 40 and tag.strip():
                counts[tag.strip()[:LONGEST_TAG]] += count
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_TAGS]
