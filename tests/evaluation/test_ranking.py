"""Figures that need probabilities equal scikit-learn's under any weights, ties and all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from simulated import paired_of
from sklearn import metrics as sk

from clinextract.evaluation.figures import Scorer
from clinextract.evaluation.ranking import BINS, Ranked, bin_of

PROBABILITIES = st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])  # the latter make ties


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth and probabilities of m answers, and weights of them, (m, 2)."""
    count = draw(st.integers(1, 25))
    weight = st.integers(0, 3) | st.floats(0.125, 4, width=16)
    return (
        draw(arrays(bool, count)),
        draw(arrays(np.float64, count, elements=PROBABILITIES)),
        draw(arrays(np.float64, (count, 2), elements=weight)),
    )


@given(answers())
@settings(max_examples=80)
def test_areas_and_brier_score_equal_scikit_learns(given_answers: tuple[np.ndarray, ...]) -> None:
    truth, probabilities, weights = given_answers
    sums = Ranked(np.arange(len(truth)), probabilities, truth).sums(weights)
    for at in range(2):
        used = weights[:, at] > 0
        w, y, p = weights[used, at], truth[used], probabilities[used]
        if y.any() and not y.all():
            assert sums.auroc[at] == pytest.approx(sk.roc_auc_score(y, p, sample_weight=w), abs=1e-9)
        else:
            assert np.isnan(sums.auroc[at])
        if y.any():
            assert sums.average_precision[at] == pytest.approx(
                sk.average_precision_score(y, p, sample_weight=w), abs=1e-9
            )
        if used.any():
            expected = sk.brier_score_loss(y, p, sample_weight=w, pos_label=True, labels=[False, True])
            assert sums.squares[at] / sums.weight[at] == pytest.approx(expected, abs=1e-9)


def plain_calibration_error(truth: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    """Bin by bin, as the definition has it."""
    error = 0.0
    for number in range(BINS):
        lower, upper = number / BINS, (number + 1) / BINS
        inside = (probabilities <= upper) & ((probabilities > lower) | (number == 0))
        if weights[inside].sum() > 0:
            gap = np.average(probabilities[inside], weights=weights[inside]) - np.average(
                truth[inside], weights=weights[inside]
            )
            error += abs(gap) * weights[inside].sum() / weights.sum()
    return error


@given(answers())
@settings(max_examples=60)
def test_calibration_error_is_its_definition(given_answers: tuple[np.ndarray, ...]) -> None:
    truth, probabilities, weights = given_answers
    # Multiples of a bin's width as the division above gives them, so that both put them on the same side.
    probabilities = np.where(probabilities * BINS % 1 == 0, np.round(probabilities * BINS) / BINS, probabilities)
    paired = paired_of(truth[:, None], probabilities[:, None] > 0.5, probabilities=probabilities[:, None])
    found = Scorer(paired)(weights)
    for at in range(2):
        if weights[:, at].sum() > 0:
            expected = plain_calibration_error(truth, probabilities, weights[:, at])
            assert found.features["ece"][at, 0] == pytest.approx(expected, abs=1e-9)
            assert found.pooled["ece"][at] == pytest.approx(expected, abs=1e-9)


def test_a_ranking_worked_out_by_hand() -> None:
    # From the surest: yes, no, then yes and no tied. Of four pairs one is wrong and one is tied, one right, one tied.
    truth, probabilities = np.array([True, False, True, False]), np.array([0.9, 0.6, 0.4, 0.4])
    sums = Ranked(np.arange(4), probabilities, truth).sums(np.ones((4, 1)))
    assert sums.auroc[0] == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert sums.average_precision[0] == pytest.approx((1 / 1 + 2 / 4) / 2)
    assert sums.squares[0] == pytest.approx(0.1**2 + 0.6**2 + 0.6**2 + 0.4**2)


def test_a_constant_probability_ranks_like_chance() -> None:
    truth = np.array([True, False, False, False])
    sums = Ranked(np.arange(4), np.full(4, 0.25), truth).sums(np.ones((4, 1)))
    assert (sums.auroc[0], sums.average_precision[0]) == (0.5, 0.25)


def test_without_answers_there_is_nothing() -> None:
    sums = Ranked(np.empty(0, dtype=np.intp), np.empty(0), np.empty(0, dtype=bool)).sums(np.ones((5, 3)))
    assert np.isnan(sums.auroc).all()
    assert np.isnan(sums.average_precision).all()
    assert (sums.weight == 0).all()
    assert len(Ranked(np.empty(0, dtype=np.intp), np.empty(0), np.empty(0, dtype=bool))) == 0


def test_bins_hold_their_upper_end() -> None:
    assert bin_of(np.array([0.0, 0.05, 0.1, 0.11, 0.9, 0.95, 1.0])).tolist() == [0, 0, 0, 1, 8, 9, 9]
