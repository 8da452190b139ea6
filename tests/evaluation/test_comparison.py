"""Two sets of predictions: paired differences, exact tests, and who is compared on what."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import gold_of, predictions_of, renamed, simulated

from clinextract import DataError
from clinextract.evaluation.comparison import compare, holm, mcnemar
from clinextract.evaluation.figures import Scorer
from clinextract.evaluation.labels import Gold, Predictions
from clinextract.evaluation.metrics import Missing
from clinextract.evaluation.pairing import only, pair
from clinextract.evaluation.results import Comparison, Difference
from clinextract.evaluation.uncertainty import Bootstrap, sampled


def compared(
    gold: Gold, first: Predictions, second: Predictions, missing: Missing = "excluded", rounds: int = 100
) -> Comparison:
    bootstrap = Bootstrap(rounds)
    sets = [Scorer(pair(one, gold, allow_missing=True), missing) for one in (first, second)]
    return compare(*sampled(sets, bootstrap), bootstrap)


def difference(comparison: Comparison, metric: str, feature: str | None = None) -> Difference:
    [found] = [one for one in comparison.differences if (one.metric, one.feature) == (metric, feature)]
    return found


def test_mcnemar_of_a_table_that_others_have_worked_out() -> None:
    # The table [[101, 121], [59, 33]], an example of the tests of statsmodels; the sum is checked below.
    assert mcnemar(59, 121) == pytest.approx(4.434449e-06, rel=1e-6)
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(0, 6) == pytest.approx(2 / 2**6)
    assert mcnemar(5, 5) == 1
    assert mcnemar(0, 0) == 1


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_sum(only_first: int, only_second: int) -> None:
    n, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(comb(n, k) for k in range(fewer + 1)) / 2**n
    assert mcnemar(only_first, only_second) == pytest.approx(min(1.0, 2 * tail))


def test_holm_worked_out_by_hand() -> None:
    # In order 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1, none below the one before it; as p.adjust of R has it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=15))
def test_holm_rejects_what_the_step_down_procedure_rejects(p: list[float]) -> None:
    corrected = holm(p)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for step, at in enumerate(sorted(range(len(p)), key=p.__getitem__)):
            if p[at] * (len(p) - step) > level:
                break
            rejected.add(at)
        assert {at for at, value in enumerate(corrected) if value <= level} == rejected


def test_a_comparison_of_counts_worked_out_by_hand() -> None:
    truth = np.array([[True]] * 6 + [[False]] * 6)
    first, second = truth.copy(), truth.copy()
    first[[0, 6, 7]] ^= True  # the first errs at 0, 6 and 7
    second[[0, 1]] ^= True  # the second at 0 and 1
    found = compared(gold_of(truth), predictions_of(first, name="a"), predictions_of(second, name="b"))
    assert (found.first, found.second, found.transcripts) == ("a", "b", 12)
    [test] = found.tests
    assert (test.only_first_right, test.only_second_right) == (1, 2)
    assert test.p == test.p_holm == mcnemar(1, 2) == 1.0
    sensitivity = difference(found, "sensitivity", "feature_0")
    assert (sensitivity.first, sensitivity.second) == (pytest.approx(5 / 6), pytest.approx(4 / 6))
    assert sensitivity.difference.value == pytest.approx(-1 / 6)


def test_differences_are_of_the_same_resamples() -> None:
    gold, first = simulated(60, 4)
    _, second = simulated(60, 4, seed=1, skill=2)
    bootstrap = Bootstrap(100)
    sets = sampled([Scorer(pair(one, gold)) for one in (first, second)], bootstrap)
    found = compare(*sets, bootstrap)
    for metric in ("macro_f1", "auroc", "brier"):
        one, other = (set_.features[metric] for set_ in sets)
        by_feature = difference(found, metric, "feature_2").difference
        assert [by_feature.low, by_feature.high] == pytest.approx(
            np.quantile(other[:, 2] - one[:, 2], [0.025, 0.975]).tolist()
        )
        of_medians = difference(found, metric).difference
        assert [of_medians.low, of_medians.high] == pytest.approx(
            np.quantile(np.median(other, axis=1) - np.median(one, axis=1), [0.025, 0.975]).tolist()
        )


def test_the_same_predictions_do_not_differ() -> None:
    gold, predictions = simulated(40, 3)
    found = compared(gold, predictions, renamed(predictions, "again"))
    assert all(
        (one.difference.value, one.difference.low, one.difference.high) == (0, 0, 0) for one in found.differences
    )
    assert all(test.p_holm == 1 for test in found.tests)


def test_a_comparison_the_other_way_round_has_the_other_sign() -> None:
    gold, first = simulated(50, 3)
    _, second = simulated(50, 3, seed=1, skill=1)
    there, back = compared(gold, first, second), compared(gold, second, first)
    for one, other in zip(there.differences, back.differences, strict=True):
        assert one.difference.value == pytest.approx(-other.difference.value)
        assert one.difference.low == pytest.approx(-other.difference.high)
    assert [test.p for test in there.tests] == [test.p for test in back.tests]


def test_a_worse_model_is_found_worse() -> None:
    gold, good = simulated(300, 3, skill=4)
    _, poor = simulated(300, 3, seed=1, skill=1)
    found = compared(gold, good, poor)
    assert difference(found, "macro_f1").difference.high < 0
    assert difference(found, "brier").difference.low > 0
    assert all(test.p_holm < 0.001 for test in found.tests)


def with_failures(predictions: Predictions, rows: list[int]) -> Predictions:
    answered = predictions.answered.copy()
    answered[rows] = False
    return replace(
        predictions,
        answered=answered,
        values=predictions.values & answered,
        probabilities=np.where(answered, predictions.probabilities, np.nan),
        failed=~answered.any(axis=1),
    )


def test_only_transcripts_that_both_answer_are_compared() -> None:
    gold, first = simulated(40, 3)
    _, second = simulated(40, 3, seed=1)
    lacking = compared(gold, with_failures(first, [0, 1]), with_failures(second, [1, 2, 3]))
    assert lacking.transcripts == 36
    rows = list(range(4, 40))
    alone = compared(
        replace(gold, ids=tuple(gold.ids[row] for row in rows), values=gold.values[rows], labelled=gold.labelled[rows]),
        replace(first, ids=tuple(first.ids[row] for row in rows), **_rows(first, rows)),
        replace(second, ids=tuple(second.ids[row] for row in rows), **_rows(second, rows)),
    )
    assert lacking.model_dump() == alone.model_dump()


def _rows(predictions: Predictions, rows: list[int]) -> dict[str, np.ndarray]:
    return {name: getattr(predictions, name)[rows] for name in ("values", "answered", "probabilities", "failed")}


def test_with_missing_answers_wrong_a_failure_costs() -> None:
    gold, model = simulated(60, 3)
    failing = with_failures(renamed(model, "failing"), list(range(20)))
    left_out, wrong = compared(gold, model, failing), compared(gold, model, failing, "wrong")
    assert (left_out.transcripts, wrong.transcripts) == (40, 60)
    assert difference(left_out, "macro_f1").difference.value == 0
    assert difference(wrong, "macro_f1").difference.high < 0
    assert all(test.only_second_right == 0 < test.only_first_right for test in wrong.tests)


def test_only_shared_features_are_compared_and_at_least_one_is_needed() -> None:
    gold, model = simulated(30, 3)
    found = compared(gold, only(model, ["feature_2", "feature_0"]), only(model, ["feature_0", "feature_1"]))
    assert [test.feature for test in found.tests] == ["feature_0"]
    with pytest.raises(DataError, match="share no feature"):
        compared(gold, only(model, ["feature_2"]), only(model, ["feature_1"]))


def test_without_probabilities_on_one_side_ranking_is_not_compared() -> None:
    gold, model = simulated(30, 2)
    bare = predictions_of(model.values, name="bare")
    metrics = {one.metric for one in compared(gold, model, bare).differences}
    assert "macro_f1" in metrics
    assert not metrics & {"auroc", "brier", "ece", "average_precision"}


def test_no_transcript_that_both_answer_leaves_differences_undefined() -> None:
    gold, model = simulated(10, 2)
    found = compared(gold, with_failures(model, list(range(5))), with_failures(model, list(range(5, 10))))
    assert found.transcripts == 0
    assert all(one.difference.value is None and one.difference.reason for one in found.differences)
    assert all(test.p == 1 for test in found.tests)


def test_a_median_is_of_features_in_which_both_are_defined() -> None:
    truth = np.array([[True, True], [False, False], [True, False], [False, True]])
    first = truth.copy()
    second = truth.copy()
    second[:, 1] = False  # never found, so no precision there
    found = difference(compared(gold_of(truth), predictions_of(first), predictions_of(second)), "precision")
    assert (found.first, found.second, found.difference.value) == (1.0, 1.0, 0.0)
