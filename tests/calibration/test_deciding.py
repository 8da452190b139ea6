"""Thresholds and review bands: small cases by hand, and what they hold on calls to come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scores import scores
from sklearn.metrics import matthews_corrcoef

from clinextract.calibration import deciding
from clinextract.calibration.calibrator import EVEN

tables = st.integers(1, 40).flatmap(
    lambda size: st.tuples(
        arrays.arrays(float, size, elements=st.integers(0, 20).map(lambda n: n / 20)), arrays.arrays(bool, size)
    )
)


def test_a_sensitivity_by_hand() -> None:
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.95])
    truth = np.array([True] * 9 + [False])
    # 9 positives: the ninth of ten (9 + 1) parts at 0.9 is the lowest of them, the fifth at 0.5 the middle one.
    assert deciding.threshold_for_sensitivity(p, truth, 0.9) == (0.1, True)
    assert deciding.threshold_for_sensitivity(p, truth, 0.5) == (0.5, True)
    assert deciding.threshold_for_sensitivity(p, truth, 0.95) == (0.1, False)


@given(tables, st.floats(0.01, 0.99))
def test_the_wanted_sensitivity_is_reached_where_it_can_be(
    drawn: tuple[np.ndarray, np.ndarray], sensitivity: float
) -> None:
    p, truth = drawn
    if truth.any():
        threshold, reachable = deciding.threshold_for_sensitivity(p, truth, sensitivity)
        assert (p[truth] >= threshold).mean() >= sensitivity or not reachable
        assert (p[truth] >= threshold).mean() >= sensitivity * truth.sum() / (truth.sum() + 1)


def test_the_wanted_sensitivity_is_reached_on_calls_to_come() -> None:
    found = []
    for seed in range(200):
        seen, fresh = scores(seed, 100, prevalence=0.3), scores(seed + 1000, 500, prevalence=0.3)
        threshold, _ = deciding.threshold_for_sensitivity(seen.raw, seen.truth, 0.9)
        found.append((fresh.raw[fresh.truth] >= threshold).mean())
    error = np.std(found) / np.sqrt(len(found))
    assert np.mean(found) > 0.9 - 2 * error
    assert np.mean(found) < 0.95  # and no higher threshold would have it


def test_the_best_mcc_by_hand() -> None:
    # Yes from between 0.2 and 0.6 on, midway in log-odds: the classes are parted.
    assert deciding.threshold_for_mcc(np.array([0.1, 0.2, 0.6, 0.9]), np.array([0, 0, 1, 1], bool)) == pytest.approx(
        1 / (1 + np.sqrt(4 * 2 / 3))
    )
    assert deciding.threshold_for_mcc(np.full(4, 0.3), np.array([0, 0, 1, 1], bool)) == EVEN


@given(tables)
def test_no_threshold_has_a_better_mcc(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    p, truth = drawn
    chosen = deciding.threshold_for_mcc(p, truth)
    if truth.any() and not truth.all():
        best = max(matthews_corrcoef(truth, p >= t) for t in np.unique(p))
        if len(np.unique(p)) > 1 and best > 0:
            assert matthews_corrcoef(truth, p >= chosen) == pytest.approx(best)


def test_a_band_by_hand() -> None:
    p = np.array([0.01] * 30 + [0.3] * 4 + [0.6] * 4 + [0.98] * 30)
    truth = np.array([False] * 30 + [True, False] * 4 + [True] * 30)
    # All 60 sure answers are right, and 1/61 < 0.02; the next step keeps 64 with 2 wrong.
    band = deciding.review_band(p, truth, 0.5, 0.02)
    assert (band.low, band.high, band.shown) == (pytest.approx(0.02), pytest.approx(0.98), True)
    assert band.inside(p).sum() == 8
    # With one more counted as wrong, 3 of 65 is below 0.05.
    assert deciding.review_band(p, truth, 0.5, 0.05).low == pytest.approx(0.3)
    # 68 answers with 4 wrong: nobody has to look, and the band is empty.
    nothing = deciding.review_band(p, truth, 0.5, 0.1)
    assert not nothing.inside(p).any()
    assert not deciding.review_band(p, truth, 0.5, 0.001).shown


def test_a_low_threshold_sends_the_answers_above_it_to_a_person_first() -> None:
    band = deciding.band(0.2, threshold=0.1)
    assert (band.low, band.high) == (0.1, 0.8)
    assert deciding.band(0.2, threshold=0.9) == deciding.Band(0.2, 0.9)
    assert deciding.band(1.0, threshold=0.3) == deciding.Band(0.3, 0.3)


@given(tables, st.floats(0.05, 0.95), st.floats(0.01, 0.5))
def test_outside_the_band_the_wanted_error_rate_holds_and_no_narrower_band_has_it(
    drawn: tuple[np.ndarray, np.ndarray], threshold: float, error_rate: float
) -> None:
    p, truth = drawn
    band = deciding.review_band(p, truth, threshold, error_rate)
    assert 0 <= band.low <= band.high <= 1

    def wrong(kept: np.ndarray) -> tuple[int, int]:
        return int(((p >= threshold) != truth)[kept].sum()), int(kept.sum())

    errors, count = wrong(~band.inside(p))
    if band.shown:
        assert band.low <= threshold <= band.high
        assert errors + 1 <= error_rate * (count + 1) + 1e-9
    for limit in np.unique(np.concatenate([p, 1 - p])):
        other = ~deciding.band(limit, threshold).inside(p)
        errors, size = wrong(other)
        if (errors + 1) / (size + 1) <= error_rate - 1e-9:
            assert band.shown
            assert size <= count


def test_the_error_rate_holds_on_calls_to_come() -> None:
    rates = []
    for seed in range(150):
        seen, fresh = scores(seed, 300, stretch=1, prevalence=0.2), scores(seed + 1000, 500, stretch=1, prevalence=0.2)
        band = deciding.review_band(seen.raw, seen.truth, 0.5, 0.05)
        kept = ~band.inside(fresh.raw)
        rates.append(((fresh.raw >= 0.5) != fresh.truth)[kept].mean())
    error = np.std(rates) / np.sqrt(len(rates))
    assert np.mean(rates) < 0.05 + 2 * error
    assert np.mean(rates) > 0.03  # and the band is no wider than it has to be


def test_a_curve_goes_from_the_surest_answers_to_all_of_them() -> None:
    found = scores(1, 500, stretch=1)
    curve = deciding.risk_coverage([found.raw, found.raw[:100]], [found.truth, found.truth[:100]], [0.5, 0.2])
    limits, coverages, risks = zip(*curve, strict=True)
    assert len(curve) == deciding.POINTS
    assert list(limits) == sorted(limits)
    assert list(coverages) == sorted(coverages)
    assert coverages[-1] == 1
    wrong = ((found.raw >= 0.5) != found.truth).sum() + ((found.raw[:100] >= 0.2) != found.truth[:100]).sum()
    assert risks[-1] == pytest.approx(wrong / 600)
    assert deciding.risk_coverage([np.empty(0)], [np.empty(0, bool)], [0.5]) == []
