"""Every metric that follows from counts equals an independent computation, and one that is undefined says why."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from simulated import paired_of
from sklearn import metrics as sk

from clinextract.evaluation.figures import Scorer
from clinextract.evaluation.metrics import (
    BY_KEY,
    METRICS,
    REASONS,
    Confusion,
    all_needs,
    from_confusion,
    quantile,
    reason,
)

COUNTED = [metric.key for metric in METRICS if not metric.probabilistic]


def confusion(tp: float, fp: float, fn: float, tn: float, *missing: float) -> Confusion:
    """Counts of one feature."""
    return Confusion(*(np.array([float(one)]) for one in (tp, fp, fn, tn, *(missing or (0, 0)))))


def figures(*counts: float, missing: str = "excluded") -> dict[str, float]:
    return {key: float(one[0]) for key, one in from_confusion(confusion(*counts), missing).items()}  # type: ignore[arg-type]


def test_a_table_worked_out_by_hand() -> None:
    # 20 transcripts: 6 found rightly, 2 found wrongly, 4 overlooked, 8 rightly left.
    found = figures(6, 2, 4, 8)
    assert found == pytest.approx(
        {
            "prevalence": 10 / 20,
            "accuracy": 14 / 20,
            "precision": 6 / 8,
            "sensitivity": 6 / 10,
            "specificity": 8 / 10,
            "f1": 12 / 18,
            "macro_f1": (12 / 18 + 16 / 22) / 2,
            "mcc": (6 * 8 - 2 * 4) / np.sqrt(8 * 10 * 10 * 12),
            "prediction_ratio": 8 / 10,
        }
    )


def test_all_false_is_not_rewarded() -> None:
    found = figures(0, 0, 5, 95)
    assert found["accuracy"] == 0.95
    assert found["macro_f1"] == pytest.approx((0 + 190 / 195) / 2)
    assert (found["mcc"], found["sensitivity"], found["prediction_ratio"]) == (0, 0, 0)
    assert np.isnan(found["precision"])


WITHOUT = {
    "no positives": ((0, 3, 0, 7), {"sensitivity", "macro_f1", "mcc", "prediction_ratio"}),
    "no negatives": ((3, 0, 7, 0), {"specificity", "macro_f1", "mcc"}),
    "nothing predicted": ((0, 0, 4, 6), {"precision"}),
    "only absent, only told absent": (
        (0, 0, 0, 9),
        {"precision", "sensitivity", "f1", "macro_f1", "mcc", "prediction_ratio"},
    ),
    "nothing answered": ((0, 0, 0, 0, 2, 3), set(COUNTED) - {"prevalence"}),
    "nothing labelled": ((0, 0, 0, 0, 0, 0), set(COUNTED)),
}


@pytest.mark.parametrize(("counts", "undefined"), WITHOUT.values(), ids=WITHOUT)
def test_what_is_undefined_has_no_value_and_a_reason(counts: tuple[int, ...], undefined: set[str]) -> None:
    found = figures(*counts)
    met = {need: bool(one[0]) for need, one in confusion(*counts).needs().items()}
    assert {key for key, value in found.items() if np.isnan(value)} == undefined
    for key in COUNTED:
        why = reason(BY_KEY[key], met)
        assert (why is not None) == (key in undefined)
        assert why is None or why in REASONS.values()


def test_missing_answers_are_left_out_or_wrong() -> None:
    counts = (6, 2, 4, 8, 1, 3)  # one present and three absent without an answer
    left_out, wrong = figures(*counts), figures(*counts, missing="wrong")
    assert left_out == pytest.approx(figures(6, 2, 4, 8) | {"prevalence": 11 / 24})
    expected = figures(6, 2 + 3, 4 + 1, 8)
    # These two tell of answers that were given: an answer that is missing is no prediction.
    expected |= {"precision": 6 / 8, "prediction_ratio": 8 / 11}
    assert wrong == pytest.approx(expected)


def test_with_missing_answers_wrong_a_set_of_failures_is_worth_nothing() -> None:
    found = figures(0, 0, 0, 0, 5, 5, missing="wrong")
    assert found["accuracy"] == found["sensitivity"] == found["specificity"] == found["macro_f1"] == 0


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """Truth, predictions and what is known of them, (n, k), and a weight for each transcript, (n,)."""
    shape = (draw(st.integers(1, 25)), draw(st.integers(1, 3)))
    truth, predicted, labelled, answered = (draw(arrays(bool, shape)) for _ in range(4))
    weights = draw(arrays(np.float64, shape[:1], elements=st.integers(0, 3) | st.floats(0.125, 4, width=16)))
    return truth, predicted, labelled, answered, weights


def by_scikit_learn(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    given = {"sample_weight": weights}
    return {
        "accuracy": sk.accuracy_score(truth, predicted, **given),
        "precision": sk.precision_score(truth, predicted, zero_division=0, **given),
        "sensitivity": sk.recall_score(truth, predicted, zero_division=0, **given),
        "specificity": sk.recall_score(truth, predicted, pos_label=False, zero_division=0, **given),
        "f1": sk.f1_score(truth, predicted, zero_division=0, **given),
        "macro_f1": sk.f1_score(
            truth, predicted, average="macro", labels=[False, True], zero_division=0, **given
        ),
        "mcc": sk.matthews_corrcoef(truth, predicted, **given),
        "prediction_ratio": np.average(predicted, weights=weights) / max(np.average(truth, weights=weights), 1e-300),
    }  # fmt: skip


@given(tables())
@settings(max_examples=60)
def test_every_metric_equals_scikit_learns(table: tuple[np.ndarray, ...]) -> None:
    truth, predicted, labelled, answered, weights = table
    paired = paired_of(truth, predicted, labelled=labelled, answered=answered)
    found = Scorer(paired)(weights[:, None]).features
    for at in range(truth.shape[1]):
        rows = labelled[:, at] & answered[:, at] & (weights > 0)
        if rows.any():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of one class only
                expected = by_scikit_learn(truth[rows, at], predicted[rows, at], weights[rows])
            for key, value in expected.items():
                if not np.isnan(found[key][0, at]):
                    assert found[key][0, at] == pytest.approx(value, abs=1e-9), key
            defined = {key for key in expected if not np.isnan(found[key][0, at])}
            assert defined == {key for key in expected if is_defined(key, truth[rows, at], predicted[rows, at])}
        known = labelled[:, at] & (weights > 0)
        if known.any():
            assert found["prevalence"][0, at] == pytest.approx(np.average(truth[known, at], weights=weights[known]))


def is_defined(key: str, truth: np.ndarray, predicted: np.ndarray) -> bool:
    """As the registry's definitions have it."""
    return {
        "accuracy": True,
        "precision": predicted.any(),
        "sensitivity": truth.any(),
        "specificity": (~truth).any(),
        "f1": (truth | predicted).any(),
        "macro_f1": truth.any() and (~truth).any(),
        "mcc": truth.any() and (~truth).any(),
        "prediction_ratio": truth.any(),
    }[key]


def test_the_registry_and_the_figures_name_the_same_metrics() -> None:
    found = Scorer(paired_of([[True], [False]], [[True], [True]], probabilities=[[0.9], [0.6]])).point.features
    assert set(found) == {metric.key for metric in METRICS} == set(BY_KEY)
    assert all(metric.definition.endswith(".") for metric in METRICS)


def test_a_definition_says_when_the_metric_is_undefined() -> None:
    for metric in METRICS:
        needs_more = set(all_needs(metric)) - {"labels", "answers", "probabilities"}
        assert ("undefined" in metric.definition) == bool(needs_more)


NUMBERS = st.floats(-10, 10) | st.just(float("nan"))


ARRAYS = arrays(np.float64, st.tuples(st.integers(1, 7), st.integers(1, 6)), elements=NUMBERS)


@given(ARRAYS, st.floats(0, 1), st.integers(0, 1))
@settings(max_examples=60)
def test_quantiles_are_numpys(values: np.ndarray, share: float, axis: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a row of nothing but nan
        expected = np.nanquantile(values, share, axis=axis)
    np.testing.assert_allclose(quantile(values, share, axis), expected, atol=1e-12)


def test_quantiles_of_nothing_are_undefined() -> None:
    assert np.isnan(quantile(np.empty((0, 3)), 0.5, axis=0)).all()
