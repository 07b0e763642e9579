"""What pip is doing, in a person's words: one sentence for those of its lines that begin something new."""

from __future__ import annotations

import re

STEPS: tuple[tuple[str, str], ...] = (
    (r"pip is looking at multiple versions of (\S+)", "Trying versions of {} until one fits"),
    (r"This could take a while|still looking at multiple versions of", "Trying many versions until some fit together"),
    (r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", "Looking at {}"),
    (r"Obtaining dependency information for ([\w.-]+)", "Reading what {} needs"),
    (r"(?:Using cached|Downloading) (\S+?)\.metadata", "Reading what {} needs"),
    (r"Downloading (?:\S*/)?([\w.]+)-\S+ (\([\d.]+ \w+\))", "Fetching {} {}"),
    (r"Downloading (?:\S*/)?([\w.]+)-", "Fetching {}"),
    (r"Using cached (?:\S*/)?([\w.]+)-", "Taking {}, which was fetched before"),
    (r"Preparing metadata|Getting requirements to build|Installing build dependencies", "Preparing what is built here"),
    (r"Building wheels? for (?:collected packages: )?([\w.-]+)", "Building {}"),
    (r"Installing collected packages", "Putting the packages into their folder"),
    (r"Would install", "Summing up"),
)
OURS = re.compile(r"(?:pip looks|pip tries again|Reading|Installing \w|Running install\.py|The program is started).*")
"""Lines that the program itself says."""


def step_in(line: str) -> str:
    """The step that begins with this line, or "" where it only says more of the step before."""
    text = line.strip()
    for pattern, sentence in STEPS:
        if found := re.search(pattern, text):
            return sentence.format(*(part.removesuffix(".whl") for part in found.groups()))
    return text if OURS.match(text) else ""
