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
    text, problems = draw("${x={a|b}} {c|c}", values, Random(1))
    assert text == "${x={a|b}} c"
    assert "Variables" in problems[0]


@pytest.mark.parametrize(
    "endless",
    ["__self__", "__two__", "{" * 40 + "a|b" + "}" * 40, "__long__ " * 3],
    ids=["itself", "more and more", "deep", "long"],
)
def test_what_has_no_end_is_said_and_left_as_it_is(endless: str) -> None:
    lists = {"self": ["a __self__"], "two": ["__two__ __two__"], "long": ["x" * 9000]}
    text, problems = draw(endless, lists.__getitem__, Random(1))
    assert text == endless
    assert len(problems) == 1


@pytest.mark.parametrize("endless", ["{" * LONGEST, "[" * 9999 + "}" * 9999, "{a|" * 6000 + "}" * 2000, "__a" * 6000])
def test_hostile_templates_take_no_time(endless: str) -> None:
    started = time.perf_counter()
    draw(endless, values, Random(1))
    first_choice(endless)
    assert time.perf_counter() - started < 2


@given(st.text(alphabet="{}[]|$:_\\2a-~ ", max_size=60))
def test_any_text_is_a_template(text: str) -> None:
    assert isinstance(draw(text, values, Random(1)).text, str)


def test_templates_are_known_by_their_marks() -> None:
    assert names_in("a __colour__ {__a/b__|c} __colour__") == ["colour", "a/b"]
    assert first_choice("a {b} {2$$3::{c|d}| e} {f|g}") == (6, 22, ("{c|d}", "e"))
    assert first_choice("{a {b|c}}") == (3, 8, ("b", "c"))
    assert first_choice("a {b} [c|d] e|f {") is None
