"""What can be had without reading a transcript."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import gold_of, simulated

from clinextract.evaluation.baselines import all_false, prevalence
from clinextract.evaluation.figures import Scorer
from clinextract.evaluation.pairing import unanswered

# 1 of 4, 3 of 4, 2 of 4, and 1 of the 2 that are labelled.
TRUTH = [[1, 1, 1, 1], [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
LABELLED = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 0]]
BARE = unanswered(gold_of(TRUTH, LABELLED), [f"feature_{at}" for at in range(4)])


def test_all_false_finds_nothing_and_says_nothing_of_its_sureness() -> None:
    baseline = all_false(BARE)
    assert not baseline.predicted.any()
    assert baseline.answered.all()
    assert np.isnan(baseline.probabilities).all()
    figures = Scorer(baseline).point.features
    assert figures["accuracy"][0].tolist() == [0.75, 0.25, 0.5, 0.5]
    assert figures["sensitivity"][0].tolist() == [0, 0, 0, 0]


def test_prevalence_gives_what_most_labels_give() -> None:
    baseline = prevalence(BARE)
    assert baseline.probabilities[0].tolist() == [0.25, 0.75, 0.5, 0.5]
    assert baseline.predicted[0].tolist() == [False, True, False, False]
    assert (baseline.predicted == baseline.predicted[0]).all()
    figures = Scorer(baseline).point.features
    assert figures["accuracy"][0].tolist() == [0.75, 0.75, 0.5, 0.5]
    assert figures["auroc"][0].tolist() == [0.5] * 4
    assert figures["ece"][0].tolist() == [0] * 4
    assert figures["brier"][0] == pytest.approx([0.25 * 0.75] * 2 + [0.25] * 2)


def test_neither_is_right_more_often_than_a_model_that_knows_something() -> None:
    gold, _ = simulated(200, 5)
    bare = unanswered(gold, gold.features)
    for baseline in (all_false(bare), prevalence(bare)):
        figures = Scorer(baseline).point.features
        assert (figures["mcc"] == 0).all()
        assert (figures["macro_f1"] < 0.5).all()


def test_a_baseline_has_no_failures_and_keeps_the_transcripts() -> None:
    for baseline, name in ((all_false(BARE), "all-False"), (prevalence(BARE), "prevalence")):
        assert baseline.name == name
        assert baseline.ids == BARE.ids
        assert not baseline.failed.any()
        assert not baseline.without_prediction.any()
