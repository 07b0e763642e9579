"""Comments, networks and AND, taken out of a typed prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.diffusion.prompt_parts import Network, Part, Prompt, read_prompt
from modules.diffusion.prompts import LARGEST_WEIGHT

ANY_PROMPT = st.text(max_size=60) | st.lists(
    st.sampled_from(["<lora:", "<hypernet:a", ">", ":", "1", "x=2", "AND", " ", "#", "\n", "a", "-", "."])
).map("".join)


def test_a_plain_prompt_is_one_part() -> None:
    assert read_prompt("a cat") == Prompt((Part("a cat", 1.0),))


# https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features, "Composable Diffusion"
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a cat AND a dog", [("a cat ", 1), (" a dog", 1)]),
        ("a cat :1.2 AND a dog AND a penguin :2.2", [("a cat ", 1.2), (" a dog ", 1), (" a penguin ", 2.2)]),
        ("a cat:-0.5 AND b:2.", [("a cat", -0.5), (" b", 2)]),
        ("a ANDROID in SAND AND b", [("a ANDROID in SAND ", 1), (" b", 1)]),
        ("a AND", [("a ", 1), ("", 1)]),
        ("AND", [("", 1), ("", 1)]),
        ("a:b AND c:1.2.3", [("a:b ", 1), (" c:1.2.3", 1)]),
        ("(a:1.2) AND [b:c:0.5]", [("(a:1.2) ", 1), (" [b:c:0.5]", 1)]),
        ("a cat :1.5", [("a cat ", 1.5)]),
        ("x:" + "9" * 400, [("x", LARGEST_WEIGHT)]),
    ],
)
def test_and_joins_parts_with_weights(text: str, parts: list[tuple[str, float]]) -> None:
    assert [tuple(part) for part in read_prompt(text).parts] == parts


def test_in_a_negative_prompt_and_is_a_word() -> None:
    assert read_prompt("a AND b:2", composed=False).parts == (Part("a AND b:2"),)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a cat # a remark", "a cat "),
        ("# a remark\na cat", "a cat"),
        ("a\n# AND b <lora:x:1>\nc", "a\nc"),
        ("a # x\nb # y", "a \nb "),
        ("#", ""),
    ],
)
def test_comments_are_left_out(text: str, shown: str) -> None:
    assert read_prompt(text) == Prompt((Part(shown),))
    assert read_prompt("a # b", comments=False).parts[0].text == "a # b"


@pytest.mark.parametrize(
    ("tag", "network"),
    [
        ("<lora:name>", Network("lora", "name")),
        ("<lora:name:0.8>", Network("lora", "name", 0.8, 0.8)),
        ("<lora:name:0.8:0.5>", Network("lora", "name", 0.8, 0.5)),
        ("<lora:name:1:0:16>", Network("lora", "name", 1, 0, 16)),
        ("<lora:name:te=0.2:unet=0.9:dyn=8>", Network("lora", "name", 0.2, 0.9, 8)),
        ("<lora:name:0.3:unet=0.9>", Network("lora", "name", 0.3, 0.9)),
        ("<lora:name:te=0.3>", Network("lora", "name", 0.3, 0.3)),
        ("<lyco:a b (c):-1>", Network("lyco", "a b (c)", -1, -1)),
        ("<hypernet:art:0.5>", Network("hypernet", "art", 0.5, 0.5)),
    ],
)
def test_a_network_is_taken_out_of_the_text(tag: str, network: Network) -> None:
    assert read_prompt(f"a {tag}cat") == Prompt((Part("a cat"),), (network,))


@pytest.mark.parametrize(
    ("tag", "problem", "networks"),
    [
        ("<lora:x:strong>", "strong of <lora:x> is no number.", (Network("lora", "x"),)),
        ("<lora:x:nan>", "nan of <lora:x> is no number.", (Network("lora", "x"),)),
        ("<lora:x:1:1:1e999>", "1e999 of <lora:x> is no number.", (Network("lora", "x"),)),
        ("<lora::1>", "<lora:...> is left out: it names no file.", ()),
        ("<foo:x>", "<foo:...> is left out: networks are called lora, lyco or hypernet.", ()),
    ],
)
def test_a_network_that_cannot_be_understood_is_told(tag: str, problem: str, networks: tuple[Network, ...]) -> None:
    assert read_prompt(f"a {tag}") == Prompt((Part("a "),), networks, (problem,))


@pytest.mark.parametrize("text", ["<lora:x", "<lora:>", "a < b > c", "<3", "<:x>", "lora:x>"])
def test_what_is_no_network_stays_in_the_text(text: str) -> None:
    assert read_prompt(text, composed=False) == Prompt((Part(text),))


def test_several_networks_keep_their_order() -> None:
    networks = read_prompt("<lora:b:1>a<lora:a:1> AND <hypernet:c>").networks
    assert [network.name for network in networks] == ["b", "a", "c"]


@given(ANY_PROMPT, st.booleans(), st.booleans())
def test_no_prompt_raises(text: str, comments: bool, composed: bool) -> None:
    prompt = read_prompt(text, comments=comments, composed=composed)
    assert prompt.parts
    assert all(abs(part.weight) <= LARGEST_WEIGHT for part in prompt.parts)
    assert all(abs(network.text) <= LARGEST_WEIGHT >= abs(network.unet) for network in prompt.networks)


@given(st.text(st.characters(exclude_characters="#<:"), max_size=60).filter(lambda text: "AND" not in text))
def test_plain_text_comes_back_as_it_was(text: str) -> None:
    assert read_prompt(text) == Prompt((Part(text),))
