"""Patterns of whole numbers between two bounds."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from clinextract.decoding.ranges import integer_pattern

bounds = st.tuples(st.integers(-1200, 1200), st.integers(-1200, 1200)).map(sorted)
great = st.tuples(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20)).map(sorted)


@given(bounds)
@example([0, 0])
@example([-1, 0])
@example([99, 101])
@example([-1000, 1000])
@settings(max_examples=60)
def test_every_number_between_matches_and_no_other(pair: list[int]) -> None:
    pattern = re.compile(integer_pattern(*pair))
    for number in range(-1210, 1211):
        assert bool(pattern.fullmatch(str(number))) == (pair[0] <= number <= pair[1])


@given(great, st.data())
def test_great_numbers(pair: list[int], data: st.DataObject) -> None:
    low, high = pair
    pattern = re.compile(integer_pattern(low, high))
    inside = data.draw(st.integers(low, high))
    for number in (low, high, inside):
        assert pattern.fullmatch(str(number))
    for number in (low - 1, high + 1, low - 10**19, high * 10 + 10, low * 10 - 10):
        assert bool(pattern.fullmatch(str(number))) == (low <= number <= high)


@given(bounds)
def test_no_other_spelling_matches(pair: list[int]) -> None:
    pattern = re.compile(integer_pattern(*pair))
    for number in (*pair, 0):
        for spelling in (f"+{number}", f"0{number}", f" {number}", f"{number}.0", f"{number}e0", "-0", "--1", "-", ""):
            assert not pattern.fullmatch(spelling)
