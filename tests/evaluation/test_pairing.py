"""Predictions beside the gold standard: whose ids, whose features, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import gold_of, predictions_of, simulated

from clinextract import ColumnMissing, DataError
from clinextract.evaluation.labels import Gold, Predictions
from clinextract.evaluation.pairing import only, pair, take, unanswered

GOLD = gold_of([[True, False], [False, True], [True, True]], columns={"ward": ("1", "2", "2")})
MODEL = predictions_of(
    [[True, True], [False, True], [False, True]], probabilities=np.linspace(0.1, 0.6, 6).reshape(3, 2)
)


def shuffled(predictions: Predictions, order: list[int]) -> Predictions:
    by_row = ("values", "answered", "probabilities", "failed")
    return replace(
        predictions,
        ids=tuple(predictions.ids[at] for at in order),
        **{name: getattr(predictions, name)[order] for name in by_row},
    )


def test_rows_are_put_in_the_gold_standards_order() -> None:
    straight, turned = pair(MODEL, GOLD), pair(shuffled(MODEL, [2, 0, 1]), GOLD)
    assert straight.ids == turned.ids == GOLD.ids
    np.testing.assert_array_equal(turned.predicted, MODEL.values)
    np.testing.assert_array_equal(turned.probabilities, MODEL.probabilities)
    np.testing.assert_array_equal(turned.truth, GOLD.values)
    assert turned.columns == GOLD.columns
    assert not turned.without_prediction.any()


def test_ids_on_one_side_only_are_counted_listed_and_refused() -> None:
    gold, predictions = gold_of([[True]] * 14), predictions_of([[True]] * 2)
    with pytest.raises(DataError) as caught:
        pair(replace(predictions, ids=("call-3", "stranger")), gold)
    message = caught.value.message
    assert "13 of 14 ids of gold have no prediction in model: call-0, call-1, call-2, call-4" in message
    assert "and 3 more" in message
    assert "1 of 2 ids of model are not in gold: stranger" in message
    assert "--allow-missing" in caught.value.hint


def test_where_it_is_allowed_the_others_are_compared() -> None:
    gold = gold_of([[True], [True], [False]])
    paired = pair(replace(predictions_of([[True]] * 2), ids=("call-2", "stranger")), gold, allow_missing=True)
    assert paired.without_prediction.tolist() == [True, True, False]
    assert paired.answered.tolist() == [[False], [False], [True]]
    assert paired.predicted.tolist() == [[False], [False], [True]]
    assert not paired.failed.any()  # a prediction that is not there is none that failed
    assert len(paired.notes) == 2


def test_files_of_different_calls_are_refused_in_any_case() -> None:
    strangers = replace(MODEL, ids=("x", "y", "z"))
    with pytest.raises(DataError, match="no id of model is in gold"):
        pair(strangers, GOLD, allow_missing=True)


def test_ids_that_may_be_words_are_not_shown() -> None:
    with pytest.raises(DataError) as caught:
        pair(replace(MODEL, ids=("call-0", "call-1", "Zarathustra coughs")), GOLD)
    assert "Zarathustra" not in str(caught.value)


def test_a_feature_without_labels_is_named() -> None:
    with pytest.raises(ColumnMissing, match="no labels for what model predicts: pain") as caught:
        pair(replace(MODEL, features=("feature_0", "pain")), GOLD)
    assert "--features" in caught.value.hint


def test_a_feature_without_predictions_is_noted() -> None:
    paired = pair(only(MODEL, ["feature_1"]), GOLD)
    assert paired.features == ("feature_1",)
    assert paired.truth.tolist() == [[False], [True], [True]]
    assert paired.notes == ("model does not have, and so is not compared on: feature_0",)


def test_some_features_of_predictions() -> None:
    turned = only(MODEL, ["feature_1", "feature_0", "feature_1"])
    assert turned.features == ("feature_1", "feature_0")
    np.testing.assert_array_equal(turned.values, MODEL.values[:, ::-1])
    with pytest.raises(ColumnMissing, match="no answers for: pain"):
        only(MODEL, ["pain"])


def test_failures_only_are_compared_on_what_the_gold_standard_has() -> None:
    nothing = np.zeros((3, 0), dtype=bool)
    failures = Predictions("model", GOLD.ids, (), nothing, nothing, np.zeros((3, 0)), np.ones(3, dtype=bool))
    paired = pair(failures, GOLD)
    assert paired.features == GOLD.features
    assert paired.failed.all()
    assert not paired.answered.any()


def test_taking_some_transcripts_and_features() -> None:
    gold, predictions = simulated(20, 4)
    paired = pair(predictions, replace(gold, columns={"ward": tuple("ab" * 10)}))
    rows = np.arange(20) % 2 == 0
    some = take(paired, rows, ["feature_3", "feature_1"])
    assert some.ids == paired.ids[::2]
    assert some.columns["ward"] == ("a",) * 10
    for name in ("truth", "labelled", "predicted", "answered", "probabilities"):
        np.testing.assert_array_equal(getattr(some, name), getattr(paired, name)[::2][:, [3, 1]])


def test_a_gold_standard_by_itself_has_no_answers() -> None:
    bare = unanswered(GOLD, ["feature_1"])
    assert bare.truth.tolist() == [[False], [True], [True]]
    assert not bare.answered.any()
    assert bare.without_prediction.all()


def test_repr_shows_no_row() -> None:
    gold = Gold("gold", ("Zarathustra",), ("pain",), np.array([[True]]), np.array([[True]]), {"note": ("coughs",)})
    assert repr(unanswered(gold, gold.features)) == "Paired(name='', transcripts=1, features=1)"
