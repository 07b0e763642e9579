"""What is odd about a prompt: where, and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.diffusion.prompt_check import Problem, check_prompt
from tests.diffusion.test_prompt_schedules import ANY_PROMPT, NESTED

NAMES = {"lora": {"detail_tweaker", "style"}, "lyco": set[str]()}
ODD = ANY_PROMPT | st.lists(
    st.sampled_from(["<lora:x", ">", " AND ", "#", "\n", ":0", "(a:1)", "()", "[a:b]", "BREAK ", "word "])
).map("".join)


def words(text: str) -> int:
    return len(text.split())


def fixed(text: str, problem: Problem) -> str | None:
    return None if problem.fix is None else text[: problem.start] + problem.fix + text[problem.end :]


def check(text: str, steps: int = 20, **facts: Any) -> list[Problem]:
    return check_prompt(text, steps, networks=NAMES, count=words, **facts)


@pytest.mark.parametrize(
    ("text", "where", "said", "better"),
    [
        ("a (b", "(", "never closed", r"a \(b"),
        ("a [b", "[", "never closed", r"a \[b"),
        ("a b)", ")", "closes nothing", r"a b\)"),
        ("a (b] c)", "]", "closes nothing", r"a (b\] c)"),
        ("[a:b:20]", "20", "not before the last step", "[a:b:0.5]"),
        ("x [b: 25 ]", " 25 ", "not before the last step", "x [b:0.5]"),
        ("[a:b:1.5]", "1.5", "not before the last step", "[a:b:0.5]"),
        ("[a:b:0]", "0", "before the first step", "[a:b:0.5]"),
        ("[a:b]", "[a:b]", "no step or fraction", "[a:b:0.5]"),
        ("[a:b:c]", "[a:b:c]", "[from:to:when]", r"\[a:b:c\]"),
        ("[a|b:c]", "[a|b:c]", "alternates", r"\[a|b:c\]"),
        ("(a:1.2:b)", "(a:1.2:b)", "one number after one colon", r"\(a:1.2:b\)"),
        ("[" + "|" * 20 + "]", "[" + "|" * 20 + "]", "more alternatives", "[" + "|" * 19 + "]"),
        ("a () b", "()", "around nothing", "a  b"),
        ("a (b:1.0) c", "(b:1.0)", "weight of 1", "a b c"),
        ("a AND b:0", "AND b:0", "weight of 0", "a "),
        ("a :0", ":0", "weight of 0", "a "),
        ("a:0 AND b", "a:0 AND", "weight of 0", " b"),
        ("a AND b <lora:style:1> :0 AND c", "AND b <lora:style:1> :0 ", "weight of 0", "a <lora:style:1>AND c"),
        ("a <lora:detail_tweeker:0.5>", "<lora:detail_tweeker:0.5>", "no lora called", "a <lora:detail_tweaker:0.5>"),
        ("a <lora:zzz>", "<lora:zzz>", "no lora called zzz", "a "),
        ("<lyco:style>", "<lyco:style>", "no lyco called", ""),
        ("<lora:style:x>", "<lora:style:x>", "is no number", "<lora:style:1>"),
        ("(a <lora:style:1> b:1)", "(a <lora:style:1> b:1)", "weight of 1", "a <lora:style:1> b"),
        ("[a <lora:style:1>:b]", "[a <lora:style:1>:b]", "no step or fraction", "[a <lora:style:1>:b:0.5]"),
        ("<foo:x>", "<foo:x>", "left out", ""),
    ],
)  # fmt: skip
def test_a_problem_has_a_place_a_sentence_and_a_fix(text: str, where: str, said: str, better: str | None) -> None:
    (problem,) = check(text)
    assert text[problem.start : problem.end] == where
    assert said in problem.text
    assert fixed(text, problem) == better


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a (red:1.2) cat, [blue], a\\) b\\(",
        "[a:b:0.5] [c:10] [d::.9] [e|f]",
        "a cat :1.2 AND a dog AND [b:c:3]",
        "<lora:style:0.8> a # ( remark",
        "<hypernet:whatever>",
        "word " * 75,
        "word " * 75 + "BREAK" + " word" * 75,
        "portrait: a cat | a dog",
    ],
)
def test_nothing_is_said_of_what_is_meant(text: str) -> None:
    assert check(text) == []


def test_a_second_pass_has_steps_of_its_own() -> None:
    assert check("[a:b:1.5] [c:25]", second_pass=10) == []
    (problem,) = check("[a:b:2.0]", second_pass=10)
    assert "not before the last step" in problem.text
    assert [problem.text for problem in check("[a:b:1.0]", old_timelines=True)] == []


def test_networks_and_and_have_no_effect_in_a_negative_prompt() -> None:
    text = "a AND b <lora:style:1>"
    conjunction, network = check(text, negative=True)
    assert fixed(text, conjunction) == "a , b <lora:style:1>"
    assert fixed(text, network) == "a AND b "


@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("[short:", ":0.5]"), ("x AND ", ""), ("a BREAK ", ""), ("# remark\n", "\n<lora:style:1>")],
)
def test_text_past_the_border_of_75_tokens_is_pointed_at(before: str, after: str) -> None:
    text = before + "word " * 75 + "here and more" + after
    (problem,) = check(text)
    assert text[problem.start :].startswith("here")
    better = fixed(text, problem)
    assert better is not None
    assert check(better) == []


def test_without_a_tokenizer_or_lists_these_are_not_looked_at() -> None:
    assert check_prompt("<lora:zzz>" + "word " * 99, 20) == []


@settings(deadline=None)
@given(ODD, st.integers(1, 30), st.none() | st.integers(1, 30), st.booleans())
def test_any_text_can_be_checked(text: str, steps: int, second: int | None, negative: bool) -> None:
    problems = check(text, steps, second_pass=second, negative=negative)
    assert all(0 <= problem.start <= problem.end <= len(text) for problem in problems)
    assert problems == sorted(problems, key=lambda problem: problem[:2])


@given(NESTED)
def test_what_is_in_the_grammar_has_balanced_brackets(text: str) -> None:
    assert [problem for problem in check(text) if "clos" in problem.text] == []


@given(st.text(st.sampled_from("()[] ab"), max_size=20))
def test_fixing_from_the_end_to_the_start_leaves_nothing_unbalanced(text: str) -> None:
    for problem in reversed([problem for problem in check(text) if "clos" in problem.text]):
        text = fixed(text, problem) or text
    assert [problem for problem in check(text) if "clos" in problem.text] == []
