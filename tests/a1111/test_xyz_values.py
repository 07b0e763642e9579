"""The values of an axis of the X/Y/Z plot, as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.a1111.own import part

values: Any = part("xyz-plot", "xyz_plot/values.py")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1, 5,9", [1, 5, 9]),
        ("1-5", [1, 2, 3, 4, 5]),
        ("1-9 (+2)", [1, 3, 5, 7, 9]),
        ("1-10 (+4)", [1, 5, 9]),
        ("10-2 (-4)", [10, 6, 2]),
        ("3-1", [3, 2, 1]),
        ("1-10 [4]", [1, 4, 7, 10]),
        ("-2-2", [-2, -1, 0, 1, 2]),
        ("7, 1-3, 9-9", [7, 1, 2, 3, 9]),
        ("5-5 [1]", [5]),
    ],
)
def test_whole_numbers_and_ranges_are_read(text: str, numbers: list[int]) -> None:
    assert values.whole_numbers(values.split(text)) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.5, 7", [0.5, 7.0]),
        ("0-1 (+0.25)", [0, 0.25, 0.5, 0.75, 1]),
        ("0-0.3 (+0.1)", [0, 0.1, 0.2, 0.3]),
        ("0-1 [3]", [0, 0.5, 1]),
        ("1-0 [3]", [1, 0.5, 0]),
        ("1e-3", [0.001]),
    ],
)
def test_fractions_and_ranges_are_read(text: str, numbers: list[float]) -> None:
    assert values.numbers(values.split(text)) == pytest.approx(numbers)


def test_quotes_keep_a_comma() -> None:
    assert values.split('a, "b, c" ,d') == ["a", "b, c", "d"]


def test_each_order_of_words_comes_once() -> None:
    assert values.orders(["a", "b", "c"])[:2] == [["a", "b", "c"], ["a", "c", "b"]]
    assert len(values.orders(["a", "b", "c"])) == 6


@pytest.mark.parametrize("text", ["x", "1.5", "1-", "9-1 (+2)", "1-5 (+0)", "1-999999999999", "1-5 [0]", "1-5 [9999]"])
def test_what_is_no_list_of_whole_numbers_is_named(text: str) -> None:
    with pytest.raises(values.ValuesError, match=r"\S"):
        values.whole_numbers([text])


def test_too_many_words_have_too_many_orders() -> None:
    with pytest.raises(values.ValuesError, match="at most 6"):
        values.orders(list("abcdefg"))


def test_too_many_values_are_refused() -> None:
    with pytest.raises(values.ValuesError, match="at most 1000"):
        values.split(",".join("1" * 1001))
