"""Prompt editing and alternation, against the examples that A1111 documents."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.diffusion.prompt_parts import read_prompt
from modules.diffusion.prompt_schedules import Timeline, text_at, text_schedule, tokenize

ANY_PROMPT = st.text(alphabet=st.sampled_from(list("ab |:\\()[].0123456789-+e\n")) | st.characters(), max_size=60)
PLAIN = st.text(st.characters(exclude_characters="()[]\\:|"), max_size=60)
NESTED = st.recursive(
    st.sampled_from(["a", " b", "(c:1.2)", "[d]", r"\(e\]", ""]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.tuples(inner, inner, st.sampled_from(["0.5", "3", ".25", " 7 "])).map(lambda x: f"[{x[0]}:{x[1]}:{x[2]}]"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"[{'|'.join(parts)}]"),
    ),
    max_leaves=8,
)


def schedule(text: str, timeline: Timeline) -> list[tuple[int, str]]:
    return [(entry.last_step, entry.text) for entry in text_schedule(text, timeline)]


# The doctest of get_learned_conditioning_prompt_schedules in A1111's modules/prompt_parser.py, v1.10.1
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test", [(10, "test")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3]", [(3, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("a [{b|d{:.5] c", [(5, "a  c"), (10, "a {b|d{ c")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("[a|(b:1.1)]", [(step, "(b:1.1)" if step % 2 == 0 else "a") for step in range(1, 11)]),
        ("[fe|]male", [(step, "male" if step % 2 == 0 else "female") for step in range(1, 11)]),
        ("[fe|||]male", [(step, "female" if step % 4 == 1 else "male") for step in range(1, 11)]),
    ],
)
def test_the_examples_of_a1111s_parser(text: str, expected: list[tuple[int, str]]) -> None:
    assert schedule(text, Timeline(10)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a [b:.5] c", [(10, "a b c")]), ("a [b:1.5] c", [(5, "a  c"), (10, "a b c")])],
)
def test_the_examples_of_a1111s_parser_for_the_second_pass(text: str, expected: list[tuple[int, str]]) -> None:
    assert schedule(text, Timeline(10, first_pass=10)) == expected


# https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features, "Prompt editing" and "Alternating Words"
def test_the_example_of_a1111s_documentation_at_100_steps() -> None:
    text = (
        "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75]"
        "[ in foreground::0.6][ in background:0.25] [shoddy:masterful:0.5]"
    )
    expected = [
        (25, "fantasy landscape with a mountain and an oak in foreground shoddy"),
        (50, "fantasy landscape with a lake and an oak in foreground in background shoddy"),
        (60, "fantasy landscape with a lake and an oak in foreground in background masterful"),
        (75, "fantasy landscape with a lake and an oak in background masterful"),
        (100, "fantasy landscape with a lake and a christmas tree in background masterful"),
    ]
    assert schedule(text, Timeline(100)) == expected


def test_the_example_of_alternating_words() -> None:
    texts = [text for _, text in schedule("[cow|horse] in a field", Timeline(4))]
    assert texts == ["cow in a field", "horse in a field"] * 2
    four = [text for _, text in schedule("[cow|cow|horse|man|siberian tiger|ox|man] in a field", Timeline(8))]
    assert [text.removesuffix(" in a field") for text in four] == [
        *("cow", "cow", "horse", "man", "siberian tiger", "ox", "man", "cow"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a:b:0]", [(10, "b")]),
        ("[a:b:-3]", [(10, "b")]),
        ("[a:b:99]", [(10, "a")]),
        ("[a:b:1.0]", [(10, "a")]),
        ("[a:b:1]", [(1, "a"), (10, "b")]),
        ("[a::.5]", [(5, "a"), (10, "")]),
        ("[:b:.5]", [(5, ""), (10, "b")]),
        ("[a:b:+5]", [(5, "a"), (10, "b")]),
        ("[a:b:5e-1]", [(10, "b")]),
        ("[a:b:9e999]", [(10, "a")]),
        ("[[a|b]:c:0.2]", [(1, "a"), (2, "b"), *((step, "c") for step in range(3, 11))]),
        ("([a:b:0.5]:1.3)", [(5, "(a:1.3)"), (10, "(b:1.3)")]),
        ("[(a: x):b:0.5]", [(5, "(a: x)"), (10, "b")]),
        (r"[a\:b:c:0.5]", [(5, r"a\:b"), (10, "c")]),
    ],
)
def test_editing_at_the_edges(text: str, expected: list[tuple[int, str]]) -> None:
    assert schedule(text, Timeline(10)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[a]",
        "[a:b]",
        "[a:b:c]",
        "[a:b:c:0.5]",
        "[a:b:0.5",
        "a:b:0.5]",
        "[(a:b:0.5]",
        "[a):b:0.5]",
        r"\[a:b:0.5\]",
        "[a|b:c]",
        "[a:b:0.5 x]",
        "[a:b:(0.5)]",
        "(a|b)",
        "a | b",
        "[a [b:c] d:e:0.5]",
        "\\",
    ],
)
def test_what_is_outside_of_the_grammar_is_plain_text(text: str) -> None:
    assert schedule(text, Timeline(10)) == [(10, text)]


@pytest.mark.parametrize(
    ("when", "first", "second"),
    [("0.5", 5, 0), ("3", 3, 0), ("12", 10, 2), ("1.25", 10, 5), ("1.0", 10, 0), ("2.0", 10, 20), ("30", 10, 20)],
)
def test_fractions_go_from_one_to_two_and_numbers_go_on_in_the_second_pass(when: str, first: int, second: int) -> None:
    assert Timeline(10).last_step(when) == first
    assert Timeline(20, first_pass=10).last_step(when) == second


@pytest.mark.parametrize(("when", "last"), [("0.5", 5), ("1.5", 1), ("3.9", 3), ("1", 1), ("0", 0), ("12", 10)])
def test_old_timelines_take_what_is_below_one_for_a_fraction(when: str, last: int) -> None:
    assert Timeline(10, old=True).last_step(when) == last
    assert Timeline(10, first_pass=10, old=True).last_step(when) == last


def test_a_step_beyond_the_last_has_the_last_text() -> None:
    entries = text_schedule("[a:b:0.5]", Timeline(10))
    assert [text_at(entries, step) for step in (1, 5, 6, 10, 11, 99)] == ["a", "a", "b", "b", "b", "b"]


@given(ANY_PROMPT, st.integers(1, 12), st.none() | st.integers(1, 12), st.booleans())
def test_no_prompt_raises_and_every_step_has_a_text(text: str, steps: int, first: int | None, old: bool) -> None:
    entries = text_schedule(text, Timeline(steps, first, old))
    last_steps = [entry.last_step for entry in entries]
    assert last_steps == sorted(set(last_steps))
    assert last_steps[-1] == steps
    assert last_steps[0] >= 1


@given(PLAIN)
def test_plain_text_comes_back_as_it_was(text: str) -> None:
    assert schedule(text, Timeline(10)) == [(10, text)]


@given(NESTED)
def test_no_editing_is_left_in_the_texts_of_a_prompt_that_is_in_the_grammar(text: str) -> None:
    for _, shown in schedule(text, Timeline(10)):
        assert schedule(shown, Timeline(10)) == [(10, shown)]


def operations(work: Callable[[], object]) -> int:
    """How many lines of Python and calls of functions, C's included, it takes."""
    count = 0

    def traced(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return traced

    before_trace, before_profile = sys.gettrace(), sys.getprofile()
    sys.setprofile(lambda *event: traced(*event) and None)
    sys.settrace(traced)
    try:
        work()
    finally:
        sys.settrace(before_trace)
        sys.setprofile(before_profile)
    return count


HOSTILE: dict[str, Callable[[int], str]] = {
    "square": lambda n: "[" * n + "x" + "]" * n,
    "round": lambda n: "(" * n + "x" + ")" * n,
    "open": lambda n: "[" * n + "x",
    "closed": lambda n: "x" + "]" * n,
    "crossing": lambda n: "(" * n + "[" * n + ")" * n + "]" * n,
    "edited": lambda n: "[" * n + "x" + ":1]" * n,
    "alternating": lambda n: "[" * n + "x" + "|y]" * n,
    "side by side": lambda n: "[a:b:.5]" * n,
    "colons": lambda n: "[" + "a:" * n + "0.5]",
    "broken inside": lambda n: "[" * n + "[a:b]" + ":1]" * n,
    "tags": lambda n: "<lora:" * n,
    "closed tags": lambda n: "<lora:x>" * n,
    "ands": lambda n: "a AND " * n,
    "comments": lambda n: "# x\n" * n,
}


def read(text: str) -> None:
    for part in read_prompt(text).parts:
        text_schedule(part.text, Timeline(3))


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_twice_the_text_takes_twice_the_operations(hostile: Callable[[int], str]) -> None:
    once, twice = (operations(partial(read, hostile(size))) for size in (500, 1000))
    assert twice < 2.2 * once


def test_operations_that_grow_with_the_square_would_be_noticed() -> None:
    once, twice = (operations(partial(list, map(tokenize, ["[" * size] * size))) for size in (10, 20))
    assert twice > 3 * once


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_hundred_thousand_of_anything_is_read(hostile: Callable[[int], str]) -> None:
    read(hostile(100_000))
