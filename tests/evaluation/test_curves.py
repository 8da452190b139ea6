"""What diagrams are drawn from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.calibration import calibration_curve

from clinextract.evaluation.curves import reliability, risk_coverage

COUNTS = st.integers(1, 300)


@given(st.integers(0, 2**32 - 1), COUNTS)
@settings(max_examples=40)
def test_reliability_equals_scikit_learns(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.random(count)
    truth = random.random(count) < probabilities
    if truth.all() or not truth.any():
        return
    observed, means = calibration_curve(truth, probabilities, n_bins=10)
    bins = reliability(probabilities, truth)
    assert [one.observed for one in bins] == pytest.approx(observed.tolist())
    assert [one.mean_probability for one in bins] == pytest.approx(means.tolist())
    assert sum(one.count for one in bins) == count
    assert all(one.count and one.lower <= one.mean_probability <= one.upper for one in bins)


@given(arrays(np.float64, COUNTS, elements=st.floats(0, 1)), st.integers(0, 2**32 - 1), st.integers(1, 100))
@settings(max_examples=60)
def test_risk_and_coverage_are_of_the_answers_at_least_as_sure(values: np.ndarray, seed: int, points: int) -> None:
    wrong = np.random.default_rng(seed).random(len(values)) < 0.3
    curve = risk_coverage(values, wrong, points=points)
    assert 1 <= len(curve) <= points
    margins = np.round(np.abs(values - 0.5), 12)
    for one in curve:
        kept = margins >= one.margin
        assert one.coverage == pytest.approx(kept.mean())
        assert one.risk == pytest.approx(wrong[kept].mean())
    assert curve[-1].coverage == 1
    assert curve[-1].risk == pytest.approx(wrong.mean())
    assert [one.coverage for one in curve] == sorted({one.coverage for one in curve})


def test_answers_on_both_sides_are_equally_sure() -> None:
    [only] = risk_coverage(np.array([0.3, 0.7]), np.array([True, False]))
    assert (only.coverage, only.risk, only.margin) == (1.0, 0.5, pytest.approx(0.2))


def test_without_probabilities_there_is_no_curve() -> None:
    nothing = np.empty(0), np.empty(0, dtype=bool)
    assert reliability(*nothing) == risk_coverage(*nothing) == ()
