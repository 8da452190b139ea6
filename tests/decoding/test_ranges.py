"""Patterns of numbers and dates between two bounds."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from clinextract.decoding.ranges import date_pattern, decimal_pattern, integer_pattern

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


@given(st.integers(1, 3), st.integers(-3000, 3000), st.integers(0, 3000))
@example(1, -5, 5)
@example(2, 0, 0)
@example(3, -1000, 1000)
@settings(max_examples=80)
def test_every_decimal_between_matches_in_the_spelling_of_json(places: int, low: int, width: int) -> None:
    step = Decimal(1).scaleb(-places)
    first, last = low * step, (low + width) * step
    pattern = re.compile(decimal_pattern(first, last, places))
    for n in range(low - 12, low + width + 13):
        spelled = json.dumps(float(n * step))
        assert bool(pattern.fullmatch(spelled)) == (first <= n * step <= last), spelled
    for spelling in ("1", "01.5", "1.", ".5", "1.50", "+1.5", "-0.0", "1e1"):
        assert not pattern.fullmatch(spelling)


days = st.dates(date(1900, 1, 1), date(2099, 12, 31))


@given(days, days, st.lists(days, max_size=50))
@example(date(2024, 2, 29), date(2024, 2, 29), [])
@example(date(1900, 1, 1), date(2099, 12, 31), [date(2000, 2, 29)])
@settings(max_examples=60)
def test_every_day_between_matches_and_no_other(one: date, other: date, more: list[date]) -> None:
    first, last = sorted([one, other])
    pattern = re.compile(date_pattern(first, last))
    near = [first + timedelta(n) for n in range(-3, 4)] + [last + timedelta(n) for n in range(-3, 4)]
    for day in [*near, *more]:
        assert bool(pattern.fullmatch(day.isoformat())) == (first <= day <= last)
    for year in range(1900, 2100):
        for spelling in (f"{year}-02-30", f"{year}-04-31", f"{year}-13-01", f"{year}-00-10", f"{year}-1-1"):
            assert not pattern.fullmatch(spelling)
        if year % 4 or year == 1900:
            assert not pattern.fullmatch(f"{year}-02-29")
