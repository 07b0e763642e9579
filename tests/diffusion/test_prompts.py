"""The grammar of prompts: weights, escapes, BREAK, and prompts that nobody should have typed."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.diffusion.prompts import BREAK, LARGEST_WEIGHT, Emphasis, Segment, weighted_segments

ANY_PROMPT = st.text(alphabet=st.sampled_from(list("ab ,.:|\\()[]0123456789-+\nBREAK")) | st.characters(), max_size=60)
NESTING = 100_000


def approximately(segments: list[tuple[str, float]]) -> list[object]:
    return [(words, pytest.approx(weight)) for words, weight in segments]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", []),
        ("a cat", [("a cat", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("((x))", [("x", 1.1 * 1.1)]),
        ("[x]", [("x", 1 / 1.1)]),
        ("(x:1.3)", [("x", 1.3)]),
        ("(x: 1.3 )", [("x", 1.3)]),
        ("(x:-.5)", [("x", -0.5)]),
        ("(x:0)", [("x", 0.0)]),
        ("((a:1.5) b:2)", [("a", 3.0), (" b", 2.0)]),
        ("(a)(b)", [("ab", 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        (r"a \\ b", [("a \\ b", 1.0)]),
        (r"a \b", [("a b", 1.0)]),
        ("portrait: a cat", [("portrait: a cat", 1.0)]),
        ("(a: b)", [("a: b", 1.1)]),
        ("[cat:dog:0.5]", [("cat:dog:0.5", 1 / 1.1)]),
    ],
)
def test_emphasis_reads_as_in_a1111(text: str, segments: list[tuple[str, float]]) -> None:
    assert weighted_segments(text) == approximately(segments)


def test_the_example_of_a1111s_documentation() -> None:
    segments = [
        ("a ", 1.0),
        ("house", 1.573),
        (" ", 1.1),
        ("on", 1.0),
        (" a ", 1.1),
        ("hill", 0.55),
        (", sun, ", 1.1),
        ("sky", 1.4641),
        (".", 1.1),
    ]
    assert weighted_segments("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).") == approximately(segments)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("a [b c", [("a ", 1.0), ("b c", 1 / 1.1)]),
        ("a) b]", [("a) b]", 1.0)]),
        ("a:1.2)", [("a:1.2)", 1.0)]),
        ("(a:1.2.3)", [("a:1.2.3", 1.1)]),
        ("(a:.)", [("a:.", 1.1)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.0), (" c", 1 / 1.1)]),
        ("(a, [b), c", [("a, ", 1.1), ("b", 1.0), (", c", 1 / 1.1)]),
        ("()[]", []),
        ("\\", []),
    ],
)
def test_brackets_that_do_not_pair_up_still_mean_something(text: str, segments: list[tuple[str, float]]) -> None:
    assert weighted_segments(text) == approximately(segments)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a BREAK b", [Segment("a", 1.0), BREAK, Segment("b", 1.0)]),
        ("a\nBREAK\nb", [Segment("a", 1.0), BREAK, Segment("b", 1.0)]),
        ("BREAK", [BREAK]),
        ("a BREAK BREAK b", [Segment("a", 1.0), BREAK, BREAK, Segment("b", 1.0)]),
        ("(a BREAK b:1.5)", [Segment("a", 1.5), BREAK, Segment("b", 1.5)]),
        ("(BREAK)", [BREAK]),
        ("BREAKFAST, a break, unBREAKable", [Segment("BREAKFAST, a break, unBREAKable", 1.0)]),
    ],
)
def test_break_is_a_whole_word_at_any_depth(text: str, segments: list[object]) -> None:
    assert weighted_segments(text) == segments


@given(ANY_PROMPT)
def test_no_prompt_raises_or_weighs_more_than_can_be_computed_with(text: str) -> None:
    weights = [segment.weight for segment in weighted_segments(text) if segment is not BREAK]
    assert all(math.isfinite(weight) and abs(weight) <= LARGEST_WEIGHT for weight in weights)


@given(st.text(max_size=60).filter(lambda text: "BREAK" not in text))
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    escaped = "".join("\\" + letter if letter in "()[]\\" else letter for letter in text)
    assert weighted_segments(escaped) == [Segment(text, 1.0)] * bool(text)


@given(st.lists(st.sampled_from(["a ", "(b)", "[c]", "(d:1.4)", "(e [f])"]), min_size=1))
def test_a_weight_around_everything_multiplies_every_weight(parts: list[str]) -> None:
    inner = [segment for segment in weighted_segments("".join(parts)) if segment is not BREAK]
    outer = [segment for segment in weighted_segments("(" + "".join(parts) + ":2)") if segment is not BREAK]
    assert [segment.text for segment in outer] == [segment.text for segment in inner]
    assert [segment.weight for segment in outer] == pytest.approx([2 * segment.weight for segment in inner])


@pytest.mark.parametrize("weight", ["9" * 400, "-" + "9" * 400])
def test_a_number_beyond_floating_point_is_a_large_weight(weight: str) -> None:
    assert weighted_segments(f"(x:{weight})") == [Segment("x", math.copysign(LARGEST_WEIGHT, float(weight)))]


@pytest.mark.parametrize(
    "text",
    [
        "(" * NESTING + "x" + ")" * NESTING,
        "[" * NESTING + "x",
        ":" + "1" * NESTING + "." + "1" * NESTING,
        "(" * NESTING + "[" * NESTING + "x" + ")" * NESTING + "]" * NESTING,
        "(" * NESTING + "x" + ":1.1)" * NESTING,
        "\\(" * NESTING,
        ":" + " " * NESTING + "1" * NESTING + " " * NESTING,
        " " * NESTING + "BREAK" + " " * NESTING,
    ],
    ids=["round", "open", "one long number", "crossing", "numbers", "escapes", "almost a number", "spaces"],
)
def test_a_hundred_thousand_of_anything_takes_well_under_a_second_each(text: str) -> None:
    started = time.process_time()
    segments = weighted_segments(text)
    assert time.process_time() - started < 2  # about 0.3 s where nothing else runs
    assert segments


@pytest.mark.parametrize(
    ("emphasis", "segments"),
    [
        ("None", [Segment(r"a (b:1.3) [c\]", 1.0), BREAK, Segment("(d", 1.0)]),
        ("Ignore", [Segment("a b c]", 1.0), BREAK, Segment("d", 1.0)]),
        ("Original", [Segment("a ", 1.0), Segment("b", 1.3), Segment(" ", 1.0), Segment("c]", 1 / 1.1), BREAK]),
        ("No norm", [Segment("a ", 1.0), Segment("b", 1.3), Segment(" ", 1.0), Segment("c]", 1 / 1.1), BREAK]),
    ],
)
def test_the_emphasis_modes_read_brackets_as_in_a1111(emphasis: Emphasis, segments: list[object]) -> None:
    found = weighted_segments(r"a (b:1.3) [c\] BREAK (d", emphasis)
    assert found[: len(segments)] == segments
