"""Bootstrap intervals: rounds are what a plain loop gives, and intervals hold the truth as often as they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from simulated import paired_of, simulated
from sklearn import metrics as sk

from clinextract.evaluation.assessment import assess
from clinextract.evaluation.figures import Scorer
from clinextract.evaluation.metrics import METRICS, quantile
from clinextract.evaluation.pairing import Paired, pair
from clinextract.evaluation.uncertainty import Bootstrap, sampled


def counts_of(bootstrap: Bootstrap, transcripts: int) -> np.ndarray:
    return np.hstack(list(bootstrap.resamples(transcripts)))


def test_resamples_are_of_as_many_transcripts_and_come_from_the_seed() -> None:
    once = counts_of(Bootstrap(150, seed=3), 40)
    assert once.shape == (40, 150)
    assert (once.sum(axis=0) == 40).all()
    np.testing.assert_array_equal(once, counts_of(Bootstrap(150, seed=3), 40))
    assert (once != counts_of(Bootstrap(150, seed=4), 40)).any()
    # A transcript is left out of a resample with probability (1 - 1/n)^n.
    assert np.mean(once == 0) == pytest.approx((1 - 1 / 40) ** 40, abs=0.02)


def test_few_resamples_are_in_memory_at_once() -> None:
    chunks = [chunk.shape for chunk in Bootstrap(1000).resamples(300)]
    assert sum(shape[1] for shape in chunks) == 1000
    assert max(shape[1] for shape in chunks) <= 64


def test_every_round_is_what_its_transcripts_give_one_by_one() -> None:
    gold, predictions = simulated(30, 3)
    [set_] = sampled([Scorer(pair(predictions, gold))], Bootstrap(70, seed=5))
    counts = counts_of(Bootstrap(70, seed=5), 30).astype(int)
    for number in range(0, 70, 7):
        rows = np.repeat(np.arange(30), counts[:, number])  # whole transcripts: the same rows for every feature
        for at in range(3):
            truth, probabilities = gold.values[rows, at], predictions.probabilities[rows, at]
            predicted = predictions.values[rows, at]
            found = {key: set_.features[key][number, at] for key in set_.features}
            assert found["sensitivity"] == pytest.approx(sk.recall_score(truth, predicted))
            assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(truth, predicted))
            assert found["macro_f1"] == pytest.approx(sk.f1_score(truth, predicted, average="macro"))
            assert found["auroc"] == pytest.approx(sk.roc_auc_score(truth, probabilities))
            assert found["average_precision"] == pytest.approx(sk.average_precision_score(truth, probabilities))
            assert found["brier"] == pytest.approx(sk.brier_score_loss(truth, probabilities))


def test_an_interval_is_two_percentiles_of_the_rounds() -> None:
    gold, predictions = simulated(60, 5)
    bootstrap = Bootstrap(200, confidence=0.9)
    scorers = [Scorer(pair(predictions, gold))]
    [evaluation] = assess(sampled(scorers, bootstrap), bootstrap, {})
    [set_] = sampled(scorers, bootstrap)
    for metric in METRICS:
        draws = set_.features[metric.key]
        figure = evaluation.features[2].figures[metric.key]
        assert [figure.low, figure.high] == pytest.approx(np.nanquantile(draws[:, 2], [0.05, 0.95]).tolist())
        median = evaluation.summary[metric.key].median
        assert median.value == pytest.approx(np.median(Scorer(pair(predictions, gold)).point.features[metric.key]))
        assert [median.low, median.high] == pytest.approx(np.quantile(np.median(draws, axis=1), [0.05, 0.95]).tolist())
        upper = evaluation.summary[metric.key].upper_quartile
        assert upper.low == pytest.approx(np.quantile(np.quantile(draws, 0.75, axis=1), 0.05))


def assessed(paired: Paired, rounds: int = 300) -> object:
    bootstrap = Bootstrap(rounds)
    [evaluation] = assess(sampled([Scorer(paired)], bootstrap), bootstrap, {})
    return evaluation


def test_rounds_without_the_figure_are_left_out() -> None:
    truth = np.zeros((10, 1), dtype=bool)
    truth[0] = True  # in a resample with probability 1 - 0.9^10, about 0.65
    evaluation = assessed(paired_of(truth, truth))
    sensitivity = evaluation.features[0].figures["sensitivity"]
    assert (sensitivity.value, sensitivity.low, sensitivity.high, sensitivity.reason) == (1, 1, 1, None)


def test_where_most_rounds_lack_the_figure_there_is_no_interval_and_a_reason() -> None:
    truth = np.zeros((10, 1), dtype=bool)
    labelled = np.ones((10, 1), dtype=bool)
    truth[0], labelled[1:] = True, False
    labelled[1] = True  # one of each class: both are in a resample less than half of the time
    evaluation = assessed(paired_of(truth, truth, labelled=labelled))
    mcc = evaluation.features[0].figures["mcc"]
    assert (mcc.value, mcc.low, mcc.high) == (1.0, None, None)
    assert mcc.reason is not None
    assert mcc.reason.startswith("no interval: undefined in ")


def test_without_rounds_there_are_figures_and_no_intervals() -> None:
    gold, predictions = simulated(20, 2)
    evaluation = assessed(pair(predictions, gold), rounds=0)
    figure = evaluation.summary["macro_f1"].median
    assert figure.value is not None
    assert (figure.low, figure.high, figure.reason) == (None, None, None)


@pytest.mark.parametrize("wrong", [{"rounds": -1}, {"confidence": 0.0}, {"confidence": 1.0}, {"confidence": 95}])
def test_settings_that_make_no_interval_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Bootstrap(**wrong)  # type: ignore[arg-type]


def test_features_of_one_transcript_stay_together() -> None:
    """A feature that is there twice has the same figure in every round, and so an interval of no width."""
    gold, predictions = simulated(50, 1)
    twice = [0, 0]
    paired = paired_of(gold.values[:, twice], predictions.values[:, twice])
    [set_] = sampled([Scorer(paired)], Bootstrap(100))
    values = set_.features["mcc"]
    np.testing.assert_allclose(values[:, 0], values[:, 1])
    assert np.ptp(values[:, 0]) > 0


TRUE_SENSITIVITY = np.linspace(0.6, 0.9, 13)
TRUE_SPECIFICITY = np.linspace(0.95, 0.8, 13)
PREVALENCE = 0.3


def true_mcc() -> np.ndarray:
    tp, fn = PREVALENCE * TRUE_SENSITIVITY, PREVALENCE * (1 - TRUE_SENSITIVITY)
    tn, fp = (1 - PREVALENCE) * TRUE_SPECIFICITY, (1 - PREVALENCE) * (1 - TRUE_SPECIFICITY)
    return (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """95 % intervals, over 1,200 studies of 250 transcripts each, from a population whose figures are known."""
    random = np.random.default_rng(11)
    studies, transcripts, k = 1200, 250, 13
    held = {"sensitivity": 0, "mcc": 0, "median sensitivity": 0, "median mcc": 0}
    population = {"sensitivity": TRUE_SENSITIVITY, "mcc": true_mcc()}
    for study in range(studies):
        truth = random.random((transcripts, k)) < PREVALENCE
        # One draw for a transcript and one for an answer: errors in the same transcript go together.
        shared = random.normal(0, 1, (transcripts, 1))
        luck = norm.cdf((shared + random.normal(0, 1, truth.shape)) / np.sqrt(2))
        predicted = np.where(truth, luck < TRUE_SENSITIVITY, luck >= TRUE_SPECIFICITY)
        bootstrap = Bootstrap(300, seed=study)
        [set_] = sampled([Scorer(paired_of(truth, predicted))], bootstrap)
        for key, true in population.items():
            draws = set_.features[key]
            each = bootstrap.interval(draws)
            held[key] += int((each.low[6] <= true[6]) & (true[6] <= each.high[6]))
            whole = bootstrap.interval(quantile(draws, 0.5, axis=1))
            middle = np.median(true)
            held[f"median {key}"] += int((whole.low <= middle) & (middle <= whole.high))
    coverage = {key: count / studies for key, count in held.items()}
    # Two standard errors of a share of 0.95 in 1,200 are 0.013.
    assert all(0.93 <= share <= 0.98 for share in coverage.values()), coverage


def test_the_name_of_the_set_does_not_matter() -> None:
    gold, predictions = simulated(40, 3)
    one, other = (pair(replace(predictions, name=name), gold) for name in ("a", "b"))
    first, second = sampled([Scorer(one), Scorer(other)], Bootstrap(50))
    for key, draws in first.features.items():
        np.testing.assert_array_equal(draws, second.features[key])
