"""Maps from raw to calibrated probabilities: what they are, and that they never change an order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clinextract.calibration import maps

levels = st.lists(st.floats(0.002, 0.998), min_size=1, max_size=6).map(lambda found: sorted(maps.logit(found)))
places = st.lists(st.floats(-30, 30), min_size=6, max_size=6, unique_by=lambda one: round(one, 3)).map(sorted)


def _knots(raw: list[float], calibrated: list[float]) -> list[tuple[float, float]]:
    """Steps of any height, moved by the least slope as isotonic regression's are."""
    return [(x, (1 - maps.SLOPE) * y + maps.SLOPE * x) for x, y in zip(raw, calibrated, strict=False)]


lines = st.builds(maps.line, st.floats(0.05, 20), st.floats(-5, 5))
knots = st.one_of(lines, st.builds(_knots, places, levels))
# What two sums of a model's log-probabilities differ by if they differ, near 0 and 1 as much as between.
log_odds = st.floats(-700, 36) | st.floats(-5, 5)


@given(st.floats(0, 1))
@example(0.0)
@example(1.0)
@example(5e-324)
@example(math.nextafter(1, 0))
def test_log_odds_are_finite_and_lead_back(p: float) -> None:
    z = float(maps.logit(p))
    assert math.isfinite(z)
    assert float(maps.sigmoid(z)) == pytest.approx(p, rel=1e-12, abs=1e-300)


def test_zero_and_one_lie_beyond_every_other_float() -> None:
    assert maps.logit(0.0) < maps.logit(5e-324)
    assert maps.logit(1.0) > maps.logit(math.nextafter(1, 0))


@given(st.floats(0.01, 0.99), st.floats(0.3, 5), st.floats(-2, 2))
def test_a_line_is_temperature_scaling(p: float, temperature: float, bias: float) -> None:
    wanted = 1 / (1 + math.exp(-(math.log(p / (1 - p)) / temperature + bias)))
    if 2e-5 < wanted < 1 - 2e-5:
        assert float(maps.apply(maps.line(temperature, bias), p)) == pytest.approx(wanted, rel=1e-9)


def test_by_hand() -> None:
    # logit(0.8) = ln 4; at T = 2 that is ln 2, whose probability is 2/3.
    assert float(maps.apply(maps.line(2.0), 0.8)) == pytest.approx(2 / 3)
    # Halfway in log-odds between the knots (-1, -2) and (1, 0) lies (0, -1).
    assert float(maps.apply([(-1.0, -2.0), (1.0, 0.0)], 0.5)) == pytest.approx(1 / (1 + math.e))


@given(knots, log_odds, st.floats(1e-6, 50))
@example(maps.line(0.05), 36.0, 1e-6)
@example(maps.line(0.05, 5), -700.0, 1e-6)
@example(maps.line(20.0), 0.0, 1e-6)
@example([(0.0, 0.0)], 36.0, 1e-6)
def test_two_probabilities_that_differ_keep_their_order_strictly(
    made: list[tuple[float, float]], z: float, more: float
) -> None:
    lower, upper = maps.sigmoid([z, min(z + more, 36.5)])
    # So near to 1 the float next to a number is further away than that.
    if maps.logit(upper) - maps.logit(lower) >= 1e-7:
        first, second = maps.apply(made, [lower, upper])
        assert 0 < first < second < 1


@given(knots)
def test_the_ends_of_the_floats_stay_apart_too(made: list[tuple[float, float]]) -> None:
    ends = [0.0, 5e-324, 1e-300, 1e-17, 1 - 1e-9, 1 - 1e-15, math.nextafter(1, 0), 1.0]
    assert (np.diff(maps.apply(made, ends)) > 0).all()


@given(knots, st.integers(0, 2**32))
def test_random_scores_rank_as_before(made: list[tuple[float, float]], seed: int) -> None:
    raw = np.unique(maps.sigmoid(np.random.default_rng(seed).normal(0, 12, 300).clip(-700, 36)))
    raw = raw[np.concatenate([[True], np.diff(maps.logit(raw)) >= 1e-7])]
    calibrated = maps.apply(made, raw)
    assert (np.diff(calibrated) > 0).all()


@given(knots, st.floats(0, 1))
@example(maps.line(1.0), 0.0)
@example(maps.line(1.0), 1.0)
def test_a_cut_off_is_the_least_probability_that_reaches_the_threshold(
    made: list[tuple[float, float]], threshold: float
) -> None:
    found = maps.cutoff(made, threshold)
    if found <= 1:
        assert float(maps.apply(made, found)) >= threshold
    else:
        assert float(maps.apply(made, 1.0)) < threshold
    if found > 0:
        assert float(maps.apply(made, math.nextafter(found, 0))) < threshold


def test_apply_keeps_the_shape() -> None:
    assert maps.apply(maps.line(2.0), np.full((3, 2), 0.4)).shape == (3, 2)
