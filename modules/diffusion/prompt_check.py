"""What is odd about a prompt before it runs: where, why, and what to write instead."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import accumulate, pairwise
from typing import NamedTuple

from modules.diffusion.prompt_parts import Network, Span, Tag, comment_spans, network_tags, part_spans, read_network
from modules.diffusion.prompt_schedules import Broken, Edit, Timeline, TokenizedText, tokenize
from modules.diffusion.prompts import Emphasis

CHUNK = 75
"""Tokens that the text encoder sees at once."""

MOST_SUGGESTIONS = 10
"""Networks of a prompt for which a similar name is looked for: that takes long among thousands."""

WEIGHING = ("Original", "No norm")
"""The emphasis modes in which brackets weigh."""

_BRACKET = re.compile(r"\\.|[()\[\]]", re.DOTALL)
_NOTHING = re.compile(r"(?<!\\)(?:\(\s*\)|\[\s*\])")
_WEIGHT_ONE = re.compile(r"(?<!\\)\(([^()\[\]\\:|]+):\s*\+?1(?:\.0*)?\s*\)")
_BREAK = re.compile(r"\bBREAK\b")
_AND = re.compile(r"\bAND\b")
_WORD = re.compile(r"\S+")


class Problem(NamedTuple):
    """Something that probably is not meant, in characters `start` to `end` of the prompt."""

    start: int
    end: int
    text: str
    """A sentence for the person."""
    fix: str | None = None
    """What to write in the place of those characters; None where only the person can know."""
    is_note: bool = False
    """Whether it is only worth knowing: it may well be meant."""


def check_prompt(
    text: str,
    steps: int,
    *,
    second_pass: int | None = None,
    old_timelines: bool = False,
    negative: bool = False,
    comments: bool = True,
    emphasis: Emphasis = "Original",
    networks: Mapping[str, Collection[str]] | None = None,
    unfit: Callable[[Network], str] = lambda network: "",
    count: Callable[[str], int] | None = None,
) -> list[Problem]:
    """The problems of a prompt as it was typed, in the order of their places. Raises nothing.

    `steps` and `second_pass` are the steps of the passes. `networks` are the names that are known of each kind, `unfit`
    says why one of them cannot be used with the model, `count` how many tokens a text has; without them networks and
    the 75-token border are not looked at. Brackets are read for their weights where `emphasis` does so.
    """
    shown = _blanked(text, comment_spans(text)) if comments else text
    tags = list(network_tags(shown))
    shown = _blanked(shown, (tag.span for tag in tags))
    passes = [Timeline(max(1, steps), old=old_timelines)]
    if second_pass is not None:
        passes.append(Timeline(second_pass, steps, old_timelines))
    problems: list[Problem] = []
    for number, tag in enumerate(tags):
        problems += _of_network(text, tag, negative, networks or {}, unfit, suggest=number < MOST_SUGGESTIONS)
    if negative:
        problems += [
            Problem(word.start(), word.end(), "In a negative prompt AND is a word like any other.", ",")
            for word in _AND.finditer(shown)
        ]
    parts = [(Span(0, len(shown)), 1.0)] if negative else list(part_spans(shown))
    problems += _of_parts(text, shown, parts, tags)
    for span, _ in parts:
        part = shown[span.start : span.end]
        typed = text[span.start : span.end]
        found = list(_of_schedule(part, typed, passes))
        if emphasis in WEIGHING:
            found += [*_of_brackets(part), *_of_weights(part, typed)]
        found += _of_length(part, passes[0], count) if count is not None else []
        problems += [
            problem._replace(start=problem.start + span.start, end=problem.end + span.start) for problem in found
        ]
    return sorted(problems, key=lambda problem: problem[:2])


def _blanked(text: str, spans: Iterable[Span]) -> str:
    """The text with spaces in these places, so that all others keep their number."""
    pieces: list[str] = []
    position = 0
    for span in spans:
        pieces += [text[position : span.start], " " * (span.end - span.start)]
        position = span.end
    return "".join([*pieces, text[position:]])


def _of_network(
    text: str,
    tag: Tag,
    negative: bool,
    known: Mapping[str, Collection[str]],
    unfit: Callable[[Network], str],
    *,
    suggest: bool,
) -> Iterator[Problem]:
    network, problem = read_network(tag)
    if problem:
        yield Problem(*tag.span, problem, "" if network is None else _written(network))
    if network is None:
        return
    if negative:
        yield Problem(*tag.span, "A network has no effect in a negative prompt.", "")
    elif tag.kind in known and network.name not in known[tag.kind]:
        near = get_close_matches(network.name, known[tag.kind], 1) if suggest else []
        typed = text[tag.span.start : tag.span.end]
        before = len(tag.kind) + 2
        fix = typed[:before] + typed[before:].replace(network.name, near[0], 1) if near else ""
        yield Problem(*tag.span, f"There is no {tag.kind} called {network.name:.80}.", fix)
    elif reason := unfit(network):
        yield Problem(*tag.span, reason, "")


def _written(network: Network) -> str:
    """The network with the numbers that count."""
    strengths = f"{network.text:g}" if network.text == network.unet else f"{network.text:g}:{network.unet:g}"
    rank = f":dyn={network.rank}" if network.rank else ""
    return f"<{network.kind}:{network.name}:{strengths}{rank}>"


def _of_parts(text: str, shown: str, parts: Sequence[tuple[Span, float]], tags: Sequence[Tag]) -> Iterator[Problem]:
    """Parts between two ANDs that weigh nothing; without them their networks stay."""
    if len(parts) == 1:
        (span, weight), told = parts[0], "The prompt has a weight of 0 and no effect."
        yield from () if weight else (Problem(span.end, len(shown), told, ""),)
        return
    borders = [(0, 0), *(word.span() for word in _AND.finditer(shown)), (len(shown), len(shown))]
    for number, (_, weight) in enumerate(parts):
        if weight:
            continue
        start, end = borders[number][0], borders[number + 1][0 if number else 1]
        kept = (text[slice(*tag.span)] for tag in tags if start <= tag.span.start < end)
        yield Problem(start, end, "This part has a weight of 0 and no effect.", "".join(kept))


def _of_brackets(part: str) -> Iterator[Problem]:
    """Brackets without a partner; the two kinds pair up independently, as emphasis reads them."""
    opened: dict[str, list[int]] = {"(": [], "[": []}
    partners = {")": "(", "]": "["}
    for match in _BRACKET.finditer(part):
        bracket, place = match[0], match.start()
        if bracket in opened:
            opened[bracket].append(place)
        elif bracket in partners and opened[partners[bracket]]:
            opened[partners[bracket]].pop()
        elif bracket in partners:
            yield Problem(place, place + 1, f"{bracket} closes nothing: it is plain text.", f"\\{bracket}")
    for bracket, places in opened.items():
        for place in places:
            yield Problem(place, place + 1, f"{bracket} is never closed: it weighs all that follows.", f"\\{bracket}")


def _of_weights(part: str, typed: str) -> Iterator[Problem]:
    """`typed` is the part with its networks and remarks, which a fix must not lose."""
    for match in _NOTHING.finditer(part):
        yield Problem(match.start(), match.end(), "Brackets around nothing have no effect.", "")
    for match in _WEIGHT_ONE.finditer(part):
        yield Problem(match.start(), match.end(), "A weight of 1 has no effect.", typed[slice(*match.span(1))])


def _of_schedule(part: str, typed: str, passes: Sequence[Timeline]) -> Iterator[Problem]:
    read = tokenize(part)
    places = _places(read)
    for opening, edit in read.edits.items():
        yield from _of_edit(read, edit, places[opening], typed, places, passes)
    for broken in read.broken:
        yield _of_broken(typed, broken, places)


def _places(read: TokenizedText) -> list[int]:
    """Where each token begins, and where the last one ends."""
    return list(accumulate(map(len, read.tokens), initial=0))


def _of_edit(
    read: TokenizedText, edit: Edit, start: int, typed: str, places: Sequence[int], passes: Sequence[Timeline]
) -> Iterator[Problem]:
    if edit.when is None:
        most = max(timeline.steps for timeline in passes)
        if len(edit.parts) > most:
            fewer = f"{typed[start : places[edit.parts[most - 1][1]]]}]"
            yield Problem(start, places[edit.closing + 1], "There are more alternatives than steps.", fewer)
        return
    when = read.when(edit)
    start, end = places[edit.when], places[edit.when + 1]
    if all(timeline.last_step(when) >= timeline.steps for timeline in passes):
        yield Problem(start, end, f"{when:.40} is not before the last step: what comes after it never comes.", "0.5")
    elif all(timeline.last_step(when) < 1 for timeline in passes):
        yield Problem(start, end, f"{when:.40} is before the first step: what comes before it never comes.", "0.5")


def _of_broken(typed: str, broken: Broken, places: Sequence[int]) -> Problem:
    start, end = places[broken.opening], places[broken.closing + 1]
    plain = f"\\{typed[start : end - 1]}\\{typed[end - 1]}"
    if typed[start] == "(":
        return Problem(start, end, "A weight is one number after one colon: these colons are plain text.", plain)
    if broken.bars:
        return Problem(start, end, "A bracket that alternates has no colons in it: this one is plain text.", plain)
    if broken.colons == 1:
        text = "There is no step or fraction at the end: this bracket is plain text."
        return Problem(start, end, text, f"{typed[start : end - 1]}:0.5]")
    return Problem(start, end, "Prompt editing is [from:to:when]: this bracket is plain text.", plain)


def _of_length(part: str, timeline: Timeline, count: Callable[[str], int]) -> Iterator[Problem]:
    """The first word beyond a chunk, in the longest text of the part; BREAK begins a chunk."""
    read = tokenize(part)
    places = _places(read)
    texts = {read.text_at(step, timeline): step for step in read.last_steps(timeline)}
    longest = max(texts, key=count)
    indices = read.shown_at(texts[longest], timeline)
    starts = list(accumulate((len(read.tokens[index]) for index in indices), initial=0))
    borders = [0, *(word.end() for word in _BREAK.finditer(longest)), len(longest)]
    for start, end in pairwise(borders):
        section = _BREAK.sub("", longest[start:end])
        words = list(_WORD.finditer(section))
        beyond = bisect_left(words, CHUNK + 1, key=lambda word, text=section: count(text[: word.end()]))  # type: ignore[misc]
        if beyond < len(words):
            place = start + words[beyond].start()
            token = bisect_left(starts, place + 1) - 1
            source = places[indices[token]] + place - starts[token]
            yield Problem(
                source,
                source,
                f"More than {CHUNK} tokens: from here on the text is read apart from what comes before.",
                "BREAK ",
                is_note=True,
            )
