"""Fitted maps: they find what the scores were spoiled with, and help on scores that they have not seen."""

from __future__ import annotations

import numpy as np
import pytest
from scores import scores
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from clinextract.calibration import maps
from clinextract.calibration.scaling import Scaling, fit_map
from clinextract.calibration.validation import brier, expected_calibration_error

METHODS: tuple[Scaling, ...] = ("temperature", "platt", "isotonic")


@pytest.mark.parametrize("stretch", [0.4, 3.0])
@pytest.mark.parametrize("method", METHODS)
def test_brier_and_calibration_error_fall_on_held_out_scores(method: Scaling, stretch: float) -> None:
    for seed in range(5):
        fitted = fit_map(method, *vars(scores(seed, 400, stretch=stretch)).values())
        fresh = scores(seed + 100, 4000, stretch=stretch)
        calibrated = fitted(fresh.raw)
        assert brier(calibrated, fresh.truth) < brier(fresh.raw, fresh.truth)
        error = expected_calibration_error(calibrated, fresh.truth)
        assert error < expected_calibration_error(fresh.raw, fresh.truth) / 2


@pytest.mark.parametrize("method", METHODS)
def test_the_ranking_stays_the_same(method: Scaling) -> None:
    for seed in range(5):
        fitted = fit_map(method, *vars(scores(seed, 60, stretch=6)).values())
        fresh = scores(seed + 100, 2000, stretch=6)
        assert (np.argsort(fitted(fresh.raw)) == np.argsort(fresh.raw)).all()
        assert len(np.unique(fitted(fresh.raw))) == len(np.unique(fresh.raw))
        assert roc_auc_score(fresh.truth, fitted(fresh.raw)) == roc_auc_score(fresh.truth, fresh.raw)


@pytest.mark.parametrize("stretch", [0.5, 1.0, 2.5])
def test_the_temperature_is_found(stretch: float) -> None:
    found = scores(3, 20_000, stretch=stretch)
    assert fit_map("temperature", found.raw, found.truth).temperature == pytest.approx(stretch, rel=0.08)


def test_platt_finds_temperature_and_bias() -> None:
    found = scores(3, 20_000, stretch=2.0, shift=1.5)
    fitted = fit_map("platt", found.raw, found.truth)
    assert fitted.temperature == pytest.approx(2.0, rel=0.08)
    assert fitted.bias == pytest.approx(1.5, abs=0.1)


def test_isotonic_goes_through_the_steps_of_scikit_learn() -> None:
    found = scores(4, 500)
    z = maps.logit(found.raw)
    positives = found.truth.sum()
    targets = np.where(found.truth, (positives + 1) / (positives + 2), 1 / (500 - positives + 2))
    steps = IsotonicRegression().fit_transform(z, targets)
    knots = fit_map("isotonic", found.raw, found.truth).knots
    levels = np.unique(steps.round(9))
    assert len(knots) == len(levels)
    for (centre, calibrated), level in zip(knots, levels, strict=True):
        assert centre == pytest.approx(z[np.isclose(steps, level)].mean())
        wanted = (1 - maps.SLOPE) * np.log(level / (1 - level)) + maps.SLOPE * centre
        assert calibrated == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_part_the_classes_perfectly_are_not_believed_without_end(method: Scaling) -> None:
    fitted = fit_map(method, np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9]), np.arange(6) > 2)
    assert 0.1 < fitted(0.1) < 0.5 < fitted(0.9) < 0.9


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_are_all_alike_give_the_prevalence_or_stay(method: Scaling) -> None:
    truth = np.arange(40) < 10
    fitted = fit_map(method, np.full(40, 0.8), truth)
    near = 0.5 if method == "temperature" else 0.25  # a temperature cannot cross one half
    assert float(fitted(0.8)) == pytest.approx(near, abs=0.03)


@pytest.mark.parametrize("method", METHODS)
def test_scores_of_exactly_zero_and_one_are_taken(method: Scaling) -> None:
    raw = np.array([0.0] * 20 + [1.0] * 20 + [0.5] * 10)
    truth = np.array([False] * 17 + [True] * 3 + [True] * 15 + [False] * 5 + [True, False] * 5)
    found = fit_map(method, raw, truth)([0.0, 0.5, 1.0])
    assert np.isfinite(found).all()
    assert 0 < found[0] < found[1] < found[2] < 1
