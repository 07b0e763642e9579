"""Templates of prompts, compared with what the package dynamicprompts makes of them."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from dynamicprompts.generators import CombinatorialPromptGenerator, RandomPromptGenerator
from dynamicprompts.wildcards.wildcard_manager import WildcardManager
from hypothesis import given
from hypothesis import strategies as st

from modules.diffusion.errors import AquatintError
from modules.studio.templates import LONGEST, draw, first_choice, names_in

LISTS = {
    "colour": ["red", "blue", "{dark|pale} green"],
    "animals/cat": ["tabby", "lion"],
    "animals/*": ["tabby", "lion"],
    "a_b": ["AB", "BA"],
    "a_c": ["AC"],
    "thing": ["${x:no} thing", "${x?=pink}${x} more"],
    "set": ["${y={1|2}}${y}-${y}"],
}


def values(name: str) -> list[str]:
    if name not in LISTS:
        raise AquatintError(f"There is no wildcard called {name}.")
    return LISTS[name]


def drawn(template: str, count: int = 400) -> Counter[str]:
    return Counter(draw(template, values, Random(seed)).text for seed in range(count))


def squashed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize(
    "template",
    [
        "a {red|blue} cat",
        "{ a | b }x",
        "{a|}",
        "{}",
        "x{{a|b}|{c|d}}",
        "{(a:1.2)|b}, (c:1.1)",
        "{a b, c|d. e}\nf",
        "{[a:b:0.5]|x} and <lora:x_y:0.5>",
        "{a AND b|c} BREAK d",
        "{2$$a|b|c}",
        "{1-2$$a|b}",
        "{-1$$a|b}",
        "{1-$$a|b}",
        "{2$$ and $$a|b|c}",
        "{5$$a|b}",
        "{3$$a}",
        "a __colour__ b",
        "__animals/cat__, __animals/*__",
        "{__colour__|z}",
        "{2$$__animals/cat__}",
        "{2-3$$a|b|c}",
        "{2-$$ $$a|b|c}",
        "{3-1$$a|b|c}",
        "{0$$a|b}",
        "{2$${a|b}|{c|d}}",
        "{a|{b|{c|__colour__}}}",
        "{3::a|0.5::b|c}",
        "{3::a b|2::{c|d}}",
        "{a::b|c}",
        "{@a|b}",
        "__@animals/cat__",
        "__missing__ {a|b}",
        "a}b",
    ],
)
def test_what_may_be_drawn_is_what_dynamicprompts_may_draw(template: str, tmp_path: Path) -> None:
    for name in ("colour", "animals/cat"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").write_text("\n".join(LISTS[name]))
    theirs = CombinatorialPromptGenerator(WildcardManager(tmp_path)).generate(template, 100)
    assert {squashed(text) for text in drawn(template)} == {squashed(str(text)) for text in theirs}


@pytest.mark.parametrize(
    "template",
    [
        "${x=red}a ${x} b ${x}",
        "${x={a|b}}${x} ${x}",
        "${x=!{a|b}}${x} ${x} ${x}",
        "${x=!a}${x}",
        "${x:dflt} b",
        "${x: {p|q} } b",
        "${x:a:b}",
        "${x?=q}${x}",
        "${x=1}${x=2}${x}",
        "${x=1}${x?=q}${x}",
        "${x} ${x=1}",
        "{a|${x:z}}",
        "${ x = {a|b} }${x}",
        "${x=a}${y=${x} b}${y}",
        "${x=__animals/cat__}${x}, ${x}",
        "${x=!__animals/cat__}${x}, ${x}",
        "${x=(a:1.2)}${x}",
        "${x=[a:b:0.5]}${x}",
        "${x=a, b}${x}",
        "${x==a}${x}",
        "${x=!{a|b} }[${x}]",
        "${a-b_c=1}${a-b_c}",
        "{2$$${x:a}|${x:b}}",
        "__a_{b|c}__",
        "__{colour|a_b}__",
        "{2$$__a_{b|b}__}",
        "__a_ {b|c}__",
        "__a_{zz|yy}__",
        "__${v:a_b}__",
        "__${v}__",
        "__animals/${v:cat}__",
        "${v=a_{b|c}}__${v}__",
        "${x=5}__thing__",
        "__set__ ${y:none}",
    ],
)
def test_variables_and_patterns_may_become_what_they_may_in_dynamicprompts(template: str, tmp_path: Path) -> None:
    for name in LISTS.keys() - {"animals/*"}:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").write_text("\n".join(LISTS[name]))
    manager = WildcardManager(tmp_path)
    theirs = {str(RandomPromptGenerator(manager, seed=seed).generate(template, 1)[0]) for seed in range(60)}
    assert {squashed(text) for text in drawn(template)} == {squashed(text) for text in theirs}


def test_what_is_drawn_at_once_knows_what_was_set_before_it() -> None:
    assert drawn("${x={a|b}}${y=!${x}}${y}${y}").keys() == {"aa", "bb"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{${x=1}a|${x=1}a} b", "${x=1}a b"),
        ("${1x=a} ${ b ${x|y} {c|c}", "${1x=a} ${ b ${x|y} c"),
        ("$x costs $ 5, $${", "$x costs $ 5, $${"),
        ("${x=}[${x}]", "[]"),
        ("__ ____ __{a|a __${ __{a|a}", "__ ____ __{a|a __${ __a"),
    ],
)
def test_what_is_no_variable_is_plain_text(template: str, text: str) -> None:
    assert draw(template, values, Random(1)) == (text, ())


def test_the_same_random_numbers_give_the_same_words() -> None:
    template = "{a|b|c|d} __colour__ {2$$e|f|g}"
    first, again = (draw(template, values, Random("7 positive")).text for _ in range(2))
    assert first == again
    assert len(drawn(template)) > 30


def test_options_are_as_likely_as_they_weigh() -> None:
    found = drawn("{3::a|b|0::c}", 4000)
    assert found["a"] / found["b"] == pytest.approx(3, rel=0.15)
    assert "c" not in found
    assert drawn("{0::a|0::b}").keys() == {"a", "b"}


@pytest.mark.parametrize("template", ["{3::a|b|2::c}", "{0.5::a|1.5::b}", "{a|b|4::{c|d}}"])
def test_options_are_as_likely_as_dynamicprompts_has_them(template: str, tmp_path: Path) -> None:
    generator = RandomPromptGenerator(WildcardManager(tmp_path), seed=3)
    theirs = Counter(str(text) for text in generator.generate(template, 4000))
    ours = drawn(template, 4000)
    assert ours.keys() == theirs.keys()
    assert all(abs(ours[text] - theirs[text]) / 4000 < 0.04 for text in theirs)


@pytest.mark.parametrize(
    "plain",
    [
        "a { b",
        "a } b",
        "50% grey, $5, a@b, a::b, c$$d | e",
        r"\{a|b\}",
        "[a|b] (c:1.2) [d:e:0.5]",
        "nothing_ to __ draw",
        "  two   spaces,\nlines ",
        "__ a __ b",
        "# a remark",
    ],
)
def test_what_is_no_template_stays_as_it_is(plain: str) -> None:
    assert draw(plain, values, Random(1)) == (plain, ())


def test_a_bar_in_square_brackets_is_a1111s() -> None:
    assert drawn("{[cow|horse]|dog}").keys() == {"[cow|horse]", "dog"}


def test_what_cannot_be_drawn_is_said_and_left_as_it_is() -> None:
    assert draw("a __colours__ {b|b}", values, Random(1)) == (
        "a __colours__ b",
        ("There is no wildcard called colours.",),
    )


@pytest.mark.parametrize(
    ("template", "text", "told"),
    [
        ("${x} {c|c}", "${x} c", "The variable x is not set"),
        ("${x=${x} a}${x}", "${x} a", "The variable x leads to itself"),
        ("${x=${y}}${y=${x}}${x}", "${x}", "The variable x leads to itself"),
        ("__a_{zz|zz}__ b", "__a_zz__ b", "There is no wildcard called a_zz."),
    ],
)
def test_a_variable_that_is_nothing_is_said_and_left_as_it_is(template: str, text: str, told: str) -> None:
    found = draw(template, values, Random(1))
    assert found.text == text
    assert found.problems[0].startswith(told)


@pytest.mark.parametrize(
    "endless",
    [
        *("__self__", "__two__", "{" * 40 + "a|b" + "}" * 40, "__long__ " * 3),
        "${a0=xx}" + "".join(f"${{a{n}=${{a{n - 1}}}${{a{n - 1}}}}}" for n in range(1, 25)) + "${a24}",
        "${x={" + "a|" * 5000 + "}}" + "${x}" * 900,
    ],
    ids=["itself", "more and more", "deep", "long", "doubled", "much"],
)
def test_what_has_no_end_is_said_and_left_as_it_is(endless: str) -> None:
    lists = {"self": ["a __self__"], "two": ["__two__ __two__"], "long": ["x" * 9000]}
    text, problems = draw(endless, lists.__getitem__, Random(1))
    assert text == endless
    assert len(problems) == 1


@pytest.mark.parametrize("endless", ["{" * LONGEST, "[" * 9999 + "}" * 9999, "{a|" * 6000 + "}" * 2000, "__a" * 6000])
def test_hostile_templates_take_no_time(endless: str) -> None:
    quickly_drawn(endless)


NESTED = ("${x=", "${x=!", "${x:", "${", "__{", "__${x:", "__a_{b|", "__", "_", "{2$$__{", "__a${b:", "{[", "\\{__")


@pytest.mark.parametrize("opening", NESTED)
@pytest.mark.parametrize("closing", ["", "}", "}__", "__"])
def test_a_hundred_thousand_nested_variables_and_patterns_take_no_time(opening: str, closing: str) -> None:
    quickly_drawn(opening * 100_000 + closing * 100_000)


def quickly_drawn(endless: str) -> None:
    started = time.thread_time()
    draw(endless, values, Random(1))
    first_choice(endless)
    assert time.thread_time() - started < 2


@given(st.text(alphabet="{}[]|$:_\\2a-~ =!?x", max_size=60))
def test_any_text_is_a_template(text: str) -> None:
    assert isinstance(draw(text, values, Random(1)).text, str)


def test_templates_are_known_by_their_marks() -> None:
    assert names_in("a __colour__ {__a/b__|c} __colour__") == ["colour", "a/b"]
    assert first_choice("a {b} {2$$3::{c|d}| e} {f|g}") == (6, 22, ("{c|d}", "e"))
    assert first_choice("{a {b|c}}") == (3, 8, ("b", "c"))
    assert first_choice("a {b} [c|d] e|f {") is None
